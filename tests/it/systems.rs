//! The systems beside NATS, each real where it can run here, and with every fault.

mod faults;
mod gpu;
mod ray;
mod real_ray;
mod vllm;
