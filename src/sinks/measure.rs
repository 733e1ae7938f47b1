//! Measures and changes of state → metric families.
//! Takes: what correlation counts. Gives: samples on capped labels. Never: an id as a label, but for that of a graphics
//! processor: there are few, and they stay.

mod cache;
mod components;
mod gpu;
mod graph;
mod llm;
mod ray;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use prometheus::{Histogram, IntCounter};

use self::shown::{Samples, Shown};
use crate::metrics::Metrics;
use crate::model::{
    AgentState, AgentView, Change, ConsumersReport, CouncilView, DeliberationView, Measure, Panel, Source,
    StreamsReport, Text,
};

/// Turns measures into samples. Owned by ingest, so it needs no lock.
#[derive(Debug)]
pub struct Recorder {
    metrics: Arc<Metrics>,
    events: HashMap<(Text, Text, Text), (IntCounter, Histogram)>,
    /// Lines of the ledger in use, by source and outcome: a handful, and each event is two of them.
    ledger: Vec<(&'static str, &'static str, IntCounter)>,
    gauges: Gauges,
    shown: Shown,
}

/// What gauges that are sums over state need to remember.
#[derive(Debug, Default)]
struct Gauges {
    phases: HashMap<Text, Text>,
    deliberations: HashMap<Text, (Text, bool)>,
}

/// What the ledger calls the messages and settlements of NATS.
const NATS: &str = Source::Nats.key();

/// Handles kept for labels seen. Beyond it (label caps make that impossible but for a flood of streams) all are dropped
/// and looked up again.
const MAX_HANDLES: usize = 10_000;

