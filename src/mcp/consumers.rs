//! How consumers keep up, and with which streams.

use serde_json::{Value, json};

use super::answer::Told;
use super::args::ConsumerHealth;
use super::ask::{Ask, Refused};

/// The worst first.
const WORST: [&str; 6] = ["stuck", "unattended", "redelivering", "paused", "behind", "ok"];

/// `consumer_health`.
pub(super) async fn health<A: Ask>(ask: &A, asked: &ConsumerHealth) -> Result<Told, Refused> {
    let consumers = ask.get(&["api", "consumers"], &[]).await?;
    let streams = ask.get(&["api", "streams"], &[]).await?;
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let of_stream = |item: &Value| asked.stream.as_ref().is_none_or(|stream| text(item, "stream") == *stream);
    let named = |item: &Value| asked.consumer.as_ref().is_none_or(|part| text(item, "consumer").contains(part));
    let list = |answer: &Value| answer["items"].as_array().cloned().unwrap_or_default();
    let mut shown: Vec<Value> = list(&consumers).into_iter().filter(|c| of_stream(c) && named(c)).collect();
    let mut counts = serde_json::Map::new();
    for word in WORST {
        let count = shown.iter().filter(|c| c["health"] == word).count();
        counts.insert(word.to_owned(), json!(count));
    }
    shown.retain(|consumer| !asked.unhealthy || consumer["health"] != "ok");
    let rank = |consumer: &Value| WORST.iter().position(|word| consumer["health"] == *word).unwrap_or(0);
    shown.sort_by_key(|consumer| (rank(consumer), std::cmp::Reverse(consumer["pending"].as_u64())));
    let streams: Vec<Value> = list(&streams).into_iter().filter(of_stream).collect();
    Ok(Told::from(json!({
        "by_health": counts, "consumers": shown, "streams": streams, "as_of": consumers["as_of"],
    })))
}
