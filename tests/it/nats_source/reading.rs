//! Messages of streams.

use std::collections::BTreeMap;
use std::path::Path;

use fleetscope::model::Key;

use super::rig::{FLEET, Source, config, fleet, make_stream, on_each_server, publish};
use crate::servers::nats::NatsServer;

on_each_server! {
    reads_all_streams_of_the_fleet_in_order => all_streams;
}

async fn all_streams(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = fleet(&server.url()).await;
    for (stream, subject) in FLEET {
        make_stream(&fleet, stream, subject).await;
        publish(&fleet, &subject.replace('>', "a"), r#"{"story_id":"s-1"}"#).await;
    }
    let mut source = Source::start(config(&server.url()), Vec::new());
    for (_, subject) in FLEET {
        for n in 2..=5 {
            publish(&fleet, &subject.replace('>', "a"), format!(r#"{{"story_id":"s-{n}"}}"#)).await;
        }
    }
    let mut seen: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for message in source.messages(40).await {
        assert!(message.stored.nanos() > 0 && message.stored <= message.received);
        let story = message.facts.text(Key::StoryId).expect("a story").to_string();
        seen.entry(message.stream.to_string()).or_default().push((message.stream_seq, story));
    }
    let whole: Vec<_> = (1..=5).map(|n| (n, format!("s-{n}"))).collect();
    assert_eq!(seen.len(), 8);
    assert!(seen.values().all(|messages| *messages == whole), "{seen:?}");
    let (positions, rest) = source.stop().await;
    assert_eq!(positions.len(), 8);
    assert!(positions.iter().all(|p| p.seq == 5 && p.incarnation == 0 && p.created > 0), "{positions:?}");
    assert!(!rest.iter().any(|e| matches!(e, fleetscope::model::Event::Message(_))));
}
