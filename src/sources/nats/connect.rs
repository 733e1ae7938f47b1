//! The connection: made until it stands, kept for ever, reported.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectError, ConnectOptions};
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::metrics::Metrics;
use crate::status::{Health, Status};

use super::api::Api;
use super::signals::Signals;
use super::{PART, SOURCE, Shared, auth, backoff};

/// A line without answer to three pings is dead: found within 12 s.
const PING_INTERVAL: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries until the server is there; `None` = stopped before.
pub(super) async fn until_connected(
    config: &config::Nats,
    metrics: &Metrics,
    status: &Status,
    stop: &CancellationToken,
) -> Option<Api> {
    for attempt in 0.. {
        let tried = tokio::select! {
            () = stop.cancelled() => return None,
            tried = connect(config) => tried,
        };
        match tried {
            Ok(api) => return Some(api),
            Err(error) => {
                metrics.sources.errors.with_label_values(&[SOURCE, "connect"]).inc();
                status.report(PART, Health::Down, chain(&error));
            }
        }
        backoff(attempt, stop).await;
        if stop.is_cancelled() {
            break;
        }
    }
    None
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("no connection to {url}")]
pub(super) struct NoConnection {
    /// Without what may let others in.
    url: String,
    #[source]
    cause: ConnectError,
}

/// Connects once. Later losses are mended by the client itself.
pub(super) async fn connect(config: &config::Nats) -> Result<Api, NoConnection> {
    let signals = Arc::new(Signals::default());
    let noted = Arc::clone(&signals);
    let client = options(config, "fleetscope")
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .subscription_capacity(capacity(config))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| {
            let ceiling = Duration::from_millis((25 << attempt.min(7)).min(2_000));
            ceiling.mul_f64(0.5 + fastrand::f64() / 2.0)
        })
        .event_callback(move |event| {
            noted.note(&event);
            std::future::ready(())
        })
        .connect(servers(config))
        .await
        .map_err(|cause| NoConnection { url: config::shown_texts(config.url.as_deref().unwrap_or_default()), cause })?;
    let info = client.server_info();
    tracing::debug!(server = info.server_name, version = info.version, "connected");
    Ok(Api::new(client, signals))
}

/// The servers of `nats.url`.
pub(crate) fn servers(config: &config::Nats) -> Vec<String> {
    config.url.as_deref().unwrap_or_default().split(',').map(|s| s.trim().to_owned()).collect()
}

/// As whom and how to connect, as the configuration says: for every part that speaks to NATS.
pub(crate) fn options(config: &config::Nats, name: &str) -> ConnectOptions {
    let mut options = if auth::configured(config) {
        let config = config.clone();
        ConnectOptions::with_auth_callback(move |nonce| {
            let config = config.clone();
            async move { auth::answer(&config, &nonce).await }
        })
    } else {
        ConnectOptions::new()
    };
    if let Some(ca) = &config.tls_ca_file {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (&config.tls_cert_file, &config.tls_key_file) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    options.name(name).require_tls(config.tls_required)
}

/// Room for twice what is ever asked for, so that the client never drops a pulled message.
fn capacity(config: &config::Nats) -> usize {
    (config.batch as usize * 4).max(16_384)
}

/// Reports losses and returns of the line, until stopped.
pub(super) async fn watch(shared: Arc<Shared>) {
    let signals = shared.api.signals();
    let (mut line, mut dropped) = (signals.line.subscribe(), signals.dropped.subscribe());
    let (mut connects, mut drops) = (1, 0);
    loop {
        let now = line.borrow_and_update().clone();
        if now.connects > connects {
            shared.metrics.sources.reconnects.with_label_values(&[SOURCE]).inc_by(now.connects - connects);
            connects = now.connects;
        }
        // Nothing said yet: the event of the connection just made is on its way.
        if !now.up && (now.connects > 0 || !now.why.is_empty()) {
            shared.metrics.sources.up.with_label_values(&[SOURCE]).set(0.0);
            shared.status.report(PART, Health::Down, now.why);
        }
        let total = *dropped.borrow_and_update();
        shared.metrics.sources.errors.with_label_values(&[SOURCE, "slow_consumer"]).inc_by(total - drops);
        drops = total;
        tokio::select! {
            () = shared.stop.cancelled() => return,
            changed = line.changed() => if changed.is_err() { return },
            changed = dropped.changed() => if changed.is_err() { return },
        }
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_away_is_named_without_its_password() {
        let config =
            config::Nats { url: Some("nats://joe:hunter22@127.0.0.1:1".to_owned()), ..config::Nats::default() };
        let error = chain(&connect(&config).await.expect_err("nobody listens there"));
        assert!(error.starts_with("no connection to nats://[masked]@127.0.0.1:1: "), "{error}");
        assert!(error.contains("refused") && !error.contains("hunter22"), "{error}");
    }
}
