//! Sinks: the journal's records → the outside.

pub mod feed;
pub mod measure;
pub mod otlp;
