//! How a durable deals with a message: a pure function of seed, durable and message, so that a real consumer that is
//! given the same message again decides the same.

use std::time::Duration;

use fastrand::Rng;

use super::catalogue::DurableSpec;
use super::settings::Settings;

/// What a durable does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// From delivery to the answer.
    pub(super) latency: Duration,
    pub(super) course: Course,
}

/// The way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Acked at once.
    Ack,
    /// Refused so many times, then acked.
    Refuse(u32),
    /// Taken and forgotten so many times, each time for the ack wait, then acked.
    Forget(u32),
    /// Refused for good.
    Term,
    /// Asks for more time once, then acked.
    Slow,
}

/// Where publisher and consumer disagree about a message's keys (fleet-contract 1.7).
const MISMATCHES: &[&str] = &[
    "orch-planning-story-transitions",
    "context-planning-story-transitions",
    "orch-planning-plan-approved",
    "orch-agent-response-failed-v3",
    "context-planning-project-created",
    "context-planning-epic-created",
];
/// Raises without answering: delivered again each ack wait.
const RAISES: &str = "workflow-planning-events-v1";
/// A message that makes its consumer raise is delivered at most so often.
const MAX_RAISES: u32 = 8;

/// The answer of a durable (`place` in the catalogue) to the message with this number in its stream.
pub(super) fn answer(settings: &Settings, place: usize, durable: &DurableSpec, number: u64) -> Answer {
    let mut rng = Rng::with_seed(mix(settings.seed, place as u64, number));
    let latency = Duration::from_micros(rng.u64(5_000..80_000));
    let faults = &settings.faults;
    let mut course = Course::Ack;
    let draw = rng.f64();
    if MISMATCHES.contains(&durable.name) {
        if draw < faults.nak_loop && faults.nak_loop_length > 0 {
            course = Course::Refuse(rng.u32(faults.nak_loop_length.div_ceil(4)..=faults.nak_loop_length));
        }
    } else if durable.name == RAISES {
        if draw < faults.nak_loop && faults.nak_loop_length > 0 {
            course = Course::Forget(rng.u32(1..=MAX_RAISES.min(faults.nak_loop_length)));
        }
    } else if draw < faults.forgotten {
        course = Course::Forget(1);
    } else if draw < faults.forgotten + faults.terminated {
        course = Course::Term;
    } else if durable.name.contains("task-extraction") && draw > 0.9 {
        course = Course::Slow;
    }
    Answer { latency, course }
}

/// One seed out of three numbers.
pub(super) fn mix(a: u64, b: u64, c: u64) -> u64 {
    let mut seed = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ c.wrapping_mul(0xd1b5_4a32_d192_ed03);
    seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    seed ^ (seed >> 31)
}
