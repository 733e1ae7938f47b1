//! Sources: foreign systems → events. One line each.

pub mod decode;
mod failure;
pub mod gpu;
mod http;
pub mod nats;
pub mod neo4j;
mod observe;
mod password;
mod room;
pub mod simulator;
pub mod valkey;
mod watch;

pub use watch::Watcher;
