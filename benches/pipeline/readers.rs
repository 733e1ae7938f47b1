//! What a user would run otherwise: plain readers of the same stream.

use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream::{self, consumer};
use futures::StreamExt;

/// Raw ordered drain: events a second. The ceiling for anything that reads JetStream through this client.
pub(crate) async fn ordered(js: &jetstream::Context, stream: &str, count: u64) -> Result<f64> {
    let stream = js.get_stream(stream).await?;
    let consumer = stream.create_consumer(consumer::pull::OrderedConfig::default()).await?;
    let mut messages = consumer.messages().await?;
    let began = Instant::now();
    for _ in 0..count {
        messages.next().await.ok_or_else(|| anyhow::anyhow!("the stream ended"))??;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// Pull 2,000, POST each 500 as one body to a local HTTP sink, ack each: a careful bridge as written today.
pub(crate) async fn pull_ack_post(js: &jetstream::Context, stream: &str, count: u64, sink: &str) -> Result<f64> {
    let stream = js.get_stream(stream).await?;
    let name = format!("bench-{}", fastrand::u64(..));
    let config =
        consumer::pull::Config { durable_name: Some(name.clone()), max_ack_pending: 10_000, ..Default::default() };
    let consumer = stream.create_consumer(config).await?;
    let client = reqwest::Client::new();
    let began = Instant::now();
    let mut seen = 0;
    while seen < count {
        let mut batch = consumer.fetch().max_messages(2_000).messages().await?;
        let mut waiting = Vec::with_capacity(500);
        while let Some(message) = batch.next().await {
            waiting.push(message.map_err(|e| anyhow::anyhow!("{e}"))?);
            seen += 1;
            if waiting.len() == 500 || seen == count {
                post(&client, sink, &mut waiting).await?;
            }
        }
        post(&client, sink, &mut waiting).await?;
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    stream.delete_consumer(&name).await?;
    Ok(rate)
}

async fn post(client: &reqwest::Client, sink: &str, waiting: &mut Vec<jetstream::Message>) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let body: Vec<u8> = waiting.iter().flat_map(|m| m.payload.iter().copied().chain([b'\n'])).collect();
    client.post(sink).body(body).send().await?.error_for_status()?;
    for message in waiting.drain(..) {
        message.ack().await.map_err(|e| anyhow::anyhow!("{e}"))?;
    }
    Ok(())
}

/// Fetch one, ack one: the default of several bridges.
pub(crate) async fn one_by_one(js: &jetstream::Context, stream: &str, count: u64) -> Result<f64> {
    let stream = js.get_stream(stream).await?;
    let name = format!("bench-{}", fastrand::u64(..));
    let config = consumer::pull::Config { durable_name: Some(name.clone()), ..Default::default() };
    let consumer = stream.create_consumer(config).await?;
    let began = Instant::now();
    for _ in 0..count {
        let mut batch = consumer.fetch().max_messages(1).expires(Duration::from_secs(5)).messages().await?;
        let message = batch.next().await.ok_or_else(|| anyhow::anyhow!("nothing came"))?;
        let message = message.map_err(|e| anyhow::anyhow!("{e}"))?;
        message.ack().await.map_err(|e| anyhow::anyhow!("{e}"))?;
        while batch.next().await.is_some() {}
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    stream.delete_consumer(&name).await?;
    Ok(rate)
}

/// An HTTP sink that reads and discards; gives its URL.
pub(crate) async fn null_sink() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let app = axum::Router::new().fallback(|body: axum::body::Bytes| async move { drop(body) });
    let app = app.layer(axum::extract::DefaultBodyLimit::disable());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}
