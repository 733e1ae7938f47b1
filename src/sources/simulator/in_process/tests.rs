//! The in-process run: sequences, positions, polls, restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::Content;
use crate::model::Text;
use crate::sources::simulator::Faults;

/// Runs until `enough` says so; gives the batches.
async fn run(
    speed: f64,
    history: Duration,
    positions: Vec<Position>,
    mut enough: impl FnMut(&Batch) -> bool,
) -> Vec<Batch> {
    let (sender, mut receiver) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let context = InProcess {
        settings: Settings {
            successors: true,
            faults: Faults { nak_loop: 0.5, ..Faults::default() },
            ..Settings::default()
        },
        speed,
        history,
        positions,
        masker: Arc::new(Masker::new(Content::Summary, 1 << 18)),
        events: sender,
        metrics: Arc::new(Metrics::new()),
        status: Arc::new(Status::default()),
        systems: Arc::default(),
        stop: stop.clone(),
    };
    let task = tokio::spawn(run_in_process(context));
    let mut batches = Vec::new();
    while let Some(batch) = receiver.recv().await {
        let done = enough(&batch);
        batches.push(batch);
        if done {
            break;
        }
    }
    stop.cancel();
    drop(receiver);
    task.await.expect("the runner ends when told");
    batches
}

fn events(batches: &[Batch]) -> impl Iterator<Item = &Event> {
    batches.iter().flat_map(|batch| &batch.events)
}

fn after(count: usize) -> impl FnMut(&Batch) -> bool {
    let mut seen = 0;
    move |batch| {
        seen += batch.events.len();
        seen >= count
    }
}

#[tokio::test]
async fn messages_are_numbered_per_stream_and_positions_follow() {
    let batches = run(0.0, Duration::ZERO, Vec::new(), after(20_000)).await;
    let mut last: BTreeMap<Text, (u64, Timestamp)> = BTreeMap::new();
    let mut settled = 0;
    for batch in &batches {
        for event in &batch.events {
            match event {
                Event::Message(message) if !message.stream.is_empty() => {
                    let (seq, stored) = last.entry(message.stream.clone()).or_default();
                    assert_eq!(message.stream_seq, *seq + 1);
                    assert!(message.stored >= *stored);
                    (*seq, *stored) = (message.stream_seq, message.stored);
                }
                Event::Settlement(settlement) => {
                    settled += 1;
                    assert!(settlement.stream_seq <= last[&settlement.stream].0);
                    assert!(settlement.at >= settlement.stored);
                }
                _ => {}
            }
        }
        for position in &batch.positions {
            let stream = position.key.strip_prefix("nats/").expect("keys are nats/<stream>");
            assert!(position.seq >= last.get(stream).map_or(0, |(seq, _)| *seq), "{stream}");
        }
    }
    assert!(settled > 1_000);
    let core: BTreeSet<_> = events(&batches)
        .filter_map(|event| match event {
            Event::Message(message) if message.stream.is_empty() => message.subject.split('.').next(),
            _ => None,
        })
        .collect();
    assert!(core.contains("choreo") && !core.contains("vllm") && !core.contains("deliberation"), "{core:?}");
}

#[tokio::test]
async fn polls_agree_with_what_was_told() {
    let batches = run(0.0, Duration::ZERO, Vec::new(), after(20_000)).await;
    let mut last: BTreeMap<Text, u64> = BTreeMap::new();
    let (mut polls, mut stale) = (0, 0);
    for event in events(&batches) {
        match event {
            Event::Message(message) => {
                last.insert(message.stream.clone(), message.stream_seq);
            }
            Event::Streams(report) => {
                assert_eq!(report.streams.len(), 10);
                for stream in &report.streams {
                    assert_eq!(stream.last_seq, last.get(&stream.name).copied().unwrap_or(0), "{}", stream.name);
                }
            }
            Event::Consumers(report) => {
                polls += 1;
                for info in &report.consumers {
                    assert!(info.ack_floor_seq <= info.delivered_seq, "{info:?}");
                    assert!(info.delivered_seq <= last.get(&info.stream).copied().unwrap_or(0), "{info:?}");
                    if info.name.ends_with("completed-v2") {
                        stale = stale.max(info.pending);
                        assert_eq!(info.waiting, 0);
                    }
                }
            }
            _ => {}
        }
    }
    assert!(polls > 10 && stale > 0, "{polls} {stale}");
}

