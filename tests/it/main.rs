//! Integration tests: one binary, real servers.

mod api;
