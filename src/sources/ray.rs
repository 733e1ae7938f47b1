//! Ray: the jobs, actors and tasks the fleet's agents work in.
//! Takes: lists of the dashboard, the executor's running deliberations, events Ray pushes. Gives: the panel, and an
//! entry for each change.
//! Never: changes anything there, or asks more often than it must: slower while nothing changes, at once after a push.

mod ask;
mod book;
mod executor;
mod ids;
mod job;
mod logs;
mod plain;
mod push;
mod tasks;
#[cfg(test)]
mod tests;
mod things;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::OptionFuture;

pub use self::logs::Logs;
pub use self::push::{Pushes, Pushing, pushes};

use self::ask::{Dashboard, MAX_ROWS, Page, of_job};
use self::book::Book;
use self::executor::Executor;
use self::wire::{ActorRow, JobRow, NodeRow, TaskRow, Version};
use super::failure::{Failure, reason};
use super::watch::{self, Pace, Poll, Seen, Watcher};
use crate::config;
use crate::model::{Event, Panel, Text, Timestamp, shorten};
use crate::privacy::Masker;

/// How much slower than configured it is asked at most, while nothing changes.
const MAX_SLOWER: u32 = 4;
/// Jobs whose tasks are asked for one by one; of more, all tasks are.
const MAX_ONE_BY_ONE: usize = 4;
/// Failed tasks whose reasons are asked for.
const MAX_FAILURES: &str = "200";
/// Polls for which the tasks of a job that ended are asked for.
const AFTER_END: u8 = 3;
/// So many tasks are listed only seldom.
const MANY: usize = 2_000;
/// Version and nodes change seldom: every so many polls.
const SELDOM: u64 = 5;

/// Asks until stopped.
pub async fn run(config: config::Ray, pushing: Option<Pushing>, watcher: Watcher) {
    // Two rounds of questions, each as long as one answer may take.
    let pace = Pace { every: config.poll_interval, deadline: config.timeout * 2 + Duration::from_secs(1) };
    let ray = Ray::new(config, pushing, Arc::clone(&watcher.masker));
    watch::run(ray, pace, &watcher).await;
}

/// Asks once, and says what is there.
pub async fn probe(config: config::Ray, masker: Arc<Masker>) -> Result<String, String> {
    Ray::new(config, None, masker).poll().await.map(|seen| seen.detail).map_err(|failure| failure.to_string())
}

struct Ray {
    config: config::Ray,
    systems: Option<(Option<Dashboard>, Option<Executor>)>,
    pushing: Option<Pushing>,
    book: Book,
    /// How each page looked.
    looks: HashMap<&'static str, [u8; 8]>,
    deliberations: Vec<Text>,
    polls: u64,
    /// Polls without a change.
    still: u32,
    /// Failed tasks whose reasons are known.
    failed: u64,
    /// Ray's ids of the jobs whose tasks are asked for, and for how many polls more.
    at_work: BTreeMap<Text, u8>,
    asked_all_tasks: bool,
    many_tasks: bool,
    incomplete: Vec<Text>,
}

impl Poll for Ray {
    const NAME: &'static str = "ray";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        let asked = match self.systems.take() {
            Some(systems) => systems,
            None => (Dashboard::new(&self.config)?, Executor::new(&self.config)?),
        };
        let (dashboard, executor) = self.systems.insert(asked);
        // Copies: a round that is cut short by its deadline must not take them along.
        let (dashboard, mut executor) = (dashboard.clone(), executor.clone());
        let answers = self.ask(dashboard.as_ref(), executor.as_mut()).await;
        if let Some(systems) = &mut self.systems {
            systems.1 = executor;
        }
        let changed = answers?;
        self.still = if changed { 0 } else { self.still.saturating_add(1) };
        self.polls += 1;
        Ok(self.seen())
    }

    async fn woken(&mut self) {
        let Some(Pushing(pushed)) = &mut self.pushing else { return std::future::pending().await };
        match pushed.recv().await {
            Some(events) => {
                self.still = 0;
                self.book.take_pushed(events, self.config.url.is_none());
            }
            None => std::future::pending().await,
        }
    }
}

impl Ray {
    fn new(config: config::Ray, pushing: Option<Pushing>, masker: Arc<Masker>) -> Self {
        Self {
            config,
            systems: None,
            pushing,
            book: Book::new(masker),
            looks: HashMap::new(),
            deliberations: Vec::new(),
            polls: 0,
            still: 0,
            failed: 0,
            at_work: BTreeMap::new(),
            asked_all_tasks: false,
            many_tasks: false,
            incomplete: Vec::new(),
        }
    }

