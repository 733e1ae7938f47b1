//! `[valkey]`: the fleet's Valkey, or Redis.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::section::section;
use super::watched::wrong_pace;

/// What the fleet calls its keys, most telling first.
const PREFIXES: &[&str] = &[
    "planning:story:*",
    "planning:story:*:state",
    "planning:project:*",
    "planning:epic:*",
    "planning:task:*",
    "planning:plan:*",
    "planning:stories:*",
    "planning:projects:*",
    "planning:epics:*",
    "planning:tasks:*",
    "planning:plans:*",
    "planning:ceremony:*",
    "workflow:state:*",
    "idempotency:*",
    "ceremony:instance:*",
    "ceremony:instances:*",
    "swe:case:*",
    "swe:case:*:spec",
    "swe:case:*:planning:*",
    "swe:case:*:summaries:last",
    "swe:case:*:handoff:*",
    "workspace:*",
];

section! {
    /// Valkey or Redis: counts, memory, evictions, keys.
    pub struct Valkey = "valkey", check check, {
        /// Address: `redis://valkey:6379`, with a database as `/1`, with TLS as `rediss://`. `valkey://` works too.
        url: Option<Url> = None,
        /// User; without one the password is that of the default user.
        user: Option<String> = None,
        /// File with the password. Read again at every connect.
        password_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// How often to ask.
        poll_interval: Duration = Duration::from_secs(5),
        /// Longest time an answer may take.
        timeout: Duration = Duration::from_secs(5),
        /// What keys are counted by: patterns with `*`, of those that match the most telling one.
        key_prefixes: Vec<String> = PREFIXES.iter().map(|&p| p.to_owned()).collect(),
        /// Keys looked at in a poll, by SCAN in small steps; a round over all keys takes as many polls as needed.
        scan_budget: u32 = 20_000,
        /// Whether to listen to keyspace events where the server has them on. Nothing is ever switched on there.
        keyspace_events: bool = true,
        /// For how long after the start to count commands by MONITOR, which halves the server's speed; `0s` = never.
        monitor: Duration = Duration::ZERO,
    }
}

/// Longest time MONITOR may run.
const MAX_MONITOR: Duration = Duration::from_mins(1);

impl Valkey {
    /// Whether there is one to ask.
    pub const fn is_on(&self) -> bool {
        self.url.is_some()
    }
}

fn check(valkey: &Valkey) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    wrong.extend(valkey.url.as_ref().and_then(wrong_url).map(|remedy| ("url", remedy)));
    if valkey.user.is_some() && valkey.password_file.is_none() {
        wrong.push(("user", "valkey.user needs valkey.password_file".to_owned()));
    }
    if !(100..=1_000_000).contains(&valkey.scan_budget) {
        wrong.push(("scan_budget", "write 100 to 1000000".to_owned()));
    }
    if valkey.key_prefixes.len() > 49 {
        wrong.push(("key_prefixes", "write at most 49 patterns: each is a label value".to_owned()));
    }
    if valkey.monitor > MAX_MONITOR {
        wrong.push(("monitor", "write at most \"60s\": MONITOR slows the server down".to_owned()));
    }
    wrong.extend(wrong_pace(valkey.poll_interval, valkey.timeout));
    wrong
}

fn wrong_url(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "redis" | "rediss" | "valkey" | "valkeys") {
        return Some(format!("`{}` is no scheme for this: write redis:// or rediss://", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("credentials do not belong into the URL: use user and password_file".to_owned());
    }
    let database = url.path().trim_matches('/');
    if !database.is_empty() && database.parse::<u8>().is_err() {
        return Some(format!("`{database}` is no database: write its number"));
    }
    None
}
