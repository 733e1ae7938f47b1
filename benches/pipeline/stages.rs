//! Where the daemon's CPU goes: each stage alone, on one thread, over the same simulated fleet.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use fleetscope::config::Content;
use fleetscope::correlate::{Correlator, Output, Settings};
use fleetscope::journal::{Commit, Embedded, Journal};
use fleetscope::model::{Event, Record, Text, Timestamp, spans_of};
use fleetscope::privacy::Masker;
use fleetscope::sinks::otlp::encode;
use fleetscope::sources::decode::{self, Raw};
use fleetscope::sources::simulator::{self, Action, Fleet};

use super::load;
use super::report::Report;

const EVENTS: usize = 200_000;
const COMMIT: usize = 4_000;
const ROUNDS: usize = 3;

struct Stored {
    subject: String,
    body: Bytes,
    at: Timestamp,
}

/// CPU time of this thread, as the kernel's scheduler counts it: what else runs on the machine does not count.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let before = cpu();
    let result = work();
    *sum += cpu().saturating_sub(before);
    result
}

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let settings = simulator::Settings { stories_per_minute: 400.0, ..simulator::Settings::default() };
    let stored: Vec<Stored> = Fleet::new(settings)
        .filter_map(|step| match step.action {
            Action::Publish(publish) if !publish.stream.is_empty() => Some(Stored {
                subject: publish.subject,
                body: publish.body.into(),
                at: Timestamp::from_millis(1_771_060_000_000 + step.at.as_millis() as i64),
            }),
            _ => None,
        })
        .take(EVENTS)
        .collect();
    report.line(format!("\n## Stages: {EVENTS} events of a simulated fleet, one thread, CPU time an event"));
    let mut stages: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        for (stage, took) in stages.iter_mut().zip(round(&stored)?) {
            stage.push(took.as_secs_f64() * 1e6 / EVENTS as f64);
        }
    }
    let names = ["decode and mask", "correlate", "commit to the journal", "spans to OTLP bytes", "let go"];
    for (name, stage) in names.into_iter().zip(&stages) {
        report.series(name, "µs", stage);
    }
    Ok(())
}

fn round(stored: &[Stored]) -> Result<[Duration; 5]> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let journal = Embedded::open(folder.path(), Duration::from_hours(1 << 20), 200 << 30)?;
    let masker = Masker::new(Content::Summary, 16 << 10);
    let mut correlator = Correlator::new(correlation(), 1);
    let [mut decoding, mut correlating, mut committing, mut encoding, mut dropping] = [Duration::ZERO; 5];
    let stream: Text = load::FLEET.into();
    let mut out = Output::default();
    for (n, piece) in stored.chunks(COMMIT).enumerate() {
        let events = timed(&mut decoding, || {
            let message = |(at, stored): (usize, &Stored)| {
                let stream_seq = (n * COMMIT + at + 1) as u64;
                Event::Message(Box::new(decode::message(raw(&stream, stream_seq, stored), &masker)))
            };
            piece.iter().enumerate().map(message).collect::<Vec<_>>()
        });
        timed(&mut correlating, || events.into_iter().for_each(|event| correlator.apply(event, &mut out)));
        let records: Vec<Arc<Record>> = out.records.drain(..).map(Arc::new).collect();
        timed(&mut committing, || {
            journal.append(&Commit { records: &records, closed: &out.closed, ..Commit::default() })
        })?;
        out.closed.clear();
        timed(&mut encoding, || {
            for record in &records {
                spans_of(record, &mut |span| drop(black_box(encode::request([span]))));
            }
        });
        out.measures.clear();
        timed(&mut dropping, || drop(records));
    }
    Ok([decoding, correlating, committing, encoding, dropping])
}

fn raw<'a>(stream: &Text, stream_seq: u64, of: &'a Stored) -> Raw<'a> {
    Raw {
        stream: stream.clone(),
        incarnation: 0,
        stream_seq,
        subject: &of.subject,
        headers: &[],
        body: of.body.clone(),
        stored: of.at,
        received: of.at,
    }
}

/// As the daemon's own defaults.
fn correlation() -> Settings {
    Settings {
        silent_after: Duration::from_secs(30),
        idle_after: Duration::from_mins(1),
        timeout: Duration::from_mins(5),
        derive_timeout: Duration::from_mins(2),
        open_span_max: Duration::from_mins(5),
        trace_bytes: 4 << 20,
        max_stories: 10_000,
        llm: fleetscope::correlate::LlmSettings::default(),
    }
}
