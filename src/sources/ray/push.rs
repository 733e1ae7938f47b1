//! Events that Ray pushes: what they say of jobs and actors, long before the next poll.
//! Takes: the JSON array of Ray's aggregator, ids in base64, names in either spelling Ray can be told to use. Gives: what changed, each event once.
//! Never: takes how a job ended from them: they do not tell. The dashboard is asked at once instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::book::{Book, Held};
use super::ids;
use super::plain::short;
use super::tasks::Told;
use super::things;
use super::wire::{ActorRow, DeathCause, lenient, text, texts};
use crate::inbox::{Inbox, Parcel, Receipt, Refusal};
use crate::model::{RayJob, Text, Timestamp, clean_id};

/// Bodies that may wait for the next poll; Ray sends at most 1,000 events in each.
const QUEUE: usize = 32;
/// Most events of a body.
const MAX_EVENTS: usize = 20_000;

/// What an event says.
#[derive(Debug)]
pub(super) enum Pushed {
    Job(JobDefinition),
    JobState {
        job_id: String,
        finished: bool,
        at: Option<Timestamp>,
    },
    Actor(ActorDefinition),
    ActorState {
        actor_id: String,
        state: String,
        death: Option<DeathCause>,
    },
    /// Something else happened: reason enough to ask.
    Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventRow {
    #[serde(alias = "event_id", deserialize_with = "text")]
    event_id: Option<String>,
    #[serde(alias = "driver_job_definition_event", deserialize_with = "lenient")]
    driver_job_definition_event: Option<JobDefinition>,
    #[serde(alias = "driver_job_lifecycle_event", deserialize_with = "lenient")]
    driver_job_lifecycle_event: Option<JobLifecycle>,
    #[serde(alias = "actor_definition_event", deserialize_with = "lenient")]
    actor_definition_event: Option<ActorDefinition>,
    #[serde(alias = "actor_lifecycle_event", deserialize_with = "lenient")]
    actor_lifecycle_event: Option<ActorLifecycle>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct JobDefinition {
    #[serde(alias = "job_id", deserialize_with = "text")]
    job_id: Option<String>,
    #[serde(alias = "driver_pid", deserialize_with = "text")]
    driver_pid: Option<String>,
    #[serde(alias = "driver_node_id", deserialize_with = "text")]
    driver_node_id: Option<String>,
    #[serde(deserialize_with = "text")]
    entrypoint: Option<String>,
    #[serde(deserialize_with = "lenient")]
    config: Option<JobConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobConfig {
    #[serde(deserialize_with = "texts")]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct JobLifecycle {
    #[serde(alias = "job_id", deserialize_with = "text")]
    job_id: Option<String>,
    #[serde(alias = "state_transitions", deserialize_with = "lenient")]
    state_transitions: Option<Vec<Transition>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Transition {
    #[serde(deserialize_with = "text")]
    state: Option<String>,
    #[serde(deserialize_with = "text")]
    timestamp: Option<String>,
    #[serde(alias = "death_cause", deserialize_with = "lenient")]
    death_cause: Option<DeathCause>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ActorDefinition {
    #[serde(alias = "actor_id", deserialize_with = "text")]
    actor_id: Option<String>,
    #[serde(alias = "job_id", deserialize_with = "text")]
    job_id: Option<String>,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    #[serde(alias = "ray_namespace", deserialize_with = "text")]
    ray_namespace: Option<String>,
    #[serde(alias = "class_name", deserialize_with = "text")]
    class_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ActorLifecycle {
    #[serde(alias = "actor_id", deserialize_with = "text")]
    actor_id: Option<String>,
    #[serde(alias = "state_transitions", deserialize_with = "lenient")]
    state_transitions: Option<Vec<Transition>>,
}

/// The state API's form of an id that is pushed in base64.
fn hex(base64: &str) -> Option<String> {
    let bytes = STANDARD.decode(base64).ok().filter(|bytes| (1..=64).contains(&bytes.len()))?;
    let digit = |n: u8| char::from_digit(u32::from(n), 16);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Where pushed bodies go; the other end is the source's.
#[derive(Clone, Debug)]
pub struct Pushes {
    out: mpsc::Sender<Vec<Pushed>>,
    seen: Arc<Mutex<Told>>,
}

/// What comes out of it.
#[derive(Debug)]
pub struct Pushing(pub(super) mpsc::Receiver<Vec<Pushed>>);

/// A way for pushed events to the source.
pub fn pushes() -> (Arc<Pushes>, Pushing) {
    let (out, pushed) = mpsc::channel(QUEUE);
    (Arc::new(Pushes { out, seen: Arc::default() }), Pushing(pushed))
}

impl Inbox for Pushes {
    fn take(&self, parcel: Parcel) -> BoxFuture<'_, Result<Receipt, Refusal>> {
        let ours = self.clone();
        async move {
            // Megabytes of JSON are no work for a thread that serves others.
            let pushed = tokio::task::spawn_blocking(move || ours.push(&parcel.body)).await;
            let new = pushed.map_err(|_| Refusal::Malformed("the body could not be read".to_owned()))??;
            let body = format!(r#"{{"new":{new}}}"#).into();
            Ok(Receipt { content_type: "application/json", body })
        }
        .boxed()
    }
}

impl Pushes {
    /// Takes a body; gives the number of events in it that were new.
    pub(super) fn push(&self, body: &[u8]) -> Result<usize, Refusal> {
        let room = self
            .out
            .try_reserve()
            .map_err(|_| Refusal::Busy("what came before is still being taken in: send it again".to_owned()))?;
        let rows: Vec<&RawValue> = serde_json::from_slice(body)
            .map_err(|error| Refusal::Malformed(format!("this is no JSON array of Ray events: {error}")))?;
        if rows.len() > MAX_EVENTS {
            return Err(Refusal::Malformed(format!("{} events are more than {MAX_EVENTS}", rows.len())));
        }
        let (mut seen, mut new) = (self.seen.lock(), Vec::new());
        let mut count = 0;
        for row in rows {
            let Ok(row) = serde_json::from_str::<EventRow>(row.get()) else { continue };
            let Some(id) = &row.event_id else { continue };
            if seen.add(id) {
                count += 1;
                decode(row, &mut new);
            }
        }
        drop(seen);
        if !new.is_empty() {
            room.send(new);
        }
        Ok(count)
    }
}

fn decode(row: EventRow, into: &mut Vec<Pushed>) {
    let before = into.len();
    if let Some(job) = row.driver_job_definition_event {
        into.push(Pushed::Job(job));
    }
    if let Some(life) = row.driver_job_lifecycle_event
        && let Some(job_id) = life.job_id.as_deref().and_then(hex)
    {
        for step in life.state_transitions.unwrap_or_default() {
            let at = step.timestamp.and_then(|t| Timestamp::parse(&t).ok());
            let finished = step.state.as_deref() == Some("FINISHED");
            into.push(Pushed::JobState { job_id: job_id.clone(), finished, at });
        }
    }
    if let Some(actor) = row.actor_definition_event {
        into.push(Pushed::Actor(actor));
    }
    if let Some(life) = row.actor_lifecycle_event
        && let Some(actor_id) = life.actor_id.as_deref().and_then(hex)
    {
        for step in life.state_transitions.unwrap_or_default() {
            if let Some(state) = step.state {
                into.push(Pushed::ActorState { actor_id: actor_id.clone(), state, death: step.death_cause });
            }
        }
    }
    if into.len() == before && !matches!(into.last(), Some(Pushed::Other)) {
        into.push(Pushed::Other);
    }
}

impl Book {
    /// What was pushed since. `alone` = no dashboard will tell how jobs ended.
    pub(super) fn take_pushed(&mut self, pushed: Vec<Pushed>, alone: bool) {
        for event in pushed {
            match event {
                Pushed::Job(definition) => self.define_job(&definition),
                Pushed::JobState { job_id, finished, at } => {
                    let of = |held: &&mut Held| held.job.job_id.as_deref() == Some(&*job_id);
                    let Some(held) = self.jobs.values_mut().find(of) else { continue };
                    if !finished {
                        held.job.started = at.or(held.job.started);
                        held.job.submitted = held.job.submitted.or(at.filter(|_| alone));
                    } else if alone && !held.job.is_over() {
                        (held.job.status, held.job.ended) = ("ENDED".into(), at);
                    }
                }
                Pushed::Actor(definition) => self.define_actor(definition),
                Pushed::ActorState { actor_id, state, death } => {
                    let Some(actor) = self.actors.get_mut(&*actor_id) else { continue };
                    let row = ActorRow {
                        actor_id: Some(actor_id),
                        state: Some(state),
                        death_cause: death,
                        ..ActorRow::default()
                    };
                    if let Some(now) = things::actor(&row, &self.masker) {
                        let held = Arc::make_mut(actor);
                        held.state = now.state;
                        held.death_reason = now.death_reason.or(held.death_reason.take());
                        held.death_message = now.death_message.or(held.death_message.take());
                    }
                }
                Pushed::Other => {}
            }
        }
    }

    fn define_job(&mut self, definition: &JobDefinition) {
        let Some(job_id) = definition.job_id.as_deref().and_then(hex) else { return };
        let job_id: Text = job_id.into();
        let empty = BTreeMap::new();
        let metadata = definition.config.as_ref().map_or(&empty, |config| &config.metadata);
        let submission_id = metadata.get("job_submission_id").and_then(|id| clean_id(id));
        let id = submission_id.clone().unwrap_or_else(|| job_id.clone());
        let node_id = definition.driver_node_id.as_deref().and_then(hex).map(Text::from);
        let pid = definition.driver_pid.as_deref().and_then(clean_id);
        if let Some(held) = self.jobs.get_mut(&id) {
            held.job.job_id.get_or_insert(job_id);
            held.job.node_id = held.job.node_id.take().or(node_id);
            held.job.pid = held.job.pid.take().or(pid);
            return;
        }
        let mut about = ids::of_metadata(metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        if let Some(name) = &submission_id {
            ids::complete(&mut about, &ids::of_name(name));
        }
        let job = RayJob {
            id: id.clone(),
            kind: if submission_id.is_some() { "submission" } else { "driver" }.into(),
            job_id: Some(job_id),
            submission_id,
            entrypoint: definition.entrypoint.as_deref().map(|t| short(t, 300, &self.masker)),
            status: "RUNNING".into(),
            about,
            node_id,
            pid,
            ..RayJob::default()
        };
        self.jobs.insert(id, Held::new(job));
    }

    fn define_actor(&mut self, definition: ActorDefinition) {
        let row = ActorRow {
            actor_id: definition.actor_id.as_deref().and_then(hex),
            class_name: definition.class_name,
            state: Some("PENDING_CREATION".to_owned()),
            job_id: definition.job_id.as_deref().and_then(hex),
            name: definition.name,
            ray_namespace: definition.ray_namespace,
            ..ActorRow::default()
        };
        if let Some(actor) = things::actor(&row, &self.masker)
            && self.actors.len() < super::book::MAX_ACTORS
        {
            self.actors.entry(actor.actor_id.clone()).or_insert_with(|| Arc::new(actor));
        }
    }
}