impl Recorder {
    /// A recorder into `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, events: HashMap::new(), ledger: Vec::new(), gauges: Gauges::default(), shown: Shown::default() }
    }

    /// Records one measure.
    pub fn record(&mut self, measure: &Measure) {
        match measure {
            Measure::Event { source, stream, event_type, producer, size } => {
                self.event(stream, event_type, producer, *size);
                self.ledger(source.key(), "journaled");
            }
            Measure::Settlement { stream, consumer, outcome, redelivered, latency, folded, unmatched } => {
                let (m, cap) = (&self.metrics.consumers, &self.metrics.cap);
                let stream = cap.value("fleet_deliveries_total", "stream", stream);
                let consumer = cap.value("fleet_deliveries_total", "consumer", consumer);
                m.deliveries.with_label_values(&[&*stream, &*consumer, *outcome]).inc();
                if *redelivered {
                    m.deliveries.with_label_values(&[&*stream, &*consumer, "redelivered"]).inc();
                }
                if let Some(latency) = latency {
                    m.delivery_duration.with_label_values(&[&*stream, &*consumer]).observe(latency.as_secs_f64());
                }
                let outcome = if *unmatched { "unmatched" } else { ["journaled", "folded"][usize::from(*folded)] };
                self.ledger(NATS, outcome);
            }
            Measure::Repeated { source } => self.ledger(source.key(), "duplicate"),
            Measure::Polled => self.ledger(NATS, "received"),
            Measure::Violation { event_type, rule } => {
                let cap = &self.metrics.cap;
                let event_type = cap.value("fleet_contract_violations_total", "event_type", event_type);
                let rule = cap.value("fleet_contract_violations_total", "rule", rule);
                self.metrics.events.violations.with_label_values(&[&*event_type, &*rule]).inc();
            }
            Measure::AgentTask { council, agent, outcome, duration } => {
                let (m, cap) = (&self.metrics.agents, &self.metrics.cap);
                let council = cap.value("fleet_agent_tasks_total", "council", council);
                let agent = cap.value("fleet_agent_tasks_total", "agent", agent);
                m.tasks.with_label_values(&[&*council, &*agent, outcome.name()]).inc();
                if let Some(duration) = duration {
                    let labels = [&*council, outcome.name()];
                    m.response_duration.with_label_values(&labels).observe(duration.as_secs_f64());
                }
            }
            Measure::Deliberation { council, outcome, duration } => {
                let council = self.metrics.cap.value("fleet_deliberation_duration_seconds", "council", council);
                let labels = [&*council, outcome.name()];
                let family = &self.metrics.agents.deliberation_duration;
                family.with_label_values(&labels).observe(duration.as_secs_f64());
            }
            Measure::StoryPhase { phase, duration } => {
                let phase = self.metrics.cap.value("fleet_story_phase_duration_seconds", "phase", phase);
                self.metrics.stories.phase_duration.with_label_values(&[&*phase]).observe(duration.as_secs_f64());
            }
            Measure::StoryTokens { tokens } => {
                self.metrics.stories.tokens.with_label_values::<&str>(&[]).observe(*tokens as f64);
            }
            Measure::RayJob { council, status, duration, error } => {
                self.ray_job(council, status, *duration, error.as_deref());
            }
            Measure::LlmRequest { .. } => self.llm_request(measure),
            Measure::Evicted { what } => self.metrics.sources.evicted.with_label_values(&[*what]).inc(),
        }
    }

    /// One line of the ledger of events.
    pub fn ledger(&mut self, source: &'static str, outcome: &'static str) {
        if let Some((.., line)) = self.ledger.iter().find(|(s, o, _)| (*s, *o) == (source, outcome)) {
            return line.inc();
        }
        let line = self.metrics.sources.events.with_label_values(&[source, outcome]);
        line.inc();
        self.ledger.push((source, outcome, line));
    }

    /// The term of the ledger of what waits for its message.
    pub fn waiting(&self, count: usize) {
        self.metrics.sources.waiting.with_label_values(&[NATS]).set(count as f64);
    }

    /// What has waited since before a restart: received anew, as far as this life's ledger goes.
    pub fn resumed(&self, waiting: usize) {
        self.metrics.sources.events.with_label_values(&[NATS, "received"]).inc_by(waiting as u64);
        self.waiting(waiting);
    }

    fn event(&mut self, stream: &Text, event_type: &Text, producer: &Text, size: u32) {
        let key = (stream.clone(), event_type.clone(), producer.clone());
        if self.events.len() > MAX_HANDLES {
            self.events.clear();
        }
        let (count, sizes) = self.events.entry(key).or_insert_with_key(|(stream, event_type, producer)| {
            let cap = &self.metrics.cap;
            let stream = if stream.is_empty() { "core" } else { stream };
            let stream = cap.value("fleet_events_total", "stream", stream);
            let event_type = cap.value("fleet_events_total", "event_type", event_type);
            let producer = cap.value("fleet_events_total", "producer", producer);
            let labels = [&*stream, &*event_type, &*producer];
            (self.metrics.events.events.with_label_values(&labels), self.metrics.events.size.with_label_values(&labels))
        });
        count.inc();
        sizes.observe(f64::from(size));
    }

    /// Sets the gauges that follow from changed state.
    pub fn changes(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Agent(view) => self.agent(view),
                Change::Council(view) => self.council(view),
                Change::Deliberation(view) => self.deliberation(view),
                Change::DeliberationClosed(id) => {
                    self.gauges.deliberations.remove(id);
                }
                Change::Story(view) => {
                    self.gauges.phases.insert(view.story_id.clone(), view.phase.clone());
                }
                Change::StoryClosed(id) => {
                    self.gauges.phases.remove(id);
                }
                Change::Llm(_) => {}
            }
        }
        let moved = |c: &Change| !matches!(c, Change::Agent(_) | Change::Council(_) | Change::Llm(_));
        if changes.iter().any(moved) {
            self.sums();
        }
    }

    fn agent(&self, view: &AgentView) {
        let (m, cap) = (&self.metrics.agents, &self.metrics.cap);
        let council = cap.value("fleet_agent_state", "council", &view.council);
        let agent = cap.value("fleet_agent_state", "agent", &view.agent_id);
        for state in AgentState::ALL {
            let on = f64::from(u8::from(state == view.state));
            m.state.with_label_values(&[&*council, &*agent, state.name()]).set(on);
        }
        m.state_entered.with_label_values(&[&*council, &*agent]).set(view.since.seconds());
        m.last_event.with_label_values(&[&*council, &*agent]).set(view.last_event.seconds());
    }

    fn council(&self, view: &CouncilView) {
        let (m, cap) = (&self.metrics.agents, &self.metrics.cap);
        let council = cap.value("fleet_council_agents", "council", &view.council);
        let counts = [view.idle, view.deliberating, view.completed, view.failed];
        for (state, count) in AgentState::ALL.into_iter().zip(counts) {
            m.council_agents.with_label_values(&[&*council, state.name()]).set(f64::from(count));
        }
        for model in &view.models {
            let model = cap.value("fleet_council_info", "model", model);
            m.council_info.with_label_values(&[&*council, &*model]).set(1.0);
        }
    }

    fn deliberation(&mut self, view: &DeliberationView) {
        if view.ended.is_some() && &*view.state != "timed_out" {
            self.gauges.deliberations.remove(&view.deliberation_id);
        } else {
            let overdue = &*view.state == "timed_out";
            self.gauges.deliberations.insert(view.deliberation_id.clone(), (view.council.clone(), overdue));
        }
    }

    /// Gauges that count over all stories and deliberations.
    fn sums(&mut self) {
        let cap = &self.metrics.cap;
        let mut phases: HashMap<&str, f64> = HashMap::new();
        for phase in self.gauges.phases.values() {
            *phases.entry(phase).or_insert(0.0) += 1.0;
        }
        let mut stories = BTreeMap::new();
        for (phase, count) in phases {
            *stories.entry(vec![cap.value("fleet_stories", "phase", phase).into_owned()]).or_insert(0.0) += count;
        }
        let (mut open, mut overdue) = (BTreeMap::new(), BTreeMap::new());
        for (council, late) in self.gauges.deliberations.values() {
            let labels = vec![cap.value("fleet_deliberations_open", "council", council).into_owned()];
            *open.entry(labels.clone()).or_insert(0.0) += 1.0;
            *overdue.entry(labels).or_insert(0.0) += f64::from(u8::from(*late));
        }
        let agents = &self.metrics.agents;
        self.shown.replace(&self.metrics.stories.stories, "stories", stories);
        self.shown.replace(&agents.deliberations_open, "open", open);
        self.shown.replace(&agents.deliberations_overdue, "overdue", overdue);
    }

    /// Sets the gauges of a watched system; what is gone from it goes too.
    pub fn panel(&mut self, panel: &Panel) {
        match panel {
            Panel::Cluster(panel) => self.cluster(panel),
            Panel::Components(panel) => self.components(panel),
            Panel::Ray(panel) => self.ray(panel),
            // A server's own metrics say the same: dashboards join on them. The gauges of agents follow from events.
            Panel::Alerts(_) | Panel::Llm(_) | Panel::Orchestrator(_) => {}
            Panel::Cache(panel) => self.cache(panel),
            Panel::Gpu(panel) => self.gpus(panel),
            Panel::Graph(panel) => self.graph(panel),
        }
    }

    /// Sets the gauges of a poll of consumers; those of consumers that are gone go too.
    pub fn consumers(&mut self, report: &ConsumersReport) {
        let (m, cap) = (&self.metrics.consumers, &self.metrics.cap);
        let stream = cap.value("fleet_consumer_pending_messages", "stream", &report.stream);
        let mut values: [Samples; 4] = Default::default();
        for consumer in &report.consumers {
            let name = cap.value("fleet_consumer_pending_messages", "consumer", &consumer.name);
            let labels = vec![stream.clone().into_owned(), name.into_owned()];
            values[0].insert(labels.clone(), consumer.pending as f64);
            values[1].insert(labels.clone(), consumer.ack_pending as f64);
            values[2].insert(labels.clone(), consumer.redelivered as f64);
            if let Some(at) = consumer.ack_floor_at {
                values[3].insert(labels, at.seconds());
            }
        }
        let families = [&m.pending, &m.ack_pending, &m.redelivered, &m.ack_floor];
        for (n, (family, values)) in families.into_iter().zip(values).enumerate() {
            self.shown.replace(family, &format!("consumers {n} {stream}"), values);
        }
    }

    /// Sets the gauges of a poll of streams; those of streams that are gone go too, their consumers' among them.
    pub fn streams(&mut self, report: &StreamsReport) {
        let (m, cap) = (&self.metrics.consumers, &self.metrics.cap);
        let mut values: [Samples; 5] = Default::default();
        for stream in &report.streams {
            let labels = vec![cap.value("fleet_stream_messages", "stream", &stream.name).into_owned()];
            values[0].insert(labels.clone(), stream.messages as f64);
            values[1].insert(labels.clone(), stream.bytes as f64);
            values[2].insert(labels.clone(), stream.last_seq as f64);
            // Less than one stands for no limit.
            for (n, limit) in [(3, stream.max_messages), (4, stream.max_bytes)] {
                if limit > 0 {
                    values[n].insert(labels.clone(), limit as f64);
                }
            }
        }
        let families = [&m.pending, &m.ack_pending, &m.redelivered, &m.ack_floor];
        for (n, family) in families.into_iter().enumerate() {
            let gone = |stream: &str| !values[0].keys().any(|labels| labels[0] == stream);
            self.shown.forget(family, &format!("consumers {n} "), gone);
        }
        let families = [
            &m.stream_messages,
            &m.stream_bytes,
            &m.stream_last_sequence,
            &m.stream_limit_messages,
            &m.stream_limit_bytes,
        ];
        for (n, (family, values)) in families.into_iter().zip(values).enumerate() {
            self.shown.replace(family, &format!("streams {n}"), values);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Outcome, Timestamp};

    #[test]
    fn a_measure_becomes_a_sample_and_a_line_of_the_ledger() {
        let metrics = Arc::new(Metrics::new());
        let mut recorder = Recorder::new(Arc::clone(&metrics));
        let event = Measure::Event {
            source: Source::Nats,
            stream: "CONTEXT".into(),
            event_type: "context.events.updated".into(),
            producer: "context-service".into(),
            size: 512,
        };
        recorder.record(&event);
        recorder.record(&event);
        let settlement = Measure::Settlement {
            stream: "CONTEXT".into(),
            consumer: "context-workers".into(),
            outcome: "ack",
            redelivered: true,
            latency: Some(Duration::from_millis(15)),
            folded: false,
            unmatched: false,
        };
        recorder.record(&settlement);
        let answer = Measure::AgentTask {
            council: "DEV".into(),
            agent: "agent-dev-001".into(),
            outcome: Outcome::Failed,
            duration: None,
        };
        recorder.record(&answer);
        let page = metrics.page();
        for line in [
            r#"fleet_events_total{event_type="context.events.updated",producer="context-service",stream="CONTEXT"} 2"#,
            r#"fleet_deliveries_total{consumer="context-workers",outcome="redelivered",stream="CONTEXT"} 1"#,
            r#"fleet_delivery_duration_seconds_bucket{consumer="context-workers",stream="CONTEXT",le="0.025"} 1"#,
            r#"fleetscope_events_total{outcome="journaled",source="nats"} 3"#,
            r#"fleet_agent_tasks_total{agent="agent-dev-001",council="DEV",outcome="failed"} 1"#,
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
    }

    #[test]
    fn deliberations_that_end_leave_the_gauges() {
        let metrics = Arc::new(Metrics::new());
        let mut recorder = Recorder::new(Arc::clone(&metrics));
        let mut view = DeliberationView {
            deliberation_id: "d".into(),
            council: "QA".into(),
            state: "open".into(),
            ..Default::default()
        };
        recorder.changes(&[Change::Deliberation(view.clone().into())]);
        assert!(metrics.page().contains(r#"fleet_deliberations_open{council="QA"} 1"#));
        view.ended = Some(Timestamp::from_nanos(1));
        view.state = "completed".into();
        recorder.changes(&[Change::Deliberation(view.into())]);
        assert!(!metrics.page().contains("fleet_deliberations_open{"));
    }

    #[test]
    fn gauges_of_what_is_gone_go_too() {
        let metrics = Arc::new(Metrics::new());
        let mut recorder = Recorder::new(Arc::clone(&metrics));
        let consumer = |name: &str| crate::model::ConsumerInfo { name: name.into(), pending: 3, ..Default::default() };
        let report = |names: &[&str]| ConsumersReport {
            stream: "S".into(),
            at: Timestamp::ZERO,
            consumers: names.iter().map(|n| consumer(n)).collect(),
            tapped: true,
        };
        recorder.consumers(&report(&["a", "b"]));
        recorder.consumers(&report(&["b"]));
        let page = metrics.page();
        assert!(!page.contains(r#"fleet_consumer_pending_messages{consumer="a""#));
        assert!(page.contains(r#"fleet_consumer_pending_messages{consumer="b",stream="S"} 3"#));
        recorder.streams(&StreamsReport { at: Timestamp::ZERO, streams: Vec::new() });
        assert!(!metrics.page().contains("fleet_consumer_pending_messages{"));
    }

    #[test]
    fn a_stream_without_a_limit_has_no_gauge_of_it() {
        let metrics = Arc::new(Metrics::new());
        let mut recorder = Recorder::new(Arc::clone(&metrics));
        let stream = |name: &str, max_messages, max_bytes| crate::model::StreamInfo {
            name: name.into(),
            max_messages,
            max_bytes,
            ..Default::default()
        };
        let streams = vec![stream("A", 100_000, -1), stream("B", -1, 4096), stream("C", 0, 0)];
        recorder.streams(&StreamsReport { at: Timestamp::ZERO, streams });
        let page = metrics.page();
        let limits: Vec<_> = page.lines().filter(|line| line.starts_with("fleet_stream_limit_")).collect();
        let expected =
            [r#"fleet_stream_limit_bytes{stream="B"} 4096"#, r#"fleet_stream_limit_messages{stream="A"} 100000"#];
        assert_eq!(limits, expected);
    }
}
