//! Integration tests: one binary, real servers.

mod alerts;
mod api;
mod architecture;
mod config_docs;
mod crash;
mod dashboards;
mod disk_full;
mod export;
mod fleet;
mod generated;
mod join_quality;
mod journal_crash;
mod logs;
mod nats_source;
mod otlp;
mod page;
mod past;
mod prometheus_page;
mod replay;
mod replay_into;
mod servers;
mod simulator;
mod stack;
mod support;
mod systems;
mod telemetry;
