//! What Valkey answers: the fleet's keys, and how busy it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Known, resp};
use crate::model::Timestamp;
use crate::sources::simulator::step::Run;

/// Keys held; the oldest go.
const MAX_KEYS: usize = 5_000;
/// Memory of an empty server.
const EMPTY: u64 = 1_100_000;

/// The keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    held: BTreeMap<String, Key>,
    order: std::collections::VecDeque<String>,
    commands: u64,
    hits: u64,
    misses: u64,
    expired: u64,
}

#[derive(Clone, Debug)]
struct Key {
    kind: &'static str,
    bytes: u64,
    expires: Option<Timestamp>,
}

impl Keys {
    /// What the services write and read when an agent begins.
    pub(super) fn begin(&mut self, run: &Run, at: Timestamp) {
        let hour = std::time::Duration::from_hours(1);
        self.write(format!("planning:story:{}", run.story), "hash", 620, None);
        self.write(format!("planning:story:{}:state", run.story), "string", 90, None);
        self.write(format!("planning:task:{}", run.task), "hash", 480, None);
        self.write(format!("workflow:state:{}", run.task), "string", 300, Some(at.plus(hour)));
        self.write(format!("idempotency:{:064x}", run.tokens.wrapping_mul(0x9e37_79b9_7f4a_7c15)), "string", 140, None);
        self.write(format!("swe:case:{}:summaries:last", run.story), "string", 900, None);
        self.commands += 14;
        self.hits += 7;
        self.misses += 1;
    }

    fn write(&mut self, name: String, kind: &'static str, bytes: u64, expires: Option<Timestamp>) {
        if self.held.insert(name.clone(), Key { kind, bytes, expires }).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > MAX_KEYS
            && let Some(oldest) = self.order.pop_front()
        {
            self.held.remove(&oldest);
        }
    }

    /// Time goes by: what has expired goes.
    pub(super) fn reach(&mut self, now: Timestamp) {
        let before = self.held.len();
        self.held.retain(|_, key| key.expires.is_none_or(|at| at > now));
        if self.held.len() != before {
            self.expired += (before - self.held.len()) as u64;
            self.order.retain(|name| self.held.contains_key(name));
        }
    }
}

/// The answer to a command, as it goes over the wire.
pub(super) fn answer(known: &mut Known, command: &[String]) -> Vec<u8> {
    let word = |n: usize| command.get(n).map_or("", String::as_str);
    let (name, now) = (word(0).to_ascii_uppercase(), known.now);
    let keys = &mut known.keys;
    keys.commands += 1;
    let key = keys.held.get(word(1));
    match name.as_str() {
        "PING" => resp::simple("PONG"),
        "SELECT" | "AUTH" | "CLIENT" | "RESET" => resp::simple("OK"),
        "INFO" => resp::bulk(&info(known)),
        "DBSIZE" => resp::integer(keys.held.len() as i64),
        "TYPE" => resp::simple(key.map_or("none", |key| key.kind)),
        "EXISTS" => resp::integer(i64::from(key.is_some())),
        "TTL" | "PTTL" => resp::integer(match key.map(|key| key.expires) {
            None => -2,
            Some(None) => -1,
            Some(Some(at)) if name == "TTL" => at.since(now).as_secs() as i64,
            Some(Some(at)) => at.since(now).as_millis() as i64,
        }),
        "MEMORY" => keys.held.get(word(2)).map_or_else(resp::null, |key| resp::integer(key.bytes as i64)),
        "SCAN" => scan(keys, command),
        "CONFIG" if word(1).eq_ignore_ascii_case("GET") => config(&command[2..]),
        "HELLO" => resp::error("NOPROTO unsupported protocol version"),
        "OBJECT" => resp::error("ERR An LFU maxmemory policy is not selected, access frequency not tracked."),
        _ => resp::error(&format!("ERR unknown command '{}'", word(0))),
    }
}

fn scan(keys: &Keys, command: &[String]) -> Vec<u8> {
    let option = |name: &str| {
        let at = command.iter().position(|word| word.eq_ignore_ascii_case(name))?;
        command.get(at + 1).cloned()
    };
    let from: usize = command.get(1).and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let count = option("COUNT").and_then(|count| count.parse().ok()).unwrap_or(10).max(1);
    let pattern = option("MATCH").unwrap_or_else(|| "*".to_owned());
    let (begin, rest) = pattern.split_once('*').unwrap_or((&pattern, ""));
    let fits = |name: &&String| name.starts_with(begin) && name.ends_with(rest);
    let found: Vec<&String> = keys.held.keys().skip(from).take(count).filter(fits).collect();
    let next = if from + count < keys.held.len() { from + count } else { 0 };
    let items: Vec<Vec<u8>> = found.into_iter().map(|name| resp::bulk(name)).collect();
    resp::array(&[resp::bulk(&next.to_string()), resp::array(&items)])
}

fn config(names: &[String]) -> Vec<u8> {
    let known = [("maxmemory", "8589934592"), ("maxmemory-policy", "allkeys-lru"), ("notify-keyspace-events", "")];
    let wanted = known.iter().filter(|(name, _)| names.iter().any(|n| n == name || n == "*"));
    resp::array(&wanted.flat_map(|(name, value)| [resp::bulk(name), resp::bulk(value)]).collect::<Vec<_>>())
}

fn info(known: &Known) -> String {
    let keys = &known.keys;
    let memory = EMPTY + keys.held.values().map(|key| key.bytes + 70).sum::<u64>();
    let uptime = known.now.since(known.started()).as_secs();
    let watched = known.began.map_or(0, |began| known.now.since(began).as_secs());
    let expires = keys.held.values().filter(|key| key.expires.is_some()).count();
    let mut text = String::new();
    for (section, lines) in [
        (
            "Server",
            format!(
                "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nredis_mode:standalone\r\nrun_id:{:040x}\r\ntcp_port:6379\r\nuptime_in_seconds:{uptime}",
                7
            ),
        ),
        ("Clients", "connected_clients:9\r\nblocked_clients:0\r\nmaxclients:10000".to_owned()),
        (
            "Memory",
            format!(
                "used_memory:{memory}\r\nused_memory_rss:{}\r\nmaxmemory:8589934592\r\nmaxmemory_policy:allkeys-lru",
                memory * 2
            ),
        ),
        (
            "Stats",
            format!(
                "total_commands_processed:{}\r\ninstantaneous_ops_per_sec:{}\r\nexpired_keys:{}\r\nevicted_keys:0\r\nkeyspace_hits:{}\r\nkeyspace_misses:{}",
                keys.commands,
                keys.commands / watched.max(1),
                keys.expired,
                keys.hits,
                keys.misses
            ),
        ),
        ("Replication", "role:master\r\nconnected_slaves:0".to_owned()),
        (
            "Commandstats",
            format!(
                "cmdstat_get:calls={},usec={},usec_per_call=2.00,rejected_calls=0,failed_calls=0\r\ncmdstat_hset:calls={},usec={},usec_per_call=3.00,rejected_calls=0,failed_calls=0",
                keys.hits,
                keys.hits * 2,
                keys.held.len(),
                keys.held.len() * 3
            ),
        ),
        ("Keyspace", format!("db0:keys={},expires={expires},avg_ttl=0", keys.held.len())),
    ] {
        // Writing to a string cannot fail.
        let _ = write!(text, "# {section}\r\n{lines}\r\n\r\n");
    }
    text
}
