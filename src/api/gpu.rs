//! Graphics processors as their exporter tells them.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::listing::Listing;
use super::query::Plain;
use super::when::{AtParams, When};
use crate::model::{Gpu, Panel, Source, Timestamp};

/// Graphics processors: use, memory, power, temperature.
#[utoipa::path(get, path = "/api/gpus", tag = "systems", params(AtParams),
    responses((status = 200, description = "All processors", body = Listing<Gpu>)))]
pub(super) async fn gpus(State(api): State<Api>, when: When, _: Plain) -> Response {
    let stale = when.stale(&api, Source::Gpu, "source/gpu");
    when.read(|state| {
        let (items, as_of) = match state.panels.get(&Source::Gpu).map(AsRef::as_ref) {
            Some(Panel::Gpu(panel)) => (panel.gpus.iter().collect(), panel.at),
            _ => (Vec::new(), Timestamp::ZERO),
        };
        Listing::of_system(items, as_of, stale).of(&when).into_response()
    })
}
