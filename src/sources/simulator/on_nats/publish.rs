//! The fleet's services: publish at pace, with the server's word for each message, many at a time.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::{Client, HeaderMap};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::summary::{Progress, Tally};
use super::{IN_FLIGHT, Options};
use crate::sources::simulator::fleet::Fleet;
use crate::sources::simulator::step::{Action, Publish};

/// Header on each message: tells a simulation's messages from a fleet's.
pub(super) const MARK: &str = "Fleetscope-Simulated";
/// Between two reports.
const REPORT: Duration = Duration::from_secs(1);

/// Publishes until a limit or the stop, then waits for the server's last word.
pub(super) async fn all(
    client: &Client,
    jetstream: &Context,
    options: &Options,
    tally: &Tally,
    progress: &mut impl FnMut(&Progress),
) {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let confirming = tokio::spawn(confirm(receiver, tally.clone()));
    let begin = Instant::now();
    let mut report = begin + REPORT;
    let mut sent = 0;
    for step in Fleet::new(options.settings.clone()) {
        let now = Instant::now();
        if now >= report {
            report = now + REPORT;
            progress(&tally.summary().totals());
        }
        let Action::Publish(publish) = step.action else { continue };
        let full = options.max_messages.is_some_and(|max| sent >= max);
        let late = options.duration.is_some_and(|duration| now >= begin + duration);
        if full || late || options.stop.is_cancelled() {
            break;
        }
        if options.speed > 0.0 {
            let due = begin + step.at.div_f64(options.speed);
            let due = options.duration.map_or(due, |duration| due.min(begin + duration));
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = options.stop.cancelled() => break,
            }
        }
        sent += 1;
        tally.published(&publish.subject, step.at);
        if !send(client, jetstream, publish, &sender, tally).await {
            break;
        }
    }
    drop(sender);
    if confirming.await.is_err() {
        tally.error("confirming");
    }
    progress(&tally.summary().totals());
}

type Waiting = (&'static str, PublishAckFuture);

/// Sends one message; false = nobody waits for confirmations any more.
async fn send(
    client: &Client,
    jetstream: &Context,
    publish: Publish,
    waiting: &mpsc::Sender<Waiting>,
    tally: &Tally,
) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(MARK, "1");
    for (name, value) in &publish.headers {
        headers.insert(name.as_str(), value.as_str());
    }
    if publish.stream.is_empty() {
        // Nobody stores it, as in the fleet.
        if client.publish_with_headers(publish.subject, headers, publish.body.into()).await.is_err() {
            tally.error("publish");
        }
        return true;
    }
    let message = PublishMessage::build().payload(publish.body.into()).headers(headers);
    let Ok(ack) = jetstream.send_publish(publish.subject, message).await else {
        tally.error("publish");
        return true;
    };
    waiting.send((publish.stream, ack)).await.is_ok()
}

/// Takes the server's word, in the order sent.
async fn confirm(mut waiting: mpsc::Receiver<Waiting>, tally: Tally) {
    while let Some((stream, ack)) = waiting.recv().await {
        match ack.await {
            Ok(ack) => tally.stored(stream, ack.duplicate),
            Err(error) => tally.error(&format!("not stored: {}", error.kind())),
        }
    }
}