    /// One round of questions; gives whether anything changed.
    async fn ask(&mut self, dashboard: Option<&Dashboard>, executor: Option<&mut Executor>) -> Result<bool, Failure> {
        let mut changed = false;
        self.incomplete.clear();
        let seldom = self.polls.is_multiple_of(SELDOM);
        let (rows, nodes) = ([("limit", "10000")], [("detail", "1"), ("limit", "1000")]);
        let (jobs, actors, nodes, version, deliberations) = tokio::join!(
            OptionFuture::from(dashboard.map(Dashboard::jobs)),
            OptionFuture::from(dashboard.map(|d| d.state("actors", &rows))),
            OptionFuture::from(dashboard.filter(|_| seldom).map(|d| d.state("nodes", &nodes))),
            OptionFuture::from(dashboard.filter(|_| seldom).map(Dashboard::version)),
            OptionFuture::from(executor.map(Executor::jobs)),
        );
        while let Some(pushed) = self.pushing.as_mut().and_then(|Pushing(pushed)| pushed.try_recv().ok()) {
            changed = true;
            self.book.take_pushed(pushed, dashboard.is_none());
        }
        let now = Timestamp::now();
        if let Some(version) = version {
            self.take_version(version);
        }
        if let Some(jobs) = jobs {
            let page = jobs?;
            if self.is_new("jobs", &page) {
                let jobs = wire::list::<JobRow>(page.text.get())?;
                self.book.take_jobs(&jobs.items, now);
                changed = true;
            }
        }
        if let Some(page) = nodes.and_then(|page| self.page("nodes", page)) {
            match wire::state::<NodeRow>("nodes", page.text.get()) {
                Ok(nodes) => self.book.take_nodes(&nodes.items),
                Err(failure) => self.lacks("nodes", &failure),
            }
        }
        match deliberations {
            Some(Ok(jobs)) => {
                let look = executor::look(&jobs);
                changed |= look != self.deliberations;
                self.deliberations = look;
                self.book.take_list(jobs, true, now);
            }
            Some(Err(failure)) if dashboard.is_none() => return Err(failure),
            Some(Err(failure)) => self.lacks("deliberations", &failure),
            None => {}
        }
        if let (Some(dashboard), Some(actors)) = (dashboard, actors) {
            let actors = self.page("actors", actors);
            // It has its own bound: a state API that hangs must not hide what the Jobs API told.
            let timeout = self.config.timeout;
            if let Ok(news) = tokio::time::timeout(timeout, self.details(dashboard, actors, now)).await {
                changed |= news;
            } else {
                let late = format!("no answer within {timeout:?}");
                self.lacks("tasks", &Failure::new(reason::TIMEOUT, late));
            }
        }
        Ok(changed)
    }

    /// What the state API knows beyond the lists; gives whether anything changed.
    async fn details(&mut self, dashboard: &Dashboard, actors: Option<Page>, now: Timestamp) -> bool {
        let changed = actors.is_some();
        if let Some(page) = actors {
            self.actors(dashboard, &page).await;
        }
        self.tasks(dashboard, now).await || changed
    }

    /// Whether a page is other than it was; remembers it.
    fn is_new(&mut self, what: &'static str, page: &Page) -> bool {
        self.looks.insert(what, page.look) != Some(page.look)
    }

    /// The page, if there is one and it is other than it was.
    fn page(&mut self, what: &'static str, page: Result<Page, Failure>) -> Option<Page> {
        match page {
            Ok(page) => self.is_new(what, &page).then_some(page),
            Err(failure) => {
                self.lacks(what, &failure);
                None
            }
        }
    }

    /// What could not be asked stays as it was, and that is said.
    fn lacks(&mut self, what: &'static str, failure: &Failure) {
        self.looks.remove(what);
        self.incomplete.push(format!("{what}: {}", shorten(&failure.to_string(), 200)).into());
    }

    fn take_version(&mut self, page: Result<Page, Failure>) {
        let Some(page) = self.page("version", page) else { return };
        let version: Version = serde_json::from_str(page.text.get()).unwrap_or_default();
        self.book.version = version.ray_version.map(|t| plain::short(&t, 40, &self.book.masker));
        let session = version.session_name.map(|t| plain::short(&t, 100, &self.book.masker));
        if self.book.session.is_some() && self.book.session != session {
            self.book.begin_anew();
            self.asked_all_tasks = false;
            self.at_work.clear();
            self.failed = 0;
        }
        self.book.session = session;
    }

