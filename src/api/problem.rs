//! What goes wrong → `application/problem+json` (RFC 9457): what was wrong, and what is allowed.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::journal::JournalError;
use crate::lookup::LookupError;
use crate::past::PastError;
use crate::sinks::feed::Invalid;

/// An error answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What was wrong, and what to do.
    detail: String,
    /// The query parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// What is allowed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<String>,
    /// Where a filter is wrong: characters before the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u16>,
    /// Characters of the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u16>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let status = status.as_u16();
        let (parameter, allowed, at, length) = (None, None, None, None);
        Self { kind: "about:blank", title, status, detail: detail.into(), parameter, allowed, at, length }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} is not known"))
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        // A filter is short.
        let small = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let (at, length) = invalid.place.map(|(at, length)| (small(at), small(length))).unzip();
        Self {
            parameter: Some(invalid.parameter.clone()),
            allowed: Some(invalid.allowed.clone()),
            at,
            length,
            ..Self::new(StatusCode::BAD_REQUEST, invalid.to_string())
        }
    }
}

impl From<PastError> for Problem {
    fn from(error: PastError) -> Self {
        match error {
            PastError::Journal(error) => error.into(),
            PastError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            PastError::Future { .. } | PastError::Before { .. } | PastError::Unreadable { .. } => {
                Self { parameter: Some("at".to_owned()), ..Self::new(StatusCode::BAD_REQUEST, error.to_string()) }
            }
        }
    }
}

impl From<LookupError> for Problem {
    fn from(error: LookupError) -> Self {
        let status = match error {
            LookupError::Off(_) | LookupError::Unknown(_) => StatusCode::NOT_FOUND,
            LookupError::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        tracing::warn!(error = %error, reason = error.reason(), "the journal failed a request");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{error}; try again, and see /status"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("texts and a number");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fleetscope\""));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
