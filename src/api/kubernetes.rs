//! What runs on Kubernetes, and the end of a pod's log.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::Uri;
use serde::Serialize;

use super::Api;
use super::access::Role;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Plain, pairs};
use super::when::{AtParams, When};
use crate::lookup::Question;
use crate::model::{ClusterPanel, Panel, Pod, RayClusterObject, RayJobObject, Source, Timestamp, Workload};
use crate::sinks::feed::Invalid;

/// Lines of a log: most, and where nothing is said.
const MAX_LINES: u32 = 1000;
const LINES: u32 = 100;

fn listing<T: Serialize>(api: &Api, when: &When, items: impl FnOnce(&ClusterPanel) -> Vec<Arc<T>>) -> Response {
    let stale = when.stale(api, Source::Kubernetes, "source/kubernetes");
    let panel = when.read(|state| state.panels.get(&Source::Kubernetes).cloned());
    let (items, as_of) = match panel.as_deref() {
        Some(Panel::Cluster(panel)) => (items(panel), panel.at),
        _ => (Vec::new(), Timestamp::ZERO),
    };
    Listing::of_system(items, as_of, stale).of(when).into_response()
}

/// Pods: phase, restarts, what is wrong, versions, node. The first 10,000 by namespace and name.
#[utoipa::path(get, path = "/api/kubernetes/pods", tag = "systems", params(AtParams),
    responses((status = 200, description = "Pods of the namespaces watched", body = Listing<Pod>)))]
pub(super) async fn pods(State(api): State<Api>, when: When, _: Plain) -> Response {
    listing(&api, &when, |panel| panel.pods.clone())
}

/// Deployments and stateful sets: pods wanted and ready.
#[utoipa::path(get, path = "/api/kubernetes/workloads", tag = "systems", params(AtParams),
    responses((status = 200, description = "Workloads of the namespaces watched", body = Listing<Workload>)))]
pub(super) async fn workloads(State(api): State<Api>, when: When, _: Plain) -> Response {
    listing(&api, &when, |panel| panel.workloads.clone())
}

/// `RayJob` objects.
#[utoipa::path(get, path = "/api/kubernetes/rayjobs", tag = "systems", params(AtParams),
    responses((status = 200, description = "Jobs of the namespaces watched", body = Listing<RayJobObject>)))]
pub(super) async fn ray_jobs(State(api): State<Api>, when: When, _: Plain) -> Response {
    listing(&api, &when, |panel| panel.ray_jobs.clone())
}

/// `RayCluster` objects.
#[utoipa::path(get, path = "/api/kubernetes/rayclusters", tag = "systems", params(AtParams),
    responses((status = 200, description = "Clusters of the namespaces watched", body = Listing<RayClusterObject>)))]
pub(super) async fn ray_clusters(State(api): State<Api>, when: When, _: Plain) -> Response {
    listing(&api, &when, |panel| panel.ray_clusters.clone())
}

/// The last lines of a pod's log, masked.
#[utoipa::path(get, path = "/api/kubernetes/pods/{namespace}/{name}/logs", tag = "systems",
    params(("namespace" = String, Path, description = "Namespace"), ("name" = String, Path, description = "Pod"),
           ("lines" = Option<u32>, Query, description = "How many lines, 1 to 1000; 100 where nothing is said"),
           ("container" = Option<String>, Query, description = "Container"),
           ("previous" = Option<bool>, Query, description = "Of the container before this one, which crashed")),
    responses((status = 200, description = "`lines`, oldest first", body = serde_json::Value),
              (status = 404, description = "No such pod, or a namespace that is not watched", body = Problem),
              (status = 503, description = "The API server refuses or does not answer", body = Problem)))]
pub(super) async fn log(
    State(api): State<Api>,
    _: Role,
    Path((namespace, pod)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (mut lines, mut container, mut previous) = (LINES, None, false);
    for (name, value) in pairs(uri.query())? {
        match name.as_str() {
            "lines" => {
                let fits = value.parse().ok().filter(|n| (1..=MAX_LINES).contains(n));
                lines = fits.ok_or_else(|| Invalid::value("lines", &value, format!("1 to {MAX_LINES}")))?;
            }
            "container" => container = Some(value),
            "previous" => {
                previous = value.parse().map_err(|_| Invalid::value("previous", &value, "true, false"))?;
            }
            _ => return Err(Invalid::new(&name, "is unknown", "lines, container, previous").into()),
        }
    }
    let question = Question::PodLog { namespace, pod, container, previous, lines };
    Ok(Json(api.context.lookups.ask(question).await?).into_response())
}
