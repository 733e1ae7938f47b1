//! The parts of the fleet, one line each.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::listing::Listing;
use super::query::Plain;
use super::when::{AtParams, When};
use crate::model::{Component, Panel, Source, Timestamp};

/// Components of the fleet: whether each answers and how that was found, version, pods, uptime, CPU, memory, GPU.
#[utoipa::path(get, path = "/api/components", tag = "systems", params(AtParams),
    responses((status = 200, description = "All components", body = Listing<Component>)))]
pub(super) async fn components(State(api): State<Api>, when: When, _: Plain) -> Response {
    let stale = when.stale(&api, Source::Components, "source/components");
    let panel = when.read(|state| state.panels.get(&Source::Components).cloned());
    let (items, as_of) = match panel.as_deref() {
        Some(Panel::Components(panel)) => (panel.components.iter().collect(), panel.at),
        _ => (Vec::new(), Timestamp::ZERO),
    };
    Listing::of_system(items, as_of, stale).of(&when).into_response()
}
