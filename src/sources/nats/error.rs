//! Why JetStream's API did not give what it was asked for.

use super::wire::ServerError;

/// A failed API request.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The account may not publish the request.
    #[error("no permission to publish to {0}")]
    Denied(String),
    /// Nobody answers: JetStream is off for the account, or what was named does not exist.
    #[error("nothing answers on {0}")]
    NoResponders(String),
    /// No answer in time.
    #[error("no answer on {0} in time")]
    TimedOut(String),
    /// The server's own error.
    #[error("{subject}: {error}")]
    Server {
        /// What was asked.
        subject: String,
        /// What it said.
        error: ServerError,
    },
    /// An answer we cannot read.
    #[error("the answer on {subject} cannot be read")]
    Answer {
        /// What was asked.
        subject: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The connection is gone.
    #[error("not connected")]
    Closed(#[source] async_nats::Error),
}

impl ApiError {
    /// The closed word it is counted under.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Denied(_) => "permission",
            Self::NoResponders(_) => "no_responders",
            Self::TimedOut(_) => "timeout",
            Self::Server { error, .. } if error.is_missing() => "not_found",
            Self::Server { error, .. } if error.is_jetstream_off() => "jetstream_off",
            Self::Server { .. } => "server",
            Self::Answer { .. } => "bad_answer",
            Self::Closed(_) => "connection",
        }
    }

    /// Whether the server says that what was named does not exist.
    pub(super) const fn is_missing(&self) -> bool {
        matches!(self, Self::Server { error, .. } if error.is_missing())
    }

    /// Whether the stream holds no such message.
    pub(super) const fn is_no_message(&self) -> bool {
        matches!(self, Self::Server { error, .. } if error.err_code == 10037)
    }

    /// Whether JetStream is off for this account.
    pub(super) const fn is_jetstream_off(&self) -> bool {
        match self {
            Self::NoResponders(_) => true,
            Self::Server { error, .. } => error.is_jetstream_off(),
            _ => false,
        }
    }
}
