//! Fleet-like messages of about half a kilobyte, over a given number of stories.

use std::fmt::Write as _;
use std::future::IntoFuture;

use anyhow::Result;
use async_nats::jetstream;
use fleetscope::sources::simulator::{Action, Fleet, Settings};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Stream the load goes to.
pub(crate) const STREAM: &str = "AGENT_RESPONSES";

/// Makes a stream like the fleet's, without its limits.
pub(crate) async fn stream(js: &jetstream::Context, name: &str, subjects: &str) -> Result<()> {
    js.create_stream(jetstream::stream::Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        ..Default::default()
    })
    .await?;
    Ok(())
}

/// The n-th message: subject and body.
pub(crate) fn message(n: u64, stories: u64) -> (&'static str, String) {
    let story = (n * 7919) % stories;
    let role = ["DEV", "QA", "ARCHITECT", "DEVOPS", "DATA"][(n % 5) as usize];
    let agent = format!("agent-{}-{:03}", role.to_lowercase(), n % 3 + 1);
    let mut body = String::with_capacity(640);
    let _ = write!(
        body,
        "{{\"event_type\": \"agent.response.completed\", \"payload\": {{\"task_id\": \"T-{:08x}-1111-4222-8333-{:012x}\", \
         \"agent_id\": \"{agent}\", \"role\": \"{role}\", \"status\": \"completed\", \"duration_ms\": {}, \
         \"timestamp\": \"2026-02-14T09:12:48.123456+00:00\", \"proposal\": {{\"content\": \"Expose GET /healthz\", \
         \"tokens\": {}}}, \"constraints\": {{\"story_id\": \"s-{story:08x}-2222-4333-8444-{story:012x}\"}}}}, \
         \"idempotency_key\": \"{:064x}\", \"correlation_id\": \"{:08x}-aaaa-4bbb-8ccc-{:012x}\", \
         \"timestamp\": \"2026-02-14T09:12:48.123456+00:00\", \"producer\": \"ray-executor\", \"metadata\": {{}}}}",
        n / 3,
        n / 3,
        1000 + n % 9000,
        n % 900,
        n,
        n,
        n
    );
    ("agent.response.completed", body)
}

/// Stream of the simulated fleet: all its subjects in one, so that one reader can drain it.
pub(crate) const FLEET: &str = "FLEET";

/// Makes the stream for [`fleet`].
pub(crate) async fn fleet_stream(js: &jetstream::Context) -> Result<()> {
    let subjects = ["planning.>", "context.>", "orchestration.>", "agent.>", "workflow.>", "task.derivation.>"];
    js.create_stream(jetstream::stream::Config {
        name: FLEET.to_owned(),
        subjects: subjects.map(str::to_owned).to_vec(),
        ..Default::default()
    })
    .await?;
    Ok(())
}

/// Publishes the first `count` messages of a simulated fleet, as fast as the server takes them; gives their mean size.
pub(crate) async fn fleet(js: &jetstream::Context, count: u64) -> Result<u64> {
    let settings = Settings { stories_per_minute: 400.0, ..Settings::default() };
    let messages = Fleet::new(settings).filter_map(|step| match step.action {
        Action::Publish(publish) if !publish.stream.is_empty() => Some(publish),
        _ => None,
    });
    let (mut bytes, mut acks) = (0, FuturesUnordered::new());
    for publish in messages.take(count as usize) {
        bytes += publish.body.len() as u64;
        acks.push(js.publish(publish.subject, publish.body.into()).await?.into_future());
        if acks.len() >= 2048 {
            acks.next().await.transpose()?;
        }
    }
    while let Some(ack) = acks.next().await {
        ack?;
    }
    Ok(bytes / count)
}

/// Publishes `count` messages as fast as the server takes them.
pub(crate) async fn fill(js: &jetstream::Context, count: u64, stories: u64) -> Result<()> {
    fill_from(js, 0, count, stories).await
}

/// Publishes the messages from one number up to another.
pub(crate) async fn fill_from(js: &jetstream::Context, from: u64, upto: u64, stories: u64) -> Result<()> {
    let owned = |(subject, body): (&str, String)| (subject.to_owned(), body);
    publish(js, (from..upto).map(|n| owned(message(n, stories)))).await
}

/// Publishes these as fast as the server takes them, at most 2,048 of them unanswered.
pub(crate) async fn publish(js: &jetstream::Context, messages: impl Iterator<Item = (String, String)>) -> Result<()> {
    let acks = futures::stream::iter(messages).map(|(subject, body)| async move {
        js.publish(subject, body.into()).await?.await?;
        anyhow::Ok(())
    });
    let mut acks = acks.buffer_unordered(2048);
    while let Some(ack) = acks.next().await {
        ack?;
    }
    Ok(())
}
