//! Exported files come back byte by byte; damaged ones as far as they are whole.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::export::{Format, Told, write};
use crate::journal::contract::History;
use crate::journal::{Commit, Export, Scope};
use crate::model::{
    Attribute, Body, Filter, Ids, Join, Joined, LlmParameters, LlmRequest, LlmTimes, Observed, Record, Seq, SpanEvent,
    SpanStatus, StoryView, Timestamp, What,
};
use crate::sinks::feed::{Detail, Polls};

/// What must come through unharmed: formulas, the other direction, faces, NUL, broken UTF-8, line breaks, JSON in JSON.
const HOSTILE: [&[u8]; 9] = [
    b"=HYPERLINK(\"http://x\")",
    "\u{202e}txet\u{2066}\u{feff}".as_bytes(),
    "😀 ä 漢字".as_bytes(),
    b"a\0b",
    b"\xff\xfe\x80{",
    b"{\"a\":\"\\u0000\\ud83d\\ude00\",\r\n \"b\":[1e308,-0.0]}",
    b"\n\r\t\x1b[31m",
    b"{\"base64\":\"AAAA\"}",
    b"",
];

/// A record with more in it than random histories have.
fn dressed(record: &Record, rng: &mut fastrand::Rng) -> Record {
    let mut record = record.clone();
    if let Body::Message(message, resolved) = &mut record.body {
        let bytes = HOSTILE[rng.usize(..HOSTILE.len())];
        message.payload.bytes = bytes.into();
        message.subject = String::from_utf8_lossy(bytes).into();
        message.stored = Timestamp::from_nanos(rng.i64(..));
        message.observed = rng.bool().then(|| Box::new(observed(rng)));
        resolved.violations = vec!["missing:story_id".into(); rng.usize(..3)];
        resolved.summary = String::from_utf8_lossy(HOSTILE[rng.usize(..HOSTILE.len())]).into();
    }
    for span in &mut record.spans {
        let at = Timestamp::from_nanos(rng.i64(..));
        (span.start, span.end) = (at, at);
        span.attributes = vec![
            Attribute::float("f", f64::from_bits(rng.u64(..)).min(f64::INFINITY)),
            Attribute::float("inf", f64::NEG_INFINITY),
            Attribute::int("n", rng.i64(..)),
            Attribute::bool("b", rng.bool()),
            Attribute::texts("t", vec!["\u{0}".into(), "=1".into()]),
        ];
        span.events = vec![SpanEvent { at, name: "nak".into(), attributes: vec![Attribute::text("k", "v")] }];
        span.status = SpanStatus::Error("broke\n".into());
    }
    record
}

fn observed(rng: &mut fastrand::Rng) -> Observed {
    let seconds = f64::from(rng.u32(..)) / 7.0;
    let request = LlmRequest {
        times: LlmTimes { first_token: Some(seconds), ..LlmTimes::default() },
        parameters: LlmParameters { temperature: Some(0.1), ..LlmParameters::default() },
        ..LlmRequest::default()
    };
    let what = if rng.bool() {
        What::LlmRequest(Box::new(request))
    } else {
        What::LlmJoined(Box::new(Joined { request, seq: rng.u64(..), join: Join::default() }))
    };
    Observed { ids: Ids::default(), summary: "seen".into(), what, ..Observed::default() }
}

fn open_in(folder: &Path) -> Embedded {
    Embedded::open(folder, Duration::MAX, 1 << 28).expect("opens")
}

/// A journal of random records, beginning where the old ones expired.
fn journal(seed: u64) -> (TempDir, Embedded) {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open_in(folder.path());
    let (mut history, mut rng) = (History::new(seed), fastrand::Rng::with_seed(seed));
    history.more(rng.usize(..200));
    let skipped = history.records().len();
    for n in 0..rng.usize(2..12) {
        let count = rng.usize(1..90);
        let records: Vec<_> = history.more(count).iter().map(|r| Arc::new(dressed(r, &mut rng))).collect();
        let closed =
            [StoryView { story_id: format!("s-{n}").into(), last_event: records[0].at, ..StoryView::default() }];
        journal.append(&Commit { records: &records, closed: &closed, ..Commit::default() }).expect("appends");
    }
    assert_eq!(journal.stats().expect("stats").first_seq, skipped as Seq + 1);
    (folder, journal)
}

fn exported(journal: &Embedded, format: Format, filter: &Filter, from: Seq) -> Vec<u8> {
    let what = Export { filter: filter.clone(), from, scope: Scope::Records };
    let polls = Polls::default();
    let told = Told { format, detail: Detail::Full, what: &what, polls: &polls, at: Timestamp::from_nanos(1) };
    let mut file = Vec::new();
    write(journal, &told, &mut file, &mut |_| {}).expect("written");
    file
}

struct Target {
    folder: TempDir,
}

