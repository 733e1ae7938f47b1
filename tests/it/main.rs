//! Integration tests: one binary, real servers.

mod architecture;
mod config_docs;
mod crash;
mod fleet;
mod generated;
mod nats_source;
mod prometheus_page;
mod servers;
mod simulator;
mod support;
