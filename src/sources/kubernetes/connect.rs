//! The connection to the API server, and its failures by name.
//! Takes: the section's configuration. Gives: a client. Never: waits for an answer without a bound.

use std::time::Duration;

use kube::client::{Client, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Status;
use kube::runtime::watcher;
use kube::{Config, Error};

use super::bounded::{Bounds, is_too_long};
use crate::config;
use crate::model::{printable, shorten};
use crate::sources::failure::{Failure, reason};

/// Time a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// What an answer may take beyond the time a watch lasts.
const MARGIN: Duration = Duration::from_secs(5);
/// Most of what a server says that is shown.
const SHOWN: usize = 300;

/// A client made from the files as they are now: credentials are rotated.
pub(super) async fn client(config: &config::Kubernetes) -> Result<Client, Failure> {
    let wrong = |why: String| Failure::new(reason::CONFIGURATION, why);
    let mut made = match &config.kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(|e| wrong(format!("{}: {}", path.display(), root(&e))))?;
            let options = KubeConfigOptions { context: config.context.clone(), ..KubeConfigOptions::default() };
            let made = Config::from_custom_kubeconfig(read, &options).await;
            made.map_err(|e| wrong(format!("{}: {}", path.display(), root(&e))))?
        }
        None => Config::incluster().map_err(|_| {
            wrong("there is no service account here: set kubernetes.kubeconfig, or run in the cluster".to_owned())
        })?,
    };
    made.connect_timeout = Some(CONNECT);
    // A list that is never answered would hold its watch for ever.
    made.read_timeout = Some(config.timeout + MARGIN);
    made.reset_reader_on_write = true;
    // The watches have pauses of their own, and tell of each failure.
    made.default_retry = false;
    let builder = ClientBuilder::try_from(made).map_err(|e| wrong(format!("no client can be made: {}", root(&e))))?;
    Ok(builder.with_layer(&Bounds).build())
}

/// When the kubeconfig was written last: credentials are rotated. The token of a service account is read again by the
/// client itself.
pub(super) async fn written(config: &config::Kubernetes) -> Option<std::time::SystemTime> {
    tokio::fs::metadata(config.kubeconfig.as_ref()?).await.ok()?.modified().ok()
}

/// A failed request.
pub(super) fn failure(error: &Error) -> Failure {
    match error {
        error if is_too_long(error) => {
            Failure::new(reason::TOO_LARGE, "the API server's answer is too long to be read")
        }
        Error::Api(status) => refused(status),
        Error::SerdeError(_) | Error::FromUtf8(_) => {
            Failure::new(reason::MALFORMED, format!("the API server's answer is not understood: {}", root(error)))
        }
        Error::ReadEvents(_) | Error::HyperError(_) => {
            Failure::new(reason::INTERRUPTED, format!("the API server broke off: {}", root(error)))
        }
        Error::Auth(_) => Failure::new(reason::UNAUTHORIZED, format!("no credentials: {}", root(error))),
        other => unsent(other),
    }
}

/// A watch that failed; `None` for one that only has to list anew.
pub(super) fn watch_failure(error: &watcher::Error) -> Option<Failure> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(failure(error)).filter(|f| f.reason != EXPIRED),
        watcher::Error::WatchError(status) => Some(refused(status)).filter(|f| f.reason != EXPIRED),
        watcher::Error::NoResourceVersion => {
            Some(Failure::new(reason::MALFORMED, "the API server lists without a version"))
        }
    }
}

/// The place in the history a watch asked for is gone: it lists anew. No failure, so no label.
const EXPIRED: &str = "expired";

fn refused(status: &Status) -> Failure {
    let said = shorten(&printable(&status.message), SHOWN);
    // An absent kind answers 404 in plain text, so only the code counts.
    let (reason, what) = match status.code {
        401 => (reason::UNAUTHORIZED, "does not know these credentials"),
        403 => (reason::FORBIDDEN, "refuses, see docs/KUBERNETES.md for the rights"),
        404 => (reason::NOT_FOUND, "knows no such thing"),
        410 => (EXPIRED, "has forgotten that version"),
        429 => (reason::THROTTLED, "asks to be left alone"),
        500.. => (reason::SERVER_ERROR, "is at fault"),
        _ => (reason::UNEXPECTED, "answers oddly"),
    };
    let failure = Failure::new(reason, format!("the API server {what} ({}): {said}", status.code));
    let wait = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    if wait == 0 { failure } else { failure.after(Duration::from_secs(u64::from(wait.min(600)))) }
}

fn unsent(error: &Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    let (mut late, mut broken) = (false, false);
    loop {
        late |= cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::TimedOut);
        broken |= cause.downcast_ref::<std::io::Error>().is_some_and(|e| {
            matches!(e.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::UnexpectedEof)
        });
        // In the middle of an answer; while connecting it is none of these.
        broken |= cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(|e| e.is_incomplete_message() || e.is_body_write_aborted());
        let Some(source) = cause.source() else { break };
        cause = source;
    }
    let (reason, what) = match (late, broken) {
        (true, _) => (reason::TIMEOUT, "gives no answer in time"),
        (_, true) => (reason::INTERRUPTED, "broke off"),
        _ => (reason::UNREACHABLE, "cannot be reached"),
    };
    Failure::new(reason, format!("the API server {what}: {}", root(error)))
}

/// The innermost cause, on one line.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    shorten(&printable(&cause.to_string()), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> Failure {
        failure(&Error::Api(Box::new(serde_json::from_str(text).expect("a status"))))
    }

    #[test]
    fn refusals_are_told_apart() {
        let file = |name: &str| {
            let path = format!("{}/tests/fixtures/kubernetes/status-{name}.json", env!("CARGO_MANIFEST_DIR"));
            status(&std::fs::read_to_string(path).expect("a fixture"))
        };
        assert_eq!(file("401").reason, reason::UNAUTHORIZED);
        assert_eq!(file("403").reason, reason::FORBIDDEN);
        assert!(file("403").detail.contains("docs/KUBERNETES.md"));
        assert_eq!(file("404").reason, reason::NOT_FOUND);
        assert_eq!((file("429").reason, file("429").wait), (reason::THROTTLED, Some(Duration::from_secs(1))));
        let gone = include_str!("../../../tests/fixtures/kubernetes/watch-410-gone.jsonl");
        let gone: serde_json::Value = serde_json::from_str(gone).expect("a line");
        let gone = serde_json::from_value(gone["object"].clone()).expect("a status");
        assert_eq!(watch_failure(&watcher::Error::WatchError(gone)), None);
    }
}
