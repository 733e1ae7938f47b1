//! Lines are harmless, filtered and counted; the exporter does not report itself.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::Registry;

use super::*;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is written while `say` runs.
fn written(log: &config::Log, metrics: &Metrics, say: impl FnOnce()) -> String {
    let page = Page::default();
    let writer = page.clone();
    let subscriber = subscriber(log, metrics, move || writer.clone(), false).expect("a filter");
    tracing::subscriber::with_default(subscriber, say);
    let bytes = page.0.lock().expect("one thread").clone();
    String::from_utf8(bytes).expect("text")
}

const EVIL: &str = "a\nERROR forged\u{1b}[2J\u{202e}z\u{9b}1m";

fn say_evil() {
    let _span = tracing::info_span!("work", who = %EVIL).entered();
    tracing::info!(story = %EVIL, quoted = EVIL, "read {EVIL}");
}

#[test]
fn foreign_text_cannot_break_a_line_or_move_a_cursor() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let log = config::Log { format, ..config::Log::default() };
        let lines = written(&log, &Metrics::new(), say_evil);
        assert_eq!(lines.matches('\n').count(), 1, "{lines:?}");
        assert!(lines.ends_with('\n'));
        let unsafe_char = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!lines.contains(unsafe_char), "{lines:?}");
        assert!(lines.contains("story") && lines.contains("forged"));
    }
}

#[test]
fn json_lines_are_objects() {
    let log = config::Log { format: LogFormat::Json, ..config::Log::default() };
    let line = written(&log, &Metrics::new(), say_evil);
    let value: serde_json::Value = serde_json::from_str(&line).expect("an object");
    assert_eq!(value["level"], "INFO");
    assert!(value["message"].as_str().is_some_and(|m| m.starts_with("read a")));
    assert!(value["story"].is_string());
}

#[test]
fn lines_are_filtered_and_counted_by_level() {
    let metrics = Metrics::new();
    let log = config::Log { filter: "warn,fleetscope=info".to_owned(), ..config::Log::default() };
    let lines = written(&log, &metrics, || {
        tracing::error!("one");
        tracing::info!("two");
        tracing::debug!("three");
        tracing::info!(target: "h2::client", "four");
    });
    assert!(lines.contains("one") && lines.contains("two") && !lines.contains("three") && !lines.contains("four"));
    let count = |level| metrics.process.log_lines.with_label_values(&[level]).get();
    assert_eq!(["error", "warn", "info", "debug"].map(count), [1, 0, 1, 0]);
}

#[test]
fn a_bad_filter_is_an_error_that_names_the_key() {
    let log = config::Log { filter: "fleetscope=loud".to_owned(), ..config::Log::default() };
    let refused = subscriber(&log, &Metrics::new(), std::io::sink, false);
    assert!(refused.err().is_some_and(|e| e.to_string().contains("log.filter")));
}

#[test]
fn the_exporters_own_traffic_is_not_exported() {
    struct See(Arc<Mutex<Vec<(String, bool)>>>);
    impl<S: Subscriber> Layer<S> for See {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let own = is_exporters(event.metadata());
            self.0.lock().expect("one thread").push((event.metadata().target().to_owned(), own));
        }
    }
    let seen = Arc::<Mutex<Vec<(String, bool)>>>::default();
    let registry = Registry::default().with(See(Arc::clone(&seen)));
    tracing::subscriber::with_default(registry, || {
        tracing::info!(target: "h2::codec::framed_write", "x");
        tracing::info!(target: "opentelemetry_sdk", "x");
        tracing::info!(target: "tonic", "x");
        tracing::info!(target: "h2o", "x");
        tracing::info!("x");
    });
    let own: Vec<bool> = seen.lock().expect("one thread").iter().map(|(_, own)| *own).collect();
    assert_eq!(own, [true, true, true, false, false]);
}
