//! The contract of the feed as files.
