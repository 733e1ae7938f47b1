//! The systems beside NATS, each real where it can run here, and with every fault.

mod components;
mod demo;
mod faults;
mod gpu;
mod isolation;
mod kubernetes;
mod neo4j;
mod orchestrator;
mod ray;
mod real_ray;
mod rude;
mod story;
mod valkey;
mod vllm;
