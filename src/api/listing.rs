//! Lists: `{"items":[…],"next":…,"as_of":…}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::when::{PastJson, When};
use crate::model::Timestamp;
use crate::sinks::feed::Time;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listing<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// The `cursor` of the next page; null = that was all.
    pub(super) next: Option<String>,
    /// The state is as of this time.
    #[schema(value_type = String, format = DateTime)]
    pub(super) as_of: Time,
    /// Why the items may be out of date: the system they come from does not answer, or is not configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stale_because: Option<String>,
    /// What an answer about the past stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) past: Option<PastJson>,
}

impl<T: Serialize> Listing<T> {
    /// All there is.
    pub(super) fn whole(items: Vec<T>, as_of: Timestamp) -> Self {
        Self { items, next: None, as_of: Time(as_of), stale_because: None, past: None }
    }

    /// What a watched system showed last, and why that may be out of date.
    pub(super) fn of_system(items: Vec<T>, as_of: Timestamp, stale_because: Option<String>) -> Self {
        Self { stale_because, ..Self::whole(items, as_of) }
    }

    /// The same, of the time the question is about.
    #[must_use]
    pub(super) fn of(self, when: &When) -> Self {
        Self { past: when.past(), ..self }
    }
}

impl<T: Serialize> IntoResponse for Listing<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// JSON text that is ready.
pub(super) fn json_text(body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
