//! The doctor: what works with this server and account, what does not, and which permission to give.
//! Never: leaves anything behind.

use std::time::Duration;

use serde::Serialize;

use crate::config;

use super::api::Api;
use super::begin::Deliver;
use super::error::ApiError;
use super::pull;
use super::wire::{self, Pull};
use super::{OWN_PREFIX, advisory, connect, discover, read, tap};

/// The streams of the fleet.
const FLEET: [&str; 8] = [
    "PLANNING_EVENTS",
    "CONTEXT",
    "ORCHESTRATOR_EVENTS",
    "AGENT_COMMANDS",
    "AGENT_RESPONSES",
    "AGENT_WORK",
    "WORKFLOW_EVENTS",
    "task_derivation",
];

/// A permission to add to the account's user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Permission {
    /// `publish` or `subscribe`.
    pub action: &'static str,
    /// The subject to allow.
    pub subject: String,
    /// What it is needed for.
    pub needed_for: &'static str,
}

/// What can be done with a stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamProbe {
    /// Name.
    pub name: String,
    /// `limits`, `interest` or `workqueue`.
    pub retention: String,
    /// Whether it is read by a consumer of its own; `false` with no `problem` = read by sequence, best effort.
    pub consumer: bool,
    /// Whether the configuration asks for it.
    pub wanted: bool,
    /// Messages held.
    pub messages: u64,
    /// What does not work.
    pub problem: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent answers")]
pub struct ProbeReport {
    /// Whether the server could be reached and let us in.
    pub connected: bool,
    /// What does not work, in words; empty = all is well.
    pub problems: Vec<String>,
    /// Version of the server.
    pub server_version: Option<String>,
    /// Whether JetStream is on for the account.
    pub jetstream: bool,
    /// Whether streams can be listed.
    pub can_list: bool,
    /// The streams there are.
    pub streams: Vec<StreamProbe>,
    /// Streams of the fleet that are not there.
    pub missing: Vec<&'static str>,
    /// Whether acknowledgements can be seen.
    pub ack_tap: bool,
    /// Whether advisories can be heard.
    pub advisories: bool,
    /// What to permit.
    pub permissions: Vec<Permission>,
}

impl ProbeReport {
    fn lacks(&mut self, action: &'static str, subject: impl Into<String>, needed_for: &'static str) {
        self.permissions.push(Permission { action, subject: subject.into(), needed_for });
    }
}

/// Tries everything the source does, and takes it back.
pub async fn probe(config: &config::Nats) -> ProbeReport {
    let mut report = ProbeReport::default();
    if config.url.is_none() {
        report.problems.push("nats.url is not set".to_owned());
        return report;
    }
    match connect::connect(config).await {
        Err(error) => report.problems.push(connect::chain(&error)),
        Ok(api) => {
            report.connected = true;
            report.server_version = Some(api.version());
            examine(config, &api, &mut report).await;
            api.close().await;
        }
    }
    report.permissions.sort();
    report.permissions.dedup();
    report
}

async fn examine(config: &config::Nats, api: &Api, report: &mut ProbeReport) {
    report.jetstream = match api.account().await {
        Ok(()) => true,
        Err(ApiError::Denied(subject)) => {
            report.lacks("publish", subject, "finding out whether JetStream is on");
            true
        }
        Err(error @ ApiError::TimedOut(_)) if api.signals().inbox_is_denied() => {
            report.problems.push(error.to_string());
            report.lacks("subscribe", "_INBOX.>", "receiving answers and messages");
            return;
        }
        Err(error) => {
            let off = error.is_jetstream_off();
            report.problems.push(if off {
                "JetStream is not enabled for this account".to_owned()
            } else {
                connect::chain(&error)
            });
            !off
        }
    };
    report.ack_tap = api.may_subscribe(tap::SUBJECT).await;
    if !report.ack_tap && config.ack_tap {
        report.lacks("subscribe", tap::SUBJECT, "exact delivery latencies and outcomes");
    }
    report.advisories = true;
    for subject in advisory::SUBJECTS {
        if !api.may_subscribe(subject).await {
            report.advisories = false;
            report.lacks("subscribe", subject, "news of streams and consumers");
        }
    }
    for subject in &config.core_subjects {
        if !api.may_subscribe(subject).await {
            report.lacks("subscribe", subject, "nats.core_subjects");
        }
    }
    if report.jetstream {
        streams(config, api, report).await;
    }
}

