//! The answer to INFO.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Text, printable, shorten};
use crate::sources::failure::{Failure, reason};

/// What is read of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Info {
    pub(super) version: Text,
    pub(super) run_id: Text,
    pub(super) role: Text,
    pub(super) uptime: u64,
    pub(super) clients: u64,
    pub(super) memory: u64,
    pub(super) memory_limit: Option<u64>,
    pub(super) policy: Text,
    pub(super) keys: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) evicted: u64,
    pub(super) expired: u64,
    pub(super) processed: u64,
    pub(super) commands: BTreeMap<Text, u64>,
}

/// Commands told apart. A server has about 400, subcommands among them.
const MAX_COMMANDS: usize = 600;

impl Info {
    /// Reads it; fields another version lacks are zero.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let pairs: HashMap<&str, &str> = text.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
        let Some(version) = pairs.get("valkey_version").or_else(|| pairs.get("redis_version")) else {
            let detail = "INFO names no redis_version: is valkey.url that of a Valkey or Redis?";
            return Err(Failure::new(reason::MALFORMED, detail));
        };
        let word = |name: &str| Text::from(shorten(&printable(pairs.get(name).copied().unwrap_or_default()), 80));
        let number = |name: &str| pairs.get(name).and_then(|n| n.parse().ok()).unwrap_or(0u64);
        let name = if pairs.contains_key("valkey_version") { "valkey" } else { "redis" };
        let field = |line: &str, name: &str| -> Option<u64> {
            line.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        };
        let databases = pairs.iter().filter(|(key, _)| is_database(key));
        let command = |(key, value): (&&str, &&str)| {
            let name = shorten(&printable(key.strip_prefix("cmdstat_")?), 60);
            Some((Text::from(name), field(value, "calls")?))
        };
        Ok(Self {
            version: shorten(&printable(&format!("{name} {version}")), 60).into(),
            run_id: word("run_id"),
            role: match pairs.get("role") {
                Some(&"slave") => "replica".into(),
                _ => word("role"),
            },
            uptime: number("uptime_in_seconds"),
            clients: number("connected_clients"),
            memory: number("used_memory"),
            memory_limit: Some(number("maxmemory")).filter(|limit| *limit > 0),
            policy: word("maxmemory_policy"),
            keys: databases.filter_map(|(_, line)| field(line, "keys")).sum(),
            hits: number("keyspace_hits"),
            misses: number("keyspace_misses"),
            evicted: number("evicted_keys"),
            expired: number("expired_keys"),
            processed: number("total_commands_processed"),
            commands: pairs.iter().filter_map(command).take(MAX_COMMANDS).collect(),
        })
    }

    /// Whether keys are thrown out by how often they are used: only then is it counted.
    pub(super) fn is_lfu(&self) -> bool {
        self.policy.ends_with("lfu")
    }
}

fn is_database(key: &str) -> bool {
    key.strip_prefix("db").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIS_7: &str = include_str!("../../../tests/fixtures/valkey/info-7.0.15.txt");

    #[test]
    fn a_real_answer_is_read() {
        let info = Info::parse(REDIS_7).expect("an answer");
        assert_eq!(&*info.version, "redis 7.0.15");
        assert_eq!((&*info.role, info.run_id.is_empty()), ("master", false));
        assert!(info.memory > 0 && info.processed > 0 && info.clients > 0, "{info:?}");
        assert!(info.commands.len() > 3 && info.commands.values().all(|calls| *calls > 0), "{info:?}");
    }

    #[test]
    fn what_is_no_answer_is_told() {
        assert_eq!(Info::parse("<html>").expect_err("no server").reason, reason::MALFORMED);
        let odd = "redis_version:9\r\nused_memory:-1\r\ndb0:keys=3,expires=x\r\ndbx:keys=9\r\ncmdstat_get:usec=1\r\n";
        let info = Info::parse(odd).expect("an answer");
        assert_eq!((info.memory, info.keys, info.commands.len()), (0, 3, 0));
    }
}
