//! The routes of the Kubernetes API that a watcher of pods uses.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::stream;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Systems, kubernetes};

/// How often a watch looks for changes.
const LOOK: Duration = Duration::from_millis(250);
/// How long a watch lasts where its client does not say.
const WATCH: Duration = Duration::from_mins(5);
/// How long one lasts at most.
const MAX_WATCH: Duration = Duration::from_hours(1);

pub(super) type Shared = State<Arc<Systems>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    #[serde(default)]
    watch: Option<String>,
    #[serde(default)]
    resource_version: Option<String>,
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

impl Asked {
    pub(super) fn watches(&self) -> bool {
        self.watch.as_deref().is_some_and(|watch| watch != "false" && watch != "0")
    }
}

pub(super) fn router() -> Router<Arc<Systems>> {
    Router::new()
        .route("/version", get(|| async { Json(json!({ "major": "1", "minor": "33", "gitVersion": "v1.33.0" })) }))
        .route("/api/v1/namespaces/{namespace}/pods", get(pods))
        .route("/api/v1/namespaces/{namespace}/pods/{pod}/log", get(log))
        .route("/apis/apps/v1/namespaces/{namespace}/deployments", get(deployments))
        .route("/apis/apps/v1/namespaces/{namespace}/statefulsets", get(stateful_sets))
        .route("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods", get(usage))
        .merge(super::objects::router())
        .fallback(|| async { missing("the server could not find the requested resource") })
}

async fn pods(State(systems): Shared, Path(namespace): Path<String>, Query(asked): Query<Asked>) -> Response {
    if !kubernetes::NAMESPACES.contains(&namespace.as_str()) {
        return Json(json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [] })).into_response();
    }
    if asked.watches() {
        let of_pods = move |systems: &Systems, version| {
            let known = systems.0.lock();
            (kubernetes::changed(&known, &namespace, version), known.pods.version())
        };
        return watch(systems, &asked, of_pods);
    }
    Json(kubernetes::pods(&systems.0.lock(), &namespace)).into_response()
}

async fn deployments(systems: Shared, namespace: Path<String>, asked: Query<Asked>) -> Response {
    workloads(systems, &namespace, &asked, "Deployment")
}

async fn stateful_sets(systems: Shared, namespace: Path<String>, asked: Query<Asked>) -> Response {
    workloads(systems, &namespace, &asked, "StatefulSet")
}

fn workloads(State(systems): Shared, namespace: &str, asked: &Asked, kind: &'static str) -> Response {
    if !asked.watches() {
        return Json(kubernetes::workloads(&systems.0.lock(), namespace, kind)).into_response();
    }
    let namespace = namespace.to_owned();
    watch(systems, asked, move |systems, version| {
        let known = systems.0.lock();
        let now = known.pods.version();
        let items =
            if now > version { kubernetes::workloads(&known, &namespace, kind)["items"].take() } else { json!([]) };
        let events = items.as_array().into_iter().flatten();
        (events.map(|item| json!({ "type": "MODIFIED", "object": item })).collect(), now)
    })
}

async fn usage(State(systems): Shared, Path(namespace): Path<String>) -> Json<Value> {
    Json(kubernetes::usage(&systems.0.lock(), &namespace))
}

async fn log(State(systems): Shared, Path((namespace, pod)): Path<(String, String)>) -> Response {
    match kubernetes::log(&systems.0.lock(), &namespace, &pod) {
        Some(log) => log.into_response(),
        None => missing(&format!("pods \"{pod}\" not found")),
    }
}

fn missing(message: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": "NotFound", "code": 404,
    });
    (StatusCode::NOT_FOUND, Json(status)).into_response()
}

/// Changes as they come, one JSON object a line, until the time asked for is over.
pub(super) fn watch(
    systems: Arc<Systems>,
    asked: &Asked,
    look: impl Fn(&Systems, u64) -> (Vec<Value>, u64) + Send + 'static,
) -> Response {
    let end = tokio::time::Instant::now() + asked.timeout_seconds.map_or(WATCH, Duration::from_secs).min(MAX_WATCH);
    let from = asked.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0);
    let lines = stream::unfold((from, look, systems), move |(version, look, systems)| async move {
        loop {
            if tokio::time::Instant::now() >= end {
                return None;
            }
            let (events, now) = look(&systems, version);
            if !events.is_empty() {
                let lines = events.iter().fold(String::new(), |lines, event| lines + &event.to_string() + "\n");
                return Some((Ok::<_, Infallible>(lines), (now, look, systems)));
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(lines)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watch_without_end_ends() {
        let asked = Asked { watch: None, resource_version: None, timeout_seconds: Some(u64::MAX) };
        assert_eq!(watch(Arc::default(), &asked, |_, _| (Vec::new(), 0)).status(), StatusCode::OK);
    }
}