async fn streams(config: &config::Nats, api: &Api, report: &mut ProbeReport) {
    let found = match api.streams().await {
        Ok(found) => {
            report.can_list = true;
            found
        }
        Err(error) => {
            refused(report, &error, "finding streams; or name them in nats.streams");
            named(config, api, report).await
        }
    };
    for fleet in FLEET {
        if !found.iter().any(|s| s.config.name.eq_ignore_ascii_case(fleet)) {
            report.missing.push(fleet);
        }
    }
    for info in &found {
        let probe = stream(config, api, report, info).await;
        report.streams.push(probe);
    }
}

/// Without the list: the streams that are named, and the fleet's.
async fn named(config: &config::Nats, api: &Api, report: &mut ProbeReport) -> Vec<wire::Stream> {
    let literal = config.streams.iter().map(String::as_str).filter(|name| !name.contains('*'));
    let mut found: Vec<wire::Stream> = Vec::new();
    for name in literal.chain(FLEET) {
        if found.iter().any(|s| s.config.name == name) {
            continue;
        }
        match api.stream(name).await {
            Ok(info) => found.push(info),
            Err(error) if error.is_missing() => {}
            Err(error) => refused(report, &error, "reading the stream"),
        }
    }
    found
}

async fn stream(config: &config::Nats, api: &Api, report: &mut ProbeReport, info: &wire::Stream) -> StreamProbe {
    let name = info.config.name.as_str();
    let mut probe = StreamProbe {
        name: name.to_owned(),
        retention: info.config.retention.clone(),
        consumer: false,
        wanted: discover::is_wanted(config, name),
        messages: info.state.messages,
        problem: None,
    };
    if !probe.wanted {
        return probe;
    }
    // Reading begins with a look at the stream, so that permission is needed besides the list.
    let mut tried = api.stream(name).await.map(|_| ());
    if tried.is_ok() {
        tried = if read::reads_by_consumer(info) {
            let consumed = consume(api, info).await;
            probe.consumer = consumed.is_ok();
            consumed
        } else {
            match api.next_message(name, info.state.first_seq.max(1)).await {
                Err(error) if !error.is_missing() => Err(error),
                _ => Ok(()),
            }
        };
    }
    if let Err(error) = tried {
        refused(report, &error, "reading the stream");
        probe.problem = Some(error.to_string());
    }
    if let Err(error) = api.consumers(name).await {
        refused(report, &error, "the state of its consumers");
    }
    probe
}

/// Makes a consumer, asks it once, removes it.
async fn consume(api: &Api, info: &wire::Stream) -> Result<(), ApiError> {
    let stream = info.config.name.as_str();
    let name = format!("{OWN_PREFIX}{:016x}", fastrand::u64(..));
    let from = Deliver::Seq(info.state.last_seq + 1);
    api.create_consumer(stream, pull::config(&name, from, Duration::from_secs(5))).await?;
    let pull = Pull { batch: 1, max_bytes: 0, expires: 100_000_000, idle_heartbeat: 0 };
    let asked = api.pull(stream, &name, &api.inbox(), &pull).await;
    // A round trip; where removing is not permitted the server does it 5 s later.
    let _ = api.delete_consumer(stream, &name).await;
    asked?;
    let subject = Api::pull_subject(stream, &name);
    if api.was_refused(subject.clone()).await { Err(ApiError::Denied(subject)) } else { Ok(()) }
}

fn refused(report: &mut ProbeReport, error: &ApiError, needed_for: &'static str) {
    match error {
        ApiError::Denied(subject) => {
            // A consumer's name is new each time.
            let subject = match subject.rsplit_once('.') {
                Some((before, name)) if name.starts_with(OWN_PREFIX) => format!("{before}.*"),
                _ => subject.clone(),
            };
            report.lacks("publish", subject, needed_for);
        }
        error => report.problems.push(connect::chain(error)),
    }
}
