//! `[telemetry]`: the daemon's own traces and logs.

use url::Url;

use super::section::section;

section! {
    /// The daemon's own traces and logs, sent through the OpenTelemetry SDK (loss allowed).
    pub struct Telemetry = "telemetry", check |_| Vec::new(), {
        /// OTLP/gRPC endpoint for them: `http://collector:4317`. Not set = off.
        endpoint: Option<Url> = None,
    }
}