#[tokio::test]
async fn a_second_run_goes_on_with_other_stories() {
    let first = run(0.0, Duration::ZERO, Vec::new(), after(3_000)).await;
    let positions = first.last().expect("batches").positions.clone();
    let second = run(0.0, Duration::ZERO, positions.clone(), after(3_000)).await;
    for position in &positions {
        let stream = &position.key["nats/".len()..];
        let next = events(&second).find_map(|event| match event {
            Event::Message(message) if &*message.stream == stream => Some(message.stream_seq),
            _ => None,
        });
        assert!(next.is_none_or(|seq| seq == position.seq + 1), "{stream}: {next:?} after {}", position.seq);
    }
    let bodies = |batches: &[Batch]| -> BTreeSet<Vec<u8>> {
        events(batches)
            .filter_map(|event| match event {
                Event::Message(message) if &*message.subject == "planning.story.created" => {
                    Some(message.payload.bytes.to_vec())
                }
                _ => None,
            })
            .collect()
    };
    let (first, second) = (bodies(&first), bodies(&second));
    assert!(!first.is_empty() && !second.is_empty() && first.is_disjoint(&second));
}

#[tokio::test]
async fn history_comes_before_the_first_poll_and_the_present_after_it() {
    let wall = Timestamp::now();
    let history = Duration::from_mins(30);
    let mut live = 0;
    let batches = run(1_000.0, history, Vec::new(), |batch| {
        live += usize::from(batch.events.iter().any(|event| matches!(event, Event::Streams(_))));
        live > 20
    })
    .await;
    let (mut past, mut present, mut polled) = (0, 0, false);
    for event in events(&batches) {
        match event {
            Event::Streams(report) => {
                assert!(report.at >= wall);
                polled = true;
            }
            Event::Message(message) if polled => {
                present += 1;
                assert!(message.stored >= wall);
            }
            Event::Message(message) => {
                past += 1;
                assert!(message.stored >= wall.minus(history));
            }
            _ => {}
        }
    }
    assert!(past > 500 && present > 0, "{past} {present}");
}

#[tokio::test]
async fn virtual_time_is_spread_over_the_wall_clock() {
    let pace = Pace::new(10.0, Duration::from_mins(1));
    let at = |seconds| pace.instant(Duration::from_secs(seconds));
    assert_eq!(at(0), pace.start());
    assert_eq!(at(60).since(at(0)), Duration::from_mins(1), "history keeps its own time");
    assert_eq!(at(160).since(at(60)), Duration::from_secs(10), "the present is ten times as fast");
    assert_eq!(pace.due(Duration::from_secs(59)), None);
    assert!(Pace::new(0.0, Duration::ZERO).due(Duration::from_secs(1)).is_none());
    assert!(Pace::new(f64::NAN, Duration::ZERO).due(Duration::from_secs(1)).is_none());
}

#[tokio::test]
async fn no_message_claims_a_time_after_it_was_stored() {
    // A minute of history, and then many minutes of the fleet's time within a part of a second.
    let batches = run(5000.0, Duration::from_mins(1), Vec::new(), after(3000)).await;
    let mut claims = 0;
    for event in events(&batches) {
        let Event::Message(message) = event else { continue };
        let Ok(body) = serde_json::from_slice::<serde_json::Value>(&message.payload.bytes) else { continue };
        let Some(claimed) = body["timestamp"].as_str().filter(|text| text.len() >= 19) else { continue };
        claims += 1;
        let stored = message.stored.to_string();
        assert!(claimed[..19] <= stored[..19], "{}: claims {claimed}, stored {stored}", message.subject);
    }
    assert!(claims > 100, "only {claims} messages claim a time");
}
