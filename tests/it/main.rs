//! Integration tests: one binary, real servers.

mod architecture;
mod config_docs;
mod generated;
mod prometheus_page;
