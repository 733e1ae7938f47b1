//! Fleetscope: the flight recorder of an SWE AI Fleet.
//!
//! ```text
//! sources ──Event──▶ ingest { correlate (pure) + journal } ──Record──▶ tail ──▶ sinks { otlp, feed }
//!                        │                                                └───▶ api (history, live feed, page)
//!                        ├── Measure ─▶ metrics
//!                        └── Change ──▶ board (state of agents, councils, stories, consumers)
//! ```
//!
//! Imports point one way: `app`, `cli`, `api` → `export`, `report`, `mcp` → `sources`, `correlate`, `journal`, `sinks` →
//! `config`, `metrics`, `status`, `board`, `tail`, `lookup`, `inbox` → `model`. `tests/it/architecture.rs` holds that.

pub mod api;
pub mod app;
pub mod board;
pub mod cli;
pub mod config;
pub mod correlate;
mod export;
pub mod inbox;
pub mod ingest;
pub mod journal;
pub mod logs;
pub mod lookup;
mod mcp;
pub mod metrics;
pub mod model;
pub mod past;
pub mod privacy;
mod report;
pub mod shutdown;
pub mod sinks;
pub mod sources;
pub mod status;
pub mod tail;
