//! Integration tests: one binary, real servers.
