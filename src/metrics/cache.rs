//! The fleet's Valkey.

use super::family::families;

families! {
    /// Families about the cache.
    pub struct CacheMetrics {
        /// Keys by pattern, as of the last complete round of counting.
        keys: gauge = "fleet_cache_keys" ["key_prefix"],
        /// Memory the server uses.
        memory: gauge = "fleet_cache_memory_bytes" [],
        /// Reads that found their key.
        hits: counter = "fleet_cache_hits_total" [],
        /// Reads that did not find their key.
        misses: counter = "fleet_cache_misses_total" [],
        /// Keys thrown out for want of memory: lost data where the fleet keeps its records there.
        evictions: counter = "fleet_cache_evictions_total" [],
        /// Keys whose time was over.
        expired: counter = "fleet_cache_expired_total" [],
        /// Calls of a command.
        commands: counter = "fleet_cache_commands_total" ["command"],
    }
}
