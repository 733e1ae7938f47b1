//! Integration tests: one binary, real servers.

mod architecture;
mod config_docs;
mod nats_source;
mod prometheus_page;
mod servers;
mod simulator;
