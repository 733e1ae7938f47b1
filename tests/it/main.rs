//! Integration tests: one binary, real servers.

mod journal_crash;
