//! A fleet that does nothing but move stories, what it published, and the judge of a history of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use fleetscope::journal::Journal;
use fleetscope::journal::embedded::Embedded;
use fleetscope::model::Record;

use crate::servers::nats::NatsServer;

const STORIES: u64 = 50;
pub(crate) const STREAM: &str = "PLANNING_EVENTS";

/// What was published, by the publisher's own record: story of each stream sequence.
pub(crate) type Published = Vec<(u64, String)>;

/// A server with the stream of stories.
pub(crate) async fn serve(binary: &Path) -> (NatsServer, jetstream::Context) {
    let server = NatsServer::start(binary, "");
    let js = jetstream::new(async_nats::connect(server.url()).await.expect("connected"));
    let config = jetstream::stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["planning.>".to_owned()],
        ..Default::default()
    };
    js.create_stream(config).await.expect("created");
    (server, js)
}

/// Publishes until told to stop; every message is stored before the next twenty.
pub(crate) async fn publish(js: jetstream::Context, stop: Arc<AtomicBool>) -> Published {
    let mut published = Vec::new();
    let mut n = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let mut acks = Vec::new();
        for _ in 0..20 {
            let story = format!("s-{}", n % STORIES);
            let states = ["DRAFT", "PO_REVIEW", "READY_FOR_PLANNING", "PLANNED", "IN_PROGRESS"];
            let (from, to) = (states[(n / STORIES % 5) as usize], states[((n / STORIES + 1) % 5) as usize]);
            let body = format!(
                r#"{{"event_type":"planning.story.transitioned","payload":{{"story_id":"{story}","from_state":"{from}","to_state":"{to}"}},"idempotency_key":"k{n}","producer":"planning-service"}}"#
            );
            let ack = js.publish("planning.story.transitioned", body.into()).await.expect("published");
            acks.push((story, ack));
            n += 1;
        }
        for (story, ack) in acks {
            published.push((ack.await.expect("acked").sequence, story));
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    published
}

/// Everything a journal holds.
pub(crate) fn all_records(folder: &Path) -> Vec<Arc<Record>> {
    let journal = Embedded::open(folder, Duration::from_hours(24), 1 << 30).expect("opens");
    let (mut records, mut from) = (Vec::new(), 1);
    loop {
        let piece = journal.read(from, 5_000, 64 << 20).expect("readable");
        let Some(last) = piece.last() else { return records };
        from = last.seq + 1;
        records.extend(piece);
    }
}

/// The history has no hole, and every message published is in it once.
pub(crate) fn judge_history(records: &[Arc<Record>], published: &Published) {
    let sequences: Vec<u64> = records.iter().map(|r| r.seq).collect();
    assert!(sequences.windows(2).all(|w| w[1] == w[0] + 1), "the history has no hole");
    let mut stored: Vec<u64> = records.iter().filter_map(|r| Some(r.entry()?.0.stream_seq)).collect();
    let mut wanted: Vec<u64> = published.iter().map(|(seq, _)| *seq).collect();
    stored.sort_unstable();
    wanted.sort_unstable();
    assert!(wanted.len() > 1_000, "only {} messages were published", wanted.len());
    assert_eq!(stored.len(), wanted.len(), "as many entries as messages");
    assert_eq!(stored, wanted, "every message once");
}