impl Target {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }

    fn import(&self, files: &[PathBuf], append: bool) -> anyhow::Result<ExitCode> {
        Args { files: files.to_vec(), journal: self.folder.path().join("journal"), append }.run()
    }

    fn journal(&self) -> Embedded {
        open_in(&self.folder.path().join("journal"))
    }
}

fn records(journal: &Embedded) -> Vec<Arc<Record>> {
    journal.read(0, usize::MAX, usize::MAX).expect("read")
}

/// What an exit code is can be compared only by what it prints.
fn code(result: &anyhow::Result<ExitCode>) -> String {
    result.as_ref().map_or_else(|error| format!("{error:#}"), |code| format!("{code:?}"))
}

#[test]
fn what_was_exported_comes_back_byte_by_byte() {
    for seed in 0..12 {
        let (_folder, source) = journal(seed);
        for format in [Format::Ndjson, Format::Parquet] {
            let file = exported(&source, format, &Filter::default(), 0);
            let target = Target::new();
            let path = target.file("all", &file);
            assert_eq!(code(&target.import(&[path], false)), code(&Ok(ExitCode::SUCCESS)), "seed {seed}");
            let copy = target.journal();
            let (own, of_copy) = (source.stats().expect("stats"), copy.stats().expect("stats"));
            assert_eq!((own.first_seq, own.last_seq), (of_copy.first_seq, of_copy.last_seq));
            assert!(records(&source) == records(&copy), "records differ, seed {seed}");
            assert_eq!(source.stories(None, 100).expect("stories"), copy.stories(None, 100).expect("stories"));
            assert_eq!(source.store().expect("named"), copy.store().expect("named"));
            assert!(exported(&copy, format, &Filter::default(), 0) == file, "exporting again gives other bytes");
            for story in 0..5 {
                let story = format!("s-{story}");
                let trace = |journal: &Embedded| journal.story_records(&story, usize::MAX, usize::MAX).expect("story");
                assert_eq!(trace(&source), trace(&copy));
            }
        }
    }
}

#[test]
fn a_part_of_a_history_comes_back_with_its_deliveries_and_traces() {
    for seed in 20..28 {
        let (_folder, source) = journal(seed);
        let filter = Filter { story: vec!["s-1".into(), "s-3".into()], ..Filter::default() };
        let file = exported(&source, Format::Ndjson, &filter, 0);
        let target = Target::new();
        let path = target.file("story.ndjson", &file);
        assert_eq!(code(&target.import(&[path], false)), code(&Ok(ExitCode::SUCCESS)), "seed {seed}");
        let copy = target.journal();
        for story in ["s-1", "s-3"] {
            let trace = |journal: &Embedded| journal.story_records(story, usize::MAX, usize::MAX).expect("story");
            assert_eq!(trace(&source), trace(&copy), "{story}, seed {seed}");
        }
        // An entry of another story that merely has a span in the trace comes alone.
        let own =
            |r: &&Arc<Record>| r.entry().is_some_and(|(_, r)| matches!(r.ids.story.as_deref(), Some("s-1" | "s-3")));
        for record in records(&copy).iter().filter(own) {
            let deliveries = |journal: &Embedded| journal.deliveries(record.seq).expect("deliveries");
            assert_eq!(deliveries(&source), deliveries(&copy), "of {}", record.seq);
        }
    }
}

#[test]
fn packed_files_are_read_and_pieces_are_put_together() {
    let (_folder, source) = journal(31);
    let all = records(&source);
    let middle = all[all.len() / 2].seq;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let first = exported(&source, Format::Ndjson, &Filter::default(), 0);
    gzip.write_all(&first).expect("memory");
    let rest = exported(&source, Format::Ndjson, &Filter::default(), middle);
    let rest = zstd::encode_all(&*rest, 0).expect("memory");
    let target = Target::new();
    let files = [target.file("a", &gzip.finish().expect("memory")), target.file("b", &rest)];
    assert_eq!(code(&target.import(&files, false)), code(&Ok(ExitCode::SUCCESS)));
    assert!(records(&target.journal()) == all, "what both hold is there once");

    let refused = target.import(&files, false).expect_err("it holds records");
    assert!(refused.to_string().contains("--append"), "{refused:#}");
    assert_eq!(code(&target.import(&files, true)), code(&Ok(ExitCode::SUCCESS)), "nothing new");
    let (_other, other) = journal(32);
    let path = target.file("other", &exported(&other, Format::Ndjson, &Filter::default(), 0));
    let refused = target.import(&[path], true).expect_err("another store");
    assert!(format!("{refused:#}").contains("another store"), "{refused:#}");
    assert!(records(&target.journal()) == all, "nothing of it is there");
}

