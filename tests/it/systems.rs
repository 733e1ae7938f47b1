//! The systems beside NATS, each real where it can run here, and with every fault.

mod components;
mod faults;
mod gpu;
mod kubernetes;
mod orchestrator;
mod ray;
mod real_ray;
mod vllm;
