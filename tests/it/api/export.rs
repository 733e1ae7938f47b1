//! The history as a file: every format read back by somebody else's reader, and what a bad client can do.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use fleetscope::model::Body;
use http_body_util::BodyExt as _;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value as Json, json};

use super::world::{BOUND, World, acked, at, entry, with_payload};
use crate::support::daemon::sum;
use crate::support::until;

/// A world whose history has twenty entries of two stories, and a delivery.
fn small() -> World {
    let world = World::start();
    world.commit(|seq| {
        let mut records: Vec<_> = (0..20).map(|n| entry(seq + n, if n < 10 { "US-1" } else { "US-2" })).collect();
        records.push(acked(seq + 20, 3, "US-1", "planner"));
        records
    });
    world
}

/// A world whose history does not fit into any buffer on the way to a client.
fn large(configure: impl FnOnce(&mut fleetscope::config::Config)) -> World {
    let world = World::with(configure);
    let payload = format!("{{\"text\":\"{}\"}}", "x".repeat(100_000));
    world.commit(|seq| (0..300).map(|n| with_payload(seq + n, "US-1", payload.clone())).collect());
    world
}

async fn text(world: &World, query: &str) -> String {
    let response = world.http.get(world.url(&format!("/api/export?{query}"))).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{query}");
    response.text().await.expect("a whole body")
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON on every line")).collect()
}

