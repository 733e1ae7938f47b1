//! `[logs]`: the log backend.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::otlp::{self, Otlp, OtlpProtocol};
use super::section::section;
use super::setting::ByteSize;

section! {
    /// The fleet's events as OTLP log records (Loki, an OpenTelemetry Collector, …). The daemon's own log is `[log]`.
    pub struct Logs = "logs", check check, {
        /// Where to send log records: `http://loki:3100/otlp/v1/logs` with protocol "http". Not set = the sink is off.
        endpoint: Option<Url> = None,
        /// "grpc" or "http" (protobuf; `/v1/logs` is added unless the endpoint has a path).
        protocol: OtlpProtocol = OtlpProtocol::Grpc,
        /// File with headers, one `name: value` a line. Read again on change.
        headers_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// How long after the backend's OK a log record counts as kept: a backend killed before that gets it again.
        settle: Duration = Duration::from_secs(35),
        /// Most log records a request.
        batch_records: u32 = 1024,
        /// Most bytes a request.
        batch_bytes: ByteSize = ByteSize(1 << 20),
        /// Requests under way at a time.
        in_flight: u32 = 4,
        /// Longest time a request may take.
        timeout: Duration = Duration::from_secs(10),
        /// How long a log record may be refused by a backend that says it is at fault itself (HTTP 5xx, INTERNAL, UNKNOWN)
        /// while it takes others, until the log record is a dead letter. One that is called invalid is one at once.
        patience: Duration = Duration::from_mins(10),
    }
}

impl Logs {
    /// The same in the words of `[otlp]`: log records are sent as spans are.
    pub fn as_otlp(&self) -> Otlp {
        Otlp {
            endpoint: self.endpoint.clone(),
            protocol: self.protocol,
            headers_file: self.headers_file.clone(),
            tls_ca_file: self.tls_ca_file.clone(),
            settle: self.settle,
            batch_spans: self.batch_records,
            batch_bytes: self.batch_bytes,
            in_flight: self.in_flight,
            timeout: self.timeout,
            patience: self.patience,
            ..Otlp::default()
        }
    }
}

fn check(logs: &Logs) -> Vec<(&'static str, String)> {
    let mut wrong = otlp::check(&logs.as_otlp());
    for (key, _) in &mut wrong {
        if *key == "batch_spans" {
            *key = "batch_records";
        }
    }
    wrong
}
