//! The systems beside NATS, each real where it can run here, and with every fault.

mod faults;
mod gpu;
mod neo4j;
mod valkey;