async fn sample(world: &World, name: &str) -> u64 {
    let page = world.http.get(world.url("/metrics")).send().await.expect("an answer").text().await.expect("a page");
    sum(&page, name) as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_the_events_of_the_api_in_one_array() {
    let world = small();
    let items = world.items("/api/events?order=asc&limit=1000").await;
    let all: Vec<Json> = serde_json::from_str(&text(&world, "format=json").await).expect("an array");
    assert_eq!(all, items);
    let full: Vec<Json> =
        serde_json::from_str(&text(&world, "format=json&payload=full&story=US-2").await).expect("an array");
    assert_eq!(full, world.items("/api/events?order=asc&payload=full&story=US-2").await);
    assert_eq!(text(&world, "format=json&story=nobody").await, "[\n]\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ndjson_says_what_it_is_and_how_much_it_was() {
    let world = small();
    let all = lines(&text(&world, "").await);
    let head = &all[0]["fleetscope"];
    assert_eq!((&head["format"], &head["lossless"], &head["newest"]), (&json!(1), &json!(true), &json!(21)));
    let seqs: Vec<u64> = all[1..22].iter().map(|line| line["seq"].as_u64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=21).collect::<Vec<_>>());
    assert_eq!(all[1]["message"]["payload"]["bytes"], "{\"story_id\":\"US-1\",\"n\":1}");
    assert_eq!(all[21]["delivery"]["consumer"], "planner");
    assert_eq!(all[22]["end"], json!({"from":0,"records":21,"entries":20,"stories":0,"last":21,"left_out":0}));
    let rest = lines(&text(&world, "from=15").await);
    assert_eq!((rest[1]["seq"].as_u64(), rest[8]["end"]["records"].as_u64()), (Some(15), Some(7)));
    let part = lines(&text(&world, &format!("payload=summary&since={}&until={}", at(4), at(6))).await);
    assert_eq!(part[0]["fleetscope"]["lossless"], false);
    assert_eq!(part[1..3], world.items(&format!("/api/events?order=asc&since={}&until={}", at(4), at(6))).await);
}

/// Text that harms who believes it: a formula, the other direction, faces, NUL, quotes, line breaks.
const HOSTILE: [&str; 7] = [
    "=cmd|' /C calc'!A0",
    "-2+3\",\"x",
    "@SUM(1)",
    "\u{202e}gnp.exe 😀 漢字",
    "a\0b",
    "one\r\ntwo\n,\"three\"",
    "'quoted'",
];

fn hostile() -> World {
    let world = World::start();
    world.commit(|seq| {
        let make = |(n, text): (usize, &&str)| {
            let mut record = with_payload(seq + n as u64, "US-1", (*text).to_owned());
            if let Body::Message(message, resolved) = &mut record.body {
                message.subject = (*text).into();
                resolved.summary = (*text).into();
                resolved.ids.agent = None;
            }
            record
        };
        HOSTILE.iter().enumerate().map(make).collect()
    });
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_is_read_by_others_and_runs_nothing() {
    let world = hostile();
    let text = text(&world, "format=csv&payload=full").await;
    assert!(text.starts_with("seq,id,timestamp,received,source,type,subject,severity,summary,story_id,"), "{text}");
    assert!(text.ends_with("\r\n") && text.split("\r\n").count() > HOSTILE.len());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().expect("a header").clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row of as many cells")).collect();
    assert_eq!(rows.len(), HOSTILE.len());
    let items = world.items("/api/events?order=asc&payload=full").await;
    for (row, (text, item)) in rows.iter().zip(HOSTILE.iter().zip(items)) {
        let cell = |name: &str| &row[names.iter().position(|n| n == name).expect("a column")];
        for name in ["subject", "summary", "data"] {
            let read = cell(name);
            assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{name}: {read}");
            let plain = text.replace('\0', "\u{fffd}");
            assert!(read == plain || read == format!("'{plain}"), "{name}: {read}");
        }
        assert_eq!(cell("seq"), item["seq"].to_string());
        assert_eq!(cell("timestamp"), item["timestamp"].as_str().expect("a time"));
        assert_eq!((cell("agent_id"), cell("story_id"), cell("producer_inferred")), ("", "US-1", "true"));
        assert_eq!(serde_json::from_str::<Json>(cell("deliveries")).expect("JSON"), item["deliveries"]);
    }
    assert!(!self::text(&world, "format=csv").await.lines().next().expect("a header").contains("data"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_has_types_and_all_of_a_record() {
    let world = hostile();
    let ask = world.http.get(world.url("/api/export?format=parquet")).header("accept-encoding", "gzip");
    let response = ask.send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "application/vnd.apache.parquet");
    assert!(!response.headers().contains_key("content-encoding"), "packed once is enough");
    let reader = SerializedFileReader::new(response.bytes().await.expect("a whole body")).expect("Parquet");
    let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), HOSTILE.len());
    for (n, (row, text)) in rows.iter().zip(HOSTILE).enumerate() {
        let cells: BTreeMap<&String, &Field> = row.get_column_iter().collect();
        let cell = |name: &str| cells[&name.to_owned()];
        assert_eq!(*cell("seq"), Field::ULong(n as u64 + 1));
        assert_eq!(*cell("summary"), Field::Str(text.to_owned()));
        assert_eq!(*cell("data"), Field::Str(text.to_owned()));
        assert_eq!((cell("agent_id"), cell("producer_inferred")), (&Field::Null, &Field::Bool(true)));
        let Field::Str(record) = cell("record") else { panic!("a text") };
        let record: Json = serde_json::from_str(record).expect("a line of NDJSON");
        assert_eq!(record["message"]["subject"], text);
    }
    let told = reader.metadata().file_metadata().key_value_metadata().expect("told");
    let end =
        told.iter().find(|pair| pair.key == "fleetscope.end").and_then(|pair| pair.value.clone()).expect("an end");
    assert_eq!(serde_json::from_str::<Json>(&end).expect("JSON")["end"]["entries"], HOSTILE.len());
    let summary =
        world.http.get(world.url("/api/export?format=parquet&payload=summary")).send().await.expect("an answer");
    let reader = SerializedFileReader::new(summary.bytes().await.expect("a whole body")).expect("Parquet");
    let names: Vec<_> =
        reader.metadata().file_metadata().schema().get_fields().iter().map(|f| f.name().to_owned()).collect();
    assert!(
        names.contains(&"summary".to_owned())
            && !names.contains(&"record".to_owned())
            && !names.contains(&"data".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_a_name_and_an_end_and_is_packed_if_asked() {
    let world = small();
    let plain = text(&world, "").await;
    let after_head = |text: &str| text.split_once('\n').expect("lines").1.to_owned();
    for (encoding, unpack) in [("gzip", gunzip as fn(&[u8]) -> Vec<u8>), ("zstd", unzstd)] {
        let ask = world.http.get(world.url("/api/export")).header("accept-encoding", encoding);
        let response = ask.send().await.expect("an answer");
        assert_eq!(response.headers()["content-encoding"], encoding);
        let name = response.headers()["content-disposition"].to_str().expect("text").to_owned();
        assert!(name.starts_with("attachment; filename=\"fleetscope-20") && name.ends_with("Z.ndjson\""), "{name}");
        let unpacked = unpack(&response.bytes().await.expect("a whole body"));
        assert_eq!(after_head(&String::from_utf8(unpacked).expect("text")), after_head(&plain));
    }
    let ask = world.http.get(world.url("/api/export?format=json")).header("te", "trailers");
    let response: http::Response<reqwest::Body> = ask.send().await.expect("an answer").into();
    let body = response.into_body().collect().await.expect("a whole body");
    let trailers = body.trailers().expect("told at the end");
    assert_eq!(
        (&trailers["x-fleetscope-entries"], &trailers["x-fleetscope-last"]),
        (&"20".parse().expect("a value"), &"20".parse().expect("a value"))
    );
    until("exports are counted", BOUND, || async {
        sample(&world, "fleetscope_exports_total{format=\"ndjson\",outcome=\"complete\"}").await == 3
    })
    .await;
    assert_eq!(sample(&world, "fleetscope_export_entries_total{format=\"ndjson\"}").await, 60);
    assert!(sample(&world, "fleetscope_export_bytes_total{format=\"ndjson\"}").await >= 3 * plain.len() as u64);
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).expect("gzip");
    plain
}

fn unzstd(packed: &[u8]) -> Vec<u8> {
    zstd::decode_all(packed).expect("zstd")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_with_what_is_allowed() {
    let world = small();
    for (query, parameter, allowed) in [
        ("format=pdf", "format", "ndjson"),
        ("from=first", "from", "seq"),
        ("limit=10", "limit", "/api/events"),
        ("cursor=e1", "cursor", "from"),
        ("order=desc", "order", "oldest first"),
        ("storry=1", "storry", "story"),
        ("since=1m&until=5m", "until", "later"),
    ] {
        let (status, problem) = world.get(&format!("/api/export?{query}")).await;
        assert_eq!((status, problem["parameter"].as_str()), (400, Some(parameter)), "{query}: {problem}");
        assert!(problem["allowed"].as_str().is_some_and(|text| text.contains(allowed)), "{problem}");
    }
    assert_eq!(lines(&text(&world, "from=99999999999").await).len(), 2, "a future is empty, not wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_gets_what_a_viewer_may_see() {
    let (viewer, debug) = ("viewer-0123456789abcdef", "debug-0123456789abcdef");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "viewer {viewer}\ndebug {debug}").expect("written");
    let world = World::with(|config| config.http.tokens_file = Some(file.path().to_owned()));
    world.commit(|seq| vec![with_payload(seq, "US-1", "{\"prompt\":\"confidential\"}".to_owned())]);
    let ask = |token: &str, query: &str| {
        let request = world.http.get(world.url(&format!("/api/export?{query}"))).bearer_auth(token);
        async move {
            let response = request.send().await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("a whole body"))
        }
    };
    for format in ["ndjson", "json", "csv"] {
        let (status, body) = ask(viewer, &format!("format={format}")).await;
        assert!(status == 200 && !body.contains("confidential") && !body.contains("word word word"), "{body}");
        assert_eq!(ask(viewer, &format!("format={format}&payload=full")).await.0, 403);
        let (status, body) = ask(debug, &format!("format={format}&payload=full")).await;
        assert!(status == 200 && body.contains("confidential"), "{body}");
    }
    assert!(lines(&ask(debug, "").await.1)[0]["fleetscope"]["lossless"] == true);
    assert_eq!(ask("wrong-0123456789abcdef", "").await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_a_time_are_bounded_and_harm_nobody() {
    let world = large(|_| {});
    let asks = (0..50).map(|_| world.http.get(world.url("/api/export")).send());
    let answers = futures::future::join_all(asks).await;
    let mut open = Vec::new();
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in answers {
        let answer = answer.expect("an answer");
        *statuses.entry(answer.status().as_u16()).or_default() += 1;
        if answer.status() == 200 {
            open.push(answer);
        } else {
            assert_eq!(answer.headers()["retry-after"], "10");
            assert!(answer.text().await.expect("a body").contains("try again"));
        }
    }
    assert_eq!(statuses, BTreeMap::from([(200, 4), (503, 46)]));
    assert_eq!(sample(&world, "fleetscope_exports_running").await, 4);
    assert_eq!(sample(&world, "fleetscope_exports_total{format=\"ndjson\",outcome=\"refused\"}").await, 46);
    let seq = world.entry("US-2");
    assert_eq!(world.seqs("/api/events?story=US-2").await, [seq], "the rest goes on");
    // One is read to its end, the others are left.
    let whole = open.pop().expect("one").text().await.expect("a whole body");
    assert_eq!(whole.lines().count(), 302, "a snapshot: what came later is not in it");
    drop(open);
    until("the clients that went are let go", BOUND, || async {
        sample(&world, "fleetscope_exports_running").await == 0
            && sample(&world, "fleetscope_exports_total{format=\"ndjson\",outcome=\"client_gone\"}").await == 3
            && sample(&world, "fleetscope_exports_total{format=\"ndjson\",outcome=\"complete\"}").await == 1
    })
    .await;
    assert_eq!(lines(&text(&world, "from=300").await).len(), 4, "there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_is_sent_away() {
    let world = large(|config| config.http.feed_stall_timeout = Duration::from_millis(300));
    let mut stalled = world.http.get(world.url("/api/export")).send().await.expect("an answer");
    until("it is given up", BOUND, || async {
        sample(&world, "fleetscope_exports_total{format=\"ndjson\",outcome=\"stalled\"}").await == 1
    })
    .await;
    let broke_off = loop {
        match stalled.chunk().await {
            Ok(Some(_)) => {}
            end => break end.is_err(),
        }
    };
    assert!(broke_off, "what broke off is not taken for whole");
}
