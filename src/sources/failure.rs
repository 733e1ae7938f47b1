//! Why a watched system gave no answer, in a closed set of reasons.

use std::fmt;
use std::time::Duration;

/// A failed question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The `reason` label: one of the constants of [`reason`].
    pub(super) reason: &'static str,
    /// One line for people: what was asked, what came instead, what to do.
    pub(super) detail: String,
    /// How long the system asked to be left alone, or must be left alone.
    pub(super) wait: Option<Duration>,
}

/// Every reason there is.
pub(super) mod reason {
    pub(in crate::sources) const UNREACHABLE: &str = "unreachable";
    pub(in crate::sources) const TIMEOUT: &str = "timeout";
    pub(in crate::sources) const INTERRUPTED: &str = "interrupted";
    pub(in crate::sources) const UNAUTHORIZED: &str = "unauthorized";
    pub(in crate::sources) const FORBIDDEN: &str = "forbidden";
    pub(in crate::sources) const NOT_FOUND: &str = "not_found";
    pub(in crate::sources) const THROTTLED: &str = "throttled";
    pub(in crate::sources) const SERVER_ERROR: &str = "server_error";
    pub(in crate::sources) const UNEXPECTED: &str = "unexpected";
    pub(in crate::sources) const MALFORMED: &str = "malformed";
    pub(in crate::sources) const TOO_LARGE: &str = "too_large";
    pub(in crate::sources) const INTERNAL: &str = "internal";
    pub(in crate::sources) const CONFIGURATION: &str = "configuration";
}

impl Failure {
    /// A failure of this kind.
    pub(super) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), wait: None }
    }

    /// The same, not to be tried again before `wait` is over.
    #[must_use]
    pub(super) fn after(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    /// Whether trying again soon can help: credentials and rights change by hand, not by themselves.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(
            self.reason,
            reason::UNAUTHORIZED | reason::FORBIDDEN | reason::NOT_FOUND | reason::CONFIGURATION | reason::MALFORMED
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
