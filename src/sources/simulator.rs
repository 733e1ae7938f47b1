//! A simulated fleet → contract-true traffic.
//! Takes: a seed and a speed. Gives: what the fleet's services would publish and how their consumers would answer.
//! Never: reads a clock or a real server; those who run it (`in_process`, `on_nats`) pace it and publish it.

mod answer;
mod bodies;
pub mod catalogue;
mod chapter;
mod draft;
mod faulty;
mod fleet;
mod in_process;
mod json;
mod moment;
mod on_nats;
mod script;
mod settings;
mod step;
mod systems;
mod things;

pub use fleet::Fleet;
pub use in_process::{InProcess, run_in_process};
pub use on_nats::{Answers, Options, Progress, RunError, Summary, run_on_nats};
pub use settings::{Clock, Era, Faults, Settings};
pub use step::{Action, Ending, Publish, Run, Settle, SettleKind, Step};
pub use systems::{Addresses, Systems, tell};

#[cfg(test)]
mod tests;
