//! Sources: foreign systems → events. One line each.

pub mod alerts;
pub mod components;
pub mod decode;
mod exposition;
mod failure;
pub mod gpu;
mod http;
pub mod kubernetes;
mod named;
pub mod nats;
pub mod neo4j;
mod observe;
pub mod orchestrator;
mod password;
pub mod ray;
mod room;
pub mod simulator;
pub mod valkey;
pub mod vllm;
mod watch;

pub use watch::Watcher;
