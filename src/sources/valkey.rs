//! The fleet's Valkey, or Redis: what it counts, how its keys are spread, what it throws out.
//! Takes: INFO, SCAN in small steps, keyspace events where the server has them on. Gives: the panel, and entries for
//! lost keys, restarts and memory near its limit.
//! Never: changes a setting there, lists all keys at once, or reads a value.

mod connect;
mod counters;
mod events;
mod info;
mod lookup;
mod monitor;
mod pattern;
mod sample;
mod scan;
mod tell;

use std::sync::Arc;
use std::time::Duration;

use self::connect::{Link, Server};
use self::counters::Counters;
use self::events::Listener;
use self::info::Info;
use self::monitor::Monitor;
use self::pattern::Patterns;
use self::scan::Scan;
use super::failure::Failure;
use super::watch::{self, Pace, Poll, Seen, Watcher};
use crate::config;
use crate::model::{CachePanel, Event, Panel, Timestamp};
use crate::privacy::Masker;

pub use lookup::answerer;

/// Asks until stopped.
pub async fn run(config: config::Valkey, watcher: Watcher) {
    // Each command has a deadline of its own; the poll has one in case they add up.
    let deadline = config.timeout * 3 + config.poll_interval;
    let pace = Pace { every: config.poll_interval, deadline };
    let masker = Arc::clone(&watcher.masker);
    watch::run(Valkey::new(config, masker), pace, &watcher).await;
}

/// Asks once, and says what is there.
pub async fn probe(config: config::Valkey, masker: Arc<Masker>) -> Result<String, String> {
    let deadline = config.timeout * 2 + Duration::from_secs(1);
    let config = config::Valkey { monitor: Duration::ZERO, keyspace_events: false, ..config };
    let mut valkey = Valkey::new(config, masker);
    match tokio::time::timeout(deadline, valkey.poll()).await {
        Ok(answer) => answer.map(|seen| seen.detail).map_err(|failure| failure.to_string()),
        Err(_) => Err(format!("no answer within {deadline:?}")),
    }
}

struct Valkey {
    config: config::Valkey,
    server: Server,
    link: Option<Link>,
    counters: Counters,
    scan: Scan,
    listener: Listener,
    monitor: Monitor,
    told: tell::Told,
    masker: Arc<Masker>,
}

impl Valkey {
    fn new(config: config::Valkey, masker: Arc<Masker>) -> Self {
        let patterns = Arc::new(Patterns::new(&config.key_prefixes));
        Self {
            server: Server::new(&config),
            link: None,
            counters: Counters::default(),
            scan: Scan::new(Arc::clone(&patterns), config.scan_budget, config.poll_interval / 2),
            listener: Listener::new(config.keyspace_events, Arc::clone(&masker)),
            monitor: Monitor::new(config.monitor, patterns, Arc::clone(&masker)),
            told: tell::Told::default(),
            config,
            masker,
        }
    }

    async fn ask(&mut self, link: &Link) -> Result<Seen, Failure> {
        let info = Info::parse(&link.text("INFO", &["all"]).await?)?;
        let now = Timestamp::now();
        let turn = self.counters.update(&info);
        self.scan.step(link).await?;
        let sample = sample::look(link, self.scan.names(), info.is_lfu(), &self.masker).await?;
        self.scan.keep(sample);
        self.listener.tend(&self.server, link).await;
        self.monitor.tend(&self.server);
        let panel = self.panel(&info, turn.ops_per_second, turn.hit_ratio, now);
        let mut events = self.told.entries(&panel, &turn, &info.run_id, &self.listener.evicted(), &self.masker);
        let detail = format!("{} with {} keys, {} clients", info.version, info.keys, info.clients);
        events.push(Event::Panel(Arc::new(Panel::Cache(Box::new(panel)))));
        Ok(Seen { events, detail, next: None })
    }

    fn panel(&self, info: &Info, ops: Option<f64>, hits: Option<f64>, now: Timestamp) -> CachePanel {
        CachePanel {
            at: now,
            version: info.version.clone(),
            role: info.role.clone(),
            uptime_seconds: info.uptime,
            clients: info.clients,
            memory_bytes: info.memory,
            memory_limit_bytes: info.memory_limit,
            policy: info.policy.clone(),
            keys: info.keys,
            totals: self.counters.totals(),
            commands: self.counters.commands(),
            ops_per_second: ops,
            hit_ratio: hits,
            prefixes: self.scan.counts(),
            scan: self.scan.state(),
            sample: self.scan.sample(),
            events: self.listener.heard(),
            top: self.scan.top(info.is_lfu()),
            monitor: self.monitor.seen(),
        }
    }
}

impl Poll for Valkey {
    const NAME: &'static str = "valkey";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        // Taken out, so that a poll that fails or is given up closes the connection: what comes late is nobody's.
        let link = match self.link.take() {
            Some(link) => link,
            None => self.server.connect(self.config.timeout).await?,
        };
        let seen = self.ask(&link).await?;
        self.link = Some(link);
        Ok(seen)
    }
}
