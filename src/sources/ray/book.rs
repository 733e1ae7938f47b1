//! What is known of the cluster from one poll to the next.
//! Takes: rows as they come. Gives: the panel, and an entry for each change.
//! Never: grows with the age of the cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::ids;
use super::job;
use super::tasks::{self, JobTasks, Told};
use super::things;
use super::wire::{ActorRow, JobRow, NodeRow, TaskRow};
use crate::model::{Event, RayActor, RayIds, RayJob, RayNode, RayPanel, Text, Timestamp};
use crate::privacy::Masker;

/// Jobs, actors and nodes shown; the latest jobs, the living actors first.
const MAX_JOBS: usize = 2_000;
pub(super) const MAX_ACTORS: usize = 1_000;
const MAX_NODES: usize = 1_000;
/// Names of actors one job lists.
const MAX_NAMES: usize = 20;

/// A job, and what was told of it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) job: RayJob,
    /// Its ids as it was submitted.
    submitted_with: RayIds,
    /// Whether the list it belongs to held it once.
    pub(super) listed: bool,
    told_submitted: bool,
    told: Option<(Text, RayIds)>,
}

impl Held {
    pub(super) fn new(job: RayJob) -> Self {
        Self { submitted_with: job.about.clone(), job, listed: false, told_submitted: false, told: None }
    }
}

/// The cluster.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) masker: Arc<Masker>,
    pub(super) jobs: BTreeMap<Text, Held>,
    pub(super) actors: BTreeMap<Text, Arc<RayActor>>,
    nodes: Vec<RayNode>,
    tasks: BTreeMap<Text, JobTasks>,
    pub(super) version: Option<Text>,
    pub(super) session: Option<Text>,
    told: Told,
    events: Vec<Event>,
}

impl Book {
    pub(super) fn new(masker: Arc<Masker>) -> Self {
        Self {
            masker,
            jobs: BTreeMap::new(),
            actors: BTreeMap::new(),
            nodes: Vec::new(),
            tasks: BTreeMap::new(),
            version: None,
            session: None,
            told: Told::default(),
            events: Vec::new(),
        }
    }

    /// The dashboard's list of jobs.
    pub(super) fn take_jobs(&mut self, rows: &[JobRow], now: Timestamp) {
        let mut jobs: Vec<RayJob> = rows.iter().filter_map(|row| job::of_row(row, &self.masker)).collect();
        jobs.sort_by_key(|job| std::cmp::Reverse(job.submitted));
        jobs.truncate(MAX_JOBS);
        self.take_list(jobs, false, now);
    }

    /// A whole list of jobs; `deliberations` or all others. What is no longer in it ended, or is forgotten.
    pub(super) fn take_list(&mut self, jobs: Vec<RayJob>, deliberations: bool, now: Timestamp) {
        let listed: BTreeSet<Text> = jobs.iter().map(|job| job.id.clone()).collect();
        for job in jobs {
            self.take_job(job, now);
        }
        for (id, held) in &mut self.jobs {
            let concerned = (&*held.job.kind == "deliberation") == deliberations;
            if concerned && held.listed && !held.job.is_over() && !listed.contains(id) {
                held.job.status = if deliberations { "ENDED" } else { "LOST" }.into();
                held.job.ended = Some(now);
            }
        }
        let told = |held: &Held| matches!(&*held.job.status, "ENDED" | "LOST");
        self.jobs.retain(|id, held| {
            (&*held.job.kind == "deliberation") != deliberations || !held.listed || listed.contains(id) || told(held)
        });
        while self.jobs.len() > MAX_JOBS {
            let oldest = self.jobs.iter().min_by_key(|(_, held)| (!held.job.is_over(), held.job.submitted));
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else { break };
            self.jobs.remove(&oldest);
        }
    }

    fn take_job(&mut self, mut job: RayJob, now: Timestamp) {
        let runs = &*job.status == "RUNNING";
        match self.jobs.get_mut(&job.id) {
            // The same life of it: what others told stands where the list is silent.
            Some(held) if held.job.submitted.is_none() || held.job.submitted == job.submitted || !held.listed => {
                job.started = held.job.started.or_else(|| (runs && &*held.job.status == "PENDING").then_some(now));
                job.job_id = job.job_id.or_else(|| held.job.job_id.clone());
                job.ended = job.ended.or_else(|| held.job.ended.filter(|_| job.is_over()));
                if !held.listed {
                    held.submitted_with = job.about.clone();
                }
                held.job = job;
                held.listed = true;
            }
            _ => {
                let mut held = Held::new(job);
                held.listed = true;
                self.jobs.insert(held.job.id.clone(), held);
            }
        }
    }

    /// All actors. Those that died since are told.
    pub(super) fn take_actors(&mut self, rows: &[ActorRow]) {
        let mut actors: Vec<RayActor> = rows.iter().filter_map(|row| things::actor(row, &self.masker)).collect();
        actors.sort_by(|a, b| {
            (&*a.state == "DEAD").cmp(&(&*b.state == "DEAD")).then_with(|| a.actor_id.cmp(&b.actor_id))
        });
        actors.truncate(MAX_ACTORS);
        self.actors = actors.into_iter().map(|actor| (actor.actor_id.clone(), Arc::new(actor))).collect();
    }

    /// All nodes.
    pub(super) fn take_nodes(&mut self, rows: &[NodeRow]) {
        self.nodes = rows.iter().filter_map(|row| things::node(row, &self.masker)).take(MAX_NODES).collect();
    }