#[test]
fn what_is_whole_of_a_damaged_file_is_kept() {
    let (_folder, source) = journal(41);
    let (all, file) = (records(&source), exported(&source, Format::Ndjson, &Filter::default(), 0));
    let lines: Vec<&[u8]> = file.split_inclusive(|b| *b == b'\n').collect();
    let deep = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let with = |n: usize, line: &[u8]| {
        let mut lines = lines.clone();
        lines[n] = line;
        lines.concat()
    };
    let cut = file.len() / 2;
    let kept = memchr::memchr_iter(b'\n', &file[..cut]).count() - 1;
    let changed = {
        let mut line = lines[3].to_vec();
        let at = line.windows(5).position(|w| w == b"\"at\":").expect("a time") + 10;
        line[at] = if line[at] == b'1' { b'2' } else { b'1' };
        line
    };
    let cases: [(&str, Vec<u8>, usize); 7] = [
        ("changed", with(3, &changed), all.len() - 1),
        ("cut", file[..cut].to_vec(), kept),
        ("no end", lines[..=all.len()].concat(), all.len()),
        ("nonsense", with(3, b"{\"seq\": 3, nonsense\n"), all.len() - 1),
        ("deep", with(3, deep.as_bytes()), all.len() - 1),
        ("broken text", with(3, b"\xff\xff\n"), all.len() - 1),
        ("no record", with(3, b"{\"seq\":4611686018427387904,\"at\":\"2026-01-01T00:00:00Z\"}\n"), all.len() - 1),
    ];
    for (what, bytes, kept) in cases {
        let target = Target::new();
        let path = target.file("damaged", &bytes);
        assert_eq!(code(&target.import(&[path], false)), code(&Ok(ExitCode::from(2))), "{what}");
        let copy = records(&target.journal());
        let held = copy.iter().filter(|r| all.iter().any(|a| a == *r)).count();
        // A tick among the records is as empty as what fills a hole.
        assert!(held == kept || held == kept + 1, "{what}: {held} of {kept}");
    }
}

#[test]
fn what_is_no_export_is_refused_and_nothing_is_made_of_it() {
    let (_folder, source) = journal(51);
    let file = exported(&source, Format::Ndjson, &Filter::default(), 0);
    let text = String::from_utf8(file).expect("text");
    let cases = [
        ("", "header"),
        ("{\"seq\":1}\n", "header"),
        (&text.replacen("\"format\":1", "\"format\":9", 1), "newer"),
        (&text.replacen("\"lossless\":true", "\"lossless\":false", 1), "--payload full"),
    ];
    for (bytes, told) in cases {
        let target = Target::new();
        let path = target.file("f", bytes.as_bytes());
        let refused = target.import(&[path], false).expect_err("refused");
        assert!(format!("{refused:#}").contains(told), "{refused:#}");
        assert!(records(&target.journal()).is_empty());
    }
    let target = Target::new();
    assert!(target.import(&[target.folder.path().join("missing")], false).is_err());
    assert!(target.import(&[target.folder.path().to_owned()], false).is_err(), "a folder is no file");
}

#[test]
fn a_damaged_parquet_file_is_told_and_harms_nothing() {
    let (_folder, source) = journal(71);
    let file = exported(&source, Format::Parquet, &Filter::default(), 0);
    let mut rng = fastrand::Rng::with_seed(71);
    for _ in 0..60 {
        let mut damaged = file.clone();
        match rng.u8(..3) {
            0 => damaged.truncate(rng.usize(4..file.len())),
            1 => (0..4).for_each(|_| damaged[rng.usize(4..file.len())] ^= 1 << rng.u8(..8)),
            _ => damaged[rng.usize(4..file.len() - 200)..][..100].fill(rng.u8(..)),
        }
        let target = Target::new();
        let path = target.file("damaged", &damaged);
        // Whatever it says of it: what is in the journal then is of the source.
        let _ = target.import(&[path], false);
        let all = records(&source);
        let is_of_source = |record: &Arc<Record>| {
            all.binary_search_by_key(&record.seq, |r| r.seq).is_ok_and(|at| all[at] == *record)
                || matches!(record.body, Body::Tick)
        };
        assert!(records(&target.journal()).iter().all(is_of_source));
    }
}

#[test]
fn a_bomb_stays_small() {
    // A gigabyte of one line in a megabyte: passed over, not kept.
    let mut packed = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    let (_folder, source) = journal(61);
    packed.write_all(&exported(&source, Format::Ndjson, &Filter::default(), 0)).expect("memory");
    let piece = vec![b'x'; 1 << 20];
    (0..200).for_each(|_| packed.write_all(&piece).expect("memory"));
    let target = Target::new();
    let path = target.file("bomb", &packed.finish().expect("memory"));
    assert_eq!(code(&target.import(&[path], false)), code(&Ok(ExitCode::from(2))));
    assert!(records(&target.journal()) == records(&source), "what stood before it is there");
}
