//! `[log]`: the daemon's own log.

use super::section::section;
use super::setting::words;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

words!(LogFormat, "\"text\" or \"json\"", "text" => Text, "json" => Json);

section! {
    /// The daemon's own log, on standard error.
    pub struct Log = "log", check |_| Vec::new(), {
        /// What is logged: a level ("info"), or directives such as `info,fleetscope::sources=debug`.
        filter: String = "info,async_nats=off".to_owned(),
        /// "text" or "json".
        format: LogFormat = LogFormat::Text,
    }
}