    /// Tasks: of one job, or of all that have any.
    ///
    /// Gives whether they are other than they were.
    pub(super) fn take_tasks(&mut self, rows: &[TaskRow], of: Option<&str>) -> bool {
        let by_job = tasks::by_job(rows, &self.masker);
        let changed = match of {
            Some(job) => {
                let tasks = by_job.into_iter().find(|(id, _)| **id == *job).map(|(_, tasks)| tasks).unwrap_or_default();
                self.tasks.insert(job.into(), tasks.clone()) != Some(tasks)
            }
            None => std::mem::replace(&mut self.tasks, by_job) != self.tasks,
        };
        let known: BTreeSet<&Text> = self.jobs.values().filter_map(|held| held.job.job_id.as_ref()).collect();
        if self.tasks.len() > MAX_JOBS {
            self.tasks.retain(|job, _| known.contains(job));
        }
        changed
    }

    /// The cluster was started anew: its ids mean other things now.
    pub(super) fn begin_anew(&mut self) {
        self.tasks.clear();
        self.actors.clear();
    }

    /// Failed tasks with their reasons.
    pub(super) fn take_failures(&mut self, rows: &[TaskRow], now: Timestamp) {
        for row in rows {
            let about = row.job_id.as_deref().and_then(|job| self.about_of(job)).unwrap_or_default();
            if let Some((id, event)) = things::task_failed(row, &about, now, &self.masker)
                && self.told.add(&format!("task {id}"))
            {
                self.events.push(event);
            }
        }
    }

    /// Failed tasks of all jobs.
    pub(super) fn failed(&self) -> u64 {
        self.tasks.values().map(|tasks| tasks.counts.failed + tasks.counts.retries).sum()
    }

    fn about_of(&self, job_id: &str) -> Option<RayIds> {
        let held = self.jobs.values().find(|held| held.job.job_id.as_deref() == Some(job_id))?;
        Some(held.job.about.clone())
    }

    /// Ray's ids of the jobs that are under way, or ended since it was last asked.
    pub(super) fn at_work(&self) -> Vec<Text> {
        let untold = |held: &Held| held.told.as_ref().is_none_or(|(status, _)| *status != held.job.status);
        let at_work = self.jobs.values().filter(|held| !held.job.is_over() || untold(held));
        at_work.filter_map(|held| held.job.job_id.clone()).collect()
    }

    /// Puts together what is known, and gives what is to be told of it.
    pub(super) fn tell(&mut self, now: Timestamp) -> Vec<Event> {
        let mut actors: HashMap<Text, Vec<Arc<RayActor>>> = HashMap::new();
        for actor in self.actors.values() {
            if let Some(job) = &actor.job_id {
                actors.entry(job.clone()).or_default().push(Arc::clone(actor));
            }
        }
        for held in self.jobs.values_mut() {
            let none = Vec::new();
            let own = held.job.job_id.as_ref().and_then(|id| actors.get(id)).unwrap_or(&none);
            let tasks = held.job.job_id.as_ref().and_then(|id| self.tasks.get(id));
            complete(&mut held.job, own, tasks);
            // What was pushed is told once the list says the rest of it.
            if !held.listed && held.job.submitted.is_none() {
                continue;
            }
            if !held.told_submitted && &*held.job.kind != "deliberation" {
                held.told_submitted = true;
                self.events.push(job::submitted(&held.job, &held.submitted_with, now, &self.masker));
            }
            let state = (held.job.status.clone(), held.job.about.clone());
            if held.told.as_ref() != Some(&state) {
                held.told = Some(state);
                self.events.extend(job::state(&held.job, now, &self.masker));
            }
        }
        let dead: Vec<Arc<RayActor>> = self.actors.values().filter(|a| &*a.state == "DEAD").cloned().collect();
        for actor in dead {
            if self.told.add(&format!("actor {}", actor.actor_id)) {
                let about = actor.job_id.as_deref().and_then(|job| self.about_of(job)).unwrap_or_default();
                self.events.push(things::died(&actor, &about, now, &self.masker));
            }
        }
        for node in self.nodes.iter().filter(|node| &*node.state == "DEAD") {
            if self.told.add(&format!("node {}", node.node_id)) {
                self.events.push(things::node_died(node, now, &self.masker));
            }
        }
        std::mem::take(&mut self.events)
    }

    /// The whole as it is.
    pub(super) fn panel(&self, at: Timestamp, incomplete: Vec<Text>) -> RayPanel {
        let mut jobs: Vec<Arc<RayJob>> = self.jobs.values().map(|held| Arc::new(held.job.clone())).collect();
        jobs.sort_by(|a, b| b.submitted.cmp(&a.submitted).then_with(|| a.id.cmp(&b.id)));
        RayPanel {
            at,
            version: self.version.clone(),
            session: self.session.clone(),
            jobs,
            actors: self.actors.values().cloned().collect(),
            nodes: self.nodes.clone(),
            tasks: (!self.tasks.is_empty()).then(|| tasks::sum(self.tasks.values())),
            incomplete,
        }
    }
}

/// Adds what a job's actors and tasks tell of it.
fn complete(job: &mut RayJob, actors: &[Arc<RayActor>], tasks: Option<&JobTasks>) {
    let names: BTreeSet<&Text> = actors.iter().filter_map(|actor| actor.name.as_ref()).collect();
    let namespaces: BTreeSet<&Text> = actors.iter().filter_map(|actor| actor.namespace.as_ref()).collect();
    job.actors = names.into_iter().take(MAX_NAMES).cloned().collect();
    job.namespaces = namespaces.into_iter().take(MAX_NAMES).cloned().collect();
    ids::complete(&mut job.about, &ids::agreed(actors.iter().map(|actor| &actor.about)));
    if let Some(tasks) = tasks {
        job.tasks = Some(tasks.counts);
        job.task_names.clone_from(&tasks.names);
        ids::complete(&mut job.about, &tasks.about);
    }
    job.unknown = job::unknown(job);
}
