//! `[otlp]`: the trace backend.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::section::section;
use super::setting::{ByteSize, words};

/// How spans are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// OTLP/gRPC, port 4317 by convention.
    Grpc,
    /// OTLP/HTTP with protobuf, port 4318 by convention.
    Http,
}

words!(OtlpProtocol, "\"grpc\" or \"http\"", "grpc" => Grpc, "http" => Http);

section! {
    /// The trace backend (Tempo, an OpenTelemetry Collector, Jaeger, …).
    pub struct Otlp = "otlp", check check, {
        /// Where to send spans: `http://tempo:4317`. Not set = the sink is off.
        endpoint: Option<Url> = None,
        /// "grpc" or "http" (protobuf; `/v1/traces` is added unless the endpoint has a path).
        protocol: OtlpProtocol = OtlpProtocol::Grpc,
        /// File with headers, one `name: value` a line. Read again on change.
        headers_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// How long after the backend's OK a span counts as kept: a backend killed before that gets it again.
        settle: Duration = Duration::from_secs(35),
        /// What is still open after this is sent as far as it is known.
        open_span_max: Duration = Duration::from_mins(5),
        /// Most spans a request.
        batch_spans: u32 = 1024,
        /// Most bytes a request.
        batch_bytes: ByteSize = ByteSize(1 << 20),
        /// Requests under way at a time.
        in_flight: u32 = 4,
        /// Longest time a request may take.
        timeout: Duration = Duration::from_secs(10),
        /// How long a span may be refused by a backend that says it is at fault itself (HTTP 5xx, INTERNAL, UNKNOWN) while it
        /// takes others, until the span is a dead letter. One that is called invalid is one at once.
        patience: Duration = Duration::from_mins(10),
        /// Bytes of one trace after which a story goes on in a linked trace (Tempo refuses traces over 5 MB).
        trace_bytes: ByteSize = ByteSize(4 << 20),
    }
}

pub(super) fn check(otlp: &Otlp) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if let Some(url) = &otlp.endpoint
        && !matches!(url.scheme(), "http" | "https")
    {
        wrong.push(("endpoint", format!("`{}` is no scheme for OTLP: write http:// or https://", url.scheme())));
    }
    if !(1..=8192).contains(&otlp.batch_spans) {
        wrong.push((
            "batch_spans",
            format!("{} is out of range: write 1 to 8192 (512 to 2048 is best)", otlp.batch_spans),
        ));
    }
    if !(1..=64).contains(&otlp.in_flight) {
        wrong.push(("in_flight", format!("{} is out of range: write 1 to 64 (2 to 8 is best)", otlp.in_flight)));
    }
    if otlp.batch_bytes < ByteSize(16 << 10) || otlp.batch_bytes > ByteSize(4 << 20) {
        wrong.push(("batch_bytes", "write \"16KiB\" to \"4MiB\": backends refuse larger requests".to_owned()));
    }
    wrong
}
