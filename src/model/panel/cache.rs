//! The fleet's Valkey.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::NotAvailable;
use crate::model::{Text, Timestamp};

/// What counts up. A restart of the server does not take anything away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheTotals {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys thrown out for want of memory.
    pub evicted: u64,
    /// Keys whose time was over.
    pub expired: u64,
}

/// How many keys a pattern has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PrefixCount {
    /// The pattern, or `other`.
    #[schema(value_type = String)]
    pub key_prefix: Text,
    /// Keys.
    pub keys: u64,
}

/// How far the count of keys is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheScan {
    /// Rounds over all keys that are complete; the counts are those of the last.
    pub rounds: u64,
    /// When the last one was complete.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub counted_at: Option<Timestamp>,
    /// Keys seen in the round that is under way.
    pub seen: u64,
    /// Why there are no counts yet.
    pub not_available: Option<NotAvailable>,
}

/// A key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheKey {
    /// Its name, masked and cut.
    #[schema(value_type = String)]
    pub key: Text,
    /// The pattern it belongs to.
    #[schema(value_type = String)]
    pub key_prefix: Text,
    /// `string`, `hash`, `set`, ….
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Text,
    /// Time to live in seconds; null = for ever.
    pub ttl_seconds: Option<f64>,
    /// Bytes it takes, as the server estimates.
    pub memory_bytes: Option<u64>,
    /// How often it is used, as the server's own logarithmic counter tells; only under an LFU policy.
    pub frequency: Option<u64>,
}

/// A keyspace event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheEvent {
    /// When it was heard.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `set`, `del`, `expired`, `evicted`, ….
    #[schema(value_type = String)]
    pub event: Text,
    /// The key, masked and cut.
    #[schema(value_type = String)]
    pub key: Text,
}

/// Keyspace events that were heard. They are hints: the server keeps none for who does not listen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheEvents {
    /// The last ones, newest first.
    pub recent: Vec<CacheEvent>,
    /// How many of each kind since the start.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub counts: BTreeMap<Text, u64>,
    /// How many were not heard, as far as can be told.
    pub missed: u64,
    /// Why there are none.
    pub not_available: Option<NotAvailable>,
}

/// Keys by use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopKeys {
    /// The most used of those looked at.
    pub keys: Vec<CacheKey>,
    /// Why there are none.
    pub not_available: Option<NotAvailable>,
}

/// What a time of MONITOR brought: names of commands and patterns of keys, no values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheMonitor {
    /// Commands by name.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub commands: BTreeMap<Text, u64>,
    /// Commands by the pattern of their first key.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub key_prefixes: BTreeMap<Text, u64>,
    /// Why there is nothing.
    pub not_available: Option<NotAvailable>,
}

/// The server, and all that is known of its keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CachePanel {
    /// When it was asked.
    pub at: Timestamp,
    /// `valkey 8.0.1`, `redis 7.0.15`.
    pub version: Text,
    /// `master` or `replica`.
    pub role: Text,
    /// Seconds since the server started.
    pub uptime_seconds: u64,
    /// Clients connected.
    pub clients: u64,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Memory it may use; `None` = no limit.
    pub memory_limit_bytes: Option<u64>,
    /// What happens at the limit: `allkeys-lru`.
    pub policy: Text,
    /// Keys of all databases.
    pub keys: u64,
    /// What counts up.
    pub totals: CacheTotals,
    /// Calls of each command.
    pub commands: BTreeMap<Text, u64>,
    /// Commands a second since the poll before.
    pub ops_per_second: Option<f64>,
    /// Share of reads that found their key, since the poll before; since the start where there was none.
    pub hit_ratio: Option<f64>,
    /// Keys by pattern.
    pub prefixes: Vec<PrefixCount>,
    /// How far the count is.
    pub scan: CacheScan,
    /// Some keys of each pattern.
    pub sample: Vec<CacheKey>,
    /// Events heard.
    pub events: CacheEvents,
    /// Keys by use.
    pub top: TopKeys,
    /// What MONITOR told, where it was switched on.
    pub monitor: CacheMonitor,
}
