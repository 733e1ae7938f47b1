//! What a backend's answer means for the spans of a request.
//! Takes: gRPC codes, HTTP statuses, messages. Gives: one of six meanings. Never: guesses that a refusal was a success.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tonic::Code;

use super::signal::Signal;
use crate::model::{printable, shorten};

/// Longest message of a backend that is kept, in characters.
const MESSAGE: usize = 300;

/// What to do with the spans of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, all but `rejected` of them (nobody says which).
    Accepted {
        /// How many the backend did not take.
        rejected: u64,
        /// What it said about them, or a warning.
        message: String,
    },
    /// Not taken: send the same bytes again, not before the time asked for.
    Retry {
        /// Asked for by the backend.
        after: Option<Duration>,
        /// Why.
        why: String,
    },
    /// Perhaps taken, nobody knows: send again, but later (see `deliver`).
    Unknown {
        /// Why.
        why: String,
        /// Whether a connection or a proxy failed, so that the backend may have restarted.
        doubt: bool,
    },
    /// No spans will be taken until a person changes something: go on asking, slowly.
    Blocked {
        /// Why, with a hint.
        why: String,
    },
    /// Too large: send in halves.
    TooLarge {
        /// Why.
        why: String,
    },
    /// At least one span is unacceptable.
    Refused {
        /// Why.
        why: String,
        /// Whether the code says that the backend is at fault: then it may be a part of it that is away, and not the span.
        own: bool,
    },
}

impl Answer {
    /// The same with another text.
    pub(super) fn with_text(mut self, change: impl FnOnce(&str) -> String) -> Self {
        let (Self::Accepted { message: text, .. }
        | Self::Retry { why: text, .. }
        | Self::Unknown { why: text, .. }
        | Self::Blocked { why: text }
        | Self::TooLarge { why: text }
        | Self::Refused { why: text, .. }) = &mut self;
        *text = change(text);
        self
    }
}

/// Makes a backend's text safe and short.
pub(super) fn tidy(message: &str) -> String {
    shorten(&printable(message), MESSAGE)
}

fn says(message: &str, words: &[&str]) -> bool {
    let message = message.to_ascii_lowercase();
    words.iter().any(|w| message.contains(w))
}

/// Words of a backend for a request over its size limit.
const SIZE: &[&str] = &["size", "larger", "too large"];
/// Words of a proxy that lost the backend behind it.
const PROXY: &[&str] = &["upstream", "connection refused", "connection reset", "connection error", "no healthy"];

/// A success with the body that came with it. A body that cannot be read takes nothing back.
pub(super) fn accepted(signal: Signal, body: &[u8]) -> Answer {
    let partial = match signal {
        Signal::Spans => ExportTraceServiceResponse::decode(body)
            .map(|response| response.partial_success.unwrap_or_default())
            .map(|partial| (partial.rejected_spans, partial.error_message)),
        Signal::Logs { .. } => ExportLogsServiceResponse::decode(body)
            .map(|response| response.partial_success.unwrap_or_default())
            .map(|partial| (partial.rejected_log_records, partial.error_message)),
    };
    match partial {
        Ok((rejected, message)) => {
            Answer::Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message: tidy(&message) }
        }
        Err(e) => Answer::Accepted { rejected: 0, message: tidy(&format!("the answer cannot be read: {e}")) },
    }
}

/// A refusal to let us in, with what to look at.
fn keys(signal: Signal, why: &str) -> String {
    format!("{why} (check {}.headers_file)", signal.section())
}

/// A refusal by somebody who is no backend for this, with what to look at.
fn nobody(signal: Signal, why: &str) -> String {
    let (service, section) = (signal.service(), signal.section());
    format!("{why} (no OTLP {service} service there: check {section}.endpoint and {section}.protocol)")
}

/// A gRPC status the server sent.
pub(super) fn grpc(signal: Signal, code: Code, message: &str, retry_info: Option<Duration>) -> Answer {
    let why = format!("{code:?}: {}", tidy(message));
    match code {
        Code::Ok => Answer::Accepted { rejected: 0, message: String::new() },
        // The server may have stored the spans before it, or a proxy, gave up.
        Code::Cancelled | Code::DeadlineExceeded => Answer::Unknown { why, doubt: false },
        Code::Unavailable if retry_info.is_none() && says(message, PROXY) => Answer::Unknown { why, doubt: true },
        Code::Aborted | Code::OutOfRange | Code::Unavailable | Code::DataLoss => {
            Answer::Retry { after: retry_info, why }
        }
        Code::ResourceExhausted if retry_info.is_none() && says(message, SIZE) => Answer::TooLarge { why },
        // The specification retries this code only with RetryInfo. Tempo before 3.0 sends its rate limit without it,
        // and dropping spans because of a rate limit helps nobody.
        Code::ResourceExhausted => Answer::Retry { after: retry_info, why },
        Code::Unauthenticated | Code::PermissionDenied => Answer::Blocked { why: keys(signal, &why) },
        Code::Unimplemented | Code::NotFound => Answer::Blocked { why: nobody(signal, &why) },
        Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists => Answer::Refused { why, own: false },
        Code::Unknown | Code::Internal => Answer::Refused { why, own: true },
    }
}

/// An HTTP status with the message of its body.
pub(super) fn http(signal: Signal, status: u16, message: &str, after: Option<Duration>) -> Answer {
    let why = format!("HTTP {status}: {}", tidy(message));
    match status {
        503 if after.is_none() && says(message, PROXY) => Answer::Unknown { why, doubt: true },
        429 | 503 => Answer::Retry { after, why },
        502 => Answer::Unknown { why, doubt: true },
        504 => Answer::Unknown { why, doubt: false },
        401 | 403 => Answer::Blocked { why: keys(signal, &why) },
        404 | 405 | 300..=399 => Answer::Blocked { why: nobody(signal, &why) },
        413 => Answer::TooLarge { why },
        _ => Answer::Refused { why, own: status >= 500 },
    }
}

#[cfg(test)]
mod tests;
