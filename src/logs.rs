//! The daemon's own log on standard error and, where configured, its own traces and logs over OTLP.
//! Takes: `[log]`, `[telemetry]`. Gives: lines people or machines read; a guard that sends what is left at the end.
//! Never: lets foreign text move a terminal's cursor or break a line; never reports the exporter's own traffic.

mod harmless;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::IntCounter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, filter};

use crate::config::{self, LogFormat};
use crate::metrics::Metrics;

/// Longest time spent on sending what is left at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// Targets of the exporter's own connection. Were they exported, each export would cause the next.
const EXPORTER: &[&str] = &["h2", "hyper", "hyper_util", "tonic", "tower", "rustls", "opentelemetry", "reqwest"];

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// Sends what is left of the daemon's own telemetry when it goes.
#[derive(Debug, Default)]
#[must_use = "telemetry ends when the guard is dropped"]
pub struct Guard {
    providers: Option<(SdkTracerProvider, SdkLoggerProvider)>,
}

impl Guard {
    /// Sends what is left, for 2 s at most. Needs the runtime that [`init`] was called in.
    pub async fn flush(mut self) {
        if let Some(providers) = self.providers.take() {
            let ended = tokio::task::spawn_blocking(move || shutdown(&providers));
            // What could not be sent by then is lost, as is allowed for the daemon's own telemetry.
            let _late = tokio::time::timeout(FLUSH, ended).await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(providers) = self.providers.take() {
            // Nobody waits: dropping must not block a runtime's only worker.
            std::thread::spawn(move || shutdown(&providers));
        }
    }
}

fn shutdown((traces, logs): &(SdkTracerProvider, SdkLoggerProvider)) {
    // A failure here would be logged to what is being shut down.
    let _lost = (traces.shutdown_with_timeout(FLUSH), logs.shutdown_with_timeout(FLUSH));
}

/// Begins to log, for the whole process. With a telemetry endpoint it must be called within a tokio runtime.
pub fn init(log: &config::Log, telemetry: &config::Telemetry, metrics: &Metrics) -> anyhow::Result<Guard> {
    let colour = std::io::stderr().is_terminal();
    let (guard, own) = match &telemetry.endpoint {
        // No layer, not an empty list of layers: that would turn everything off.
        None => (Guard::default(), None),
        Some(endpoint) => {
            let (guard, layers) = export(endpoint.as_str()).context("telemetry.endpoint cannot be used")?;
            (guard, Some(layers))
        }
    };
    let subscriber = subscriber(log, metrics, std::io::stderr, colour)?;
    subscriber.with(own).try_init().context("a log is already set up in this process")?;
    Ok(guard)
}

/// What `init` sets up, less the export.
fn subscriber<W>(
    log: &config::Log,
    metrics: &Metrics,
    writer: W,
    colour: bool,
) -> anyhow::Result<impl Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync + use<W>>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // It logs each failed try as an error; the source tells of a failure once. A filter that names it outweighs this.
    // And rmcp tells of each request that it began and ended.
    let filter = format!("kube_client=off,kube_runtime=off,rmcp=warn,{}", log.filter);
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log.filter `{}` is no filter", log.filter))?;
    let lines: Boxed<_> = match log.format {
        LogFormat::Text => {
            let text = tracing_subscriber::fmt::layer().with_ansi(colour).fmt_fields(harmless::fields());
            text.with_writer(writer).boxed()
        }
        LogFormat::Json => {
            let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_ansi(false);
            json.with_writer(harmless::Lines::new(writer)).boxed()
        }
    };
    Ok(tracing_subscriber::registry().with(filter).with(Count::new(metrics)).with(lines))
}

/// Whether something logged or traced is the exporter's own doing.
fn is_exporters(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    EXPORTER.iter().any(|own| root == *own || (*own == "opentelemetry" && root.starts_with("opentelemetry")))
}

/// Layers that send traces and logs to `endpoint`, and the guard that ends them.
fn export<S>(endpoint: &str) -> anyhow::Result<(Guard, Vec<Boxed<S>>)>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
{
    let resource = Resource::builder()
        .with_service_name("fleetscope")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let spans = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(FLUSH).build()?;
    let lines = LogExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(FLUSH).build()?;
    let traces = SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(spans).build();
    let logs = SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(lines).build();
    let not_own = || filter::filter_fn(|metadata| !is_exporters(metadata));
    let layers: Vec<Boxed<S>> = vec![
        tracing_opentelemetry::layer().with_tracer(traces.tracer("fleetscope")).with_filter(not_own()).boxed(),
        OpenTelemetryTracingBridge::new(&logs).with_filter(not_own()).boxed(),
    ];
    Ok((Guard { providers: Some((traces, logs)) }, layers))
}

/// Counts lines by level.
struct Count {
    levels: [IntCounter; 5],
}

impl Count {
    fn new(metrics: &Metrics) -> Self {
        let of = |level| metrics.process.log_lines.with_label_values(&[level]);
        Self { levels: ["error", "warn", "info", "debug", "trace"].map(of) }
    }
}

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => 0,
            Level::WARN => 1,
            Level::INFO => 2,
            Level::DEBUG => 3,
            Level::TRACE => 4,
        };
        self.levels[level].inc();
    }
}

#[cfg(test)]
mod tests;
