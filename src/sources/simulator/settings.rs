//! What kind of fleet is simulated.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::model::Timestamp;

/// A time in the life of the fleet's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// Oct 2025: bare JSON, no ceremonies.
    A,
    /// Nov–Dec 2025: bare JSON, backlog review ceremonies, task derivation.
    B,
    /// From 30 Dec 2025: an envelope on most subjects.
    C,
    /// Feb 2026: an envelope also on agent failures and on planning's generic publishes.
    D,
}

impl Era {
    /// All eras, oldest first.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Era {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|era| era.to_string().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| format!("`{text}` is no era: write A, B, C or D"))
    }
}

/// What goes wrong, and how often: each a probability from 0 to 1 unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// A message of the known contract mismatches makes its consumer refuse it over and over.
    pub nak_loop: f64,
    /// How often such a message is refused at most. A count.
    pub nak_loop_length: u32,
    /// An agent that was dispatched never answers.
    pub silent_agent: f64,
    /// An agent's run fails.
    pub agent_failure: f64,
    /// A task derivation fails.
    pub derivation_failure: f64,
    /// All agents of a task's council stay silent: the deliberation is overdue, then fails.
    pub overdue_deliberation: f64,
    /// The product owner rejects a plan.
    pub plan_rejected: f64,
    /// A review or test sends a task back.
    pub task_rejected: f64,
    /// A consumer stops taking messages for one to three minutes, tried at each group of stories.
    pub stalled_consumer: f64,
    /// A consumer takes a message and forgets it: delivered again after 30 s.
    pub forgotten: f64,
    /// A consumer refuses a message for good.
    pub terminated: f64,
    /// A message nobody can decode comes along, tried at each group of stories.
    pub bad_message: f64,
    /// An agent's answer holds something that looks like a secret.
    pub leaked_secret: f64,
}

impl Faults {
    /// A fleet in which nothing goes wrong.
    pub const NONE: Self = Self {
        nak_loop: 0.0,
        nak_loop_length: 0,
        silent_agent: 0.0,
        agent_failure: 0.0,
        derivation_failure: 0.0,
        overdue_deliberation: 0.0,
        plan_rejected: 0.0,
        task_rejected: 0.0,
        stalled_consumer: 0.0,
        forgotten: 0.0,
        terminated: 0.0,
        bad_message: 0.0,
        leaked_secret: 0.0,
    };
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            nak_loop: 0.08,
            nak_loop_length: 200,
            silent_agent: 0.02,
            agent_failure: 0.03,
            derivation_failure: 0.04,
            overdue_deliberation: 0.02,
            plan_rejected: 0.12,
            task_rejected: 0.15,
            stalled_consumer: 0.05,
            forgotten: 0.002,
            terminated: 0.001,
            bad_message: 0.05,
            leaked_secret: 0.01,
        }
    }
}

/// How the clocks of the fleet's services go against its virtual time: what a message says of when it was written must
/// not lie in the future of who reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// Up to here a second is a second.
    pub history: Duration,
    /// From there on, virtual seconds per second of the clock.
    pub speed: f64,
}

impl Clock {
    /// Virtual time and the clock are one.
    pub const REAL: Self = Self { history: Duration::ZERO, speed: 1.0 };

    /// What the clock shows at `at`, counted from its begin.
    pub fn passed(self, at: Duration) -> Duration {
        match at.checked_sub(self.history) {
            None => at,
            Some(ahead) => self.history + ahead.div_f64(self.speed),
        }
    }
}

/// A fleet to simulate. The same settings give the same steps, byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// The instant at virtual time zero: what claimed times are counted from.
    pub start: Timestamp,
    /// How claimed times go on from there.
    pub clock: Clock,
    /// New stories per minute of virtual time; at most 500. For more traffic, raise the speed of the run.
    pub stories_per_minute: f64,
    /// Eras to draw from, one per group of stories.
    pub eras: Vec<Era>,
    /// Agents per council.
    pub agents_per_council: u32,
    /// The model the agents say they run.
    pub model: String,
    /// Whether the fleet's successors (runtime, tool learning, choreographer, rehydration kernel) run beside it.
    pub successors: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            start: Timestamp::from_millis(1_771_060_353_123),
            clock: Clock::REAL,
            stories_per_minute: 2.0,
            eras: vec![Era::D],
            agents_per_council: 3,
            model: "Qwen/Qwen3-0.6B".to_owned(),
            successors: false,
            faults: Faults::default(),
        }
    }
}