    /// Actors changed: they are asked for with what they died of.
    async fn actors(&mut self, dashboard: &Dashboard, brief: &Page) {
        // Not known until it is taken in: this may be cut short.
        self.looks.remove("actors");
        let detail = dashboard.state("actors", &[("detail", "1"), ("limit", "10000")]).await;
        let text = detail.as_ref().map_or(brief.text.get(), |page| page.text.get());
        match wire::state::<ActorRow>("actors", text) {
            Ok(actors) => {
                self.book.take_actors(&actors.items);
                self.looks.insert("actors", brief.look);
            }
            Err(failure) => self.lacks("actors", &failure),
        }
    }

    /// The tasks of the jobs under way, and of those that ended just now: Ray tells of a task a second late. Gives
    /// whether they changed.
    async fn tasks(&mut self, dashboard: &Dashboard, now: Timestamp) -> bool {
        for job in self.book.at_work() {
            self.at_work.insert(job, AFTER_END);
        }
        let jobs: Vec<Text> = self.at_work.keys().cloned().collect();
        let one_by_one = self.asked_all_tasks && jobs.len() <= MAX_ONE_BY_ONE;
        // Listing very many costs Ray a second of work: the less often it is asked for that.
        if !one_by_one && self.many_tasks && !self.polls.is_multiple_of(SELDOM) {
            return false;
        }
        let mut changed = false;
        if one_by_one {
            for job in &jobs {
                let [keys, predicates, values] = of_job(job);
                let page = dashboard.state("tasks", &[("limit", "10000"), keys, predicates, values]).await;
                changed |= self.take_tasks(page, Some(job)).unwrap_or(false);
            }
        } else if let Some(news) = self.take_tasks(dashboard.state("tasks", &[("limit", "10000")]).await, None) {
            self.asked_all_tasks = true;
            changed = news;
        }
        self.at_work.retain(|_, left| {
            *left = left.saturating_sub(1);
            *left > 0
        });
        self.failures(dashboard, now).await;
        changed
    }

    fn take_tasks(&mut self, page: Result<Page, Failure>, of: Option<&str>) -> Option<bool> {
        match page.and_then(|page| wire::state::<TaskRow>("tasks", page.text.get())) {
            Ok(rows) => {
                if rows.left_out > 0 {
                    let more = format!("tasks: {} more than the {MAX_ROWS} Ray lists", rows.left_out);
                    self.incomplete.push(more.into());
                }
                if of.is_none() {
                    self.many_tasks = rows.items.len() > MANY;
                }
                Some(self.book.take_tasks(&rows.items, of))
            }
            Err(failure) => {
                self.lacks("tasks", &failure);
                None
            }
        }
    }

    /// More tasks failed: their reasons are asked for.
    async fn failures(&mut self, dashboard: &Dashboard, now: Timestamp) {
        let failed = self.book.failed();
        if failed == self.failed {
            return;
        }
        let query = [
            ("detail", "1"),
            ("limit", MAX_FAILURES),
            ("filter_keys", "state"),
            ("filter_predicates", "="),
            ("filter_values", "FAILED"),
        ];
        let page = dashboard.state("tasks", &query).await;
        match page.and_then(|page| wire::state::<TaskRow>("tasks", page.text.get())) {
            Ok(rows) => {
                self.failed = failed;
                self.book.take_failures(&rows.items, now);
            }
            Err(failure) => self.lacks("failed tasks", &failure),
        }
    }

    fn seen(&mut self) -> Seen {
        let now = Timestamp::now();
        let mut events = self.book.tell(now);
        let panel = self.book.panel(now, self.incomplete.clone());
        let version = panel.version.as_deref().map_or_else(String::new, |v| format!("Ray {v}, "));
        let (jobs, at_work) = (panel.jobs.len(), panel.jobs.iter().filter(|job| !job.is_over()).count());
        let more = match self.incomplete.as_slice() {
            [] => String::new(),
            some => format!("; not told of: {}", some.join("; ")),
        };
        let detail = format!("{version}{jobs} jobs, {at_work} at work, {} actors{more}", panel.actors.len());
        events.push(Event::Panel(Arc::new(Panel::Ray(panel))));
        let slower = (1 << self.still.saturating_sub(1).min(8)).min(MAX_SLOWER);
        Seen { events, detail, next: Some(self.config.poll_interval * slower) }
    }
}
