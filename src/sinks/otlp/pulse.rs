//! How the sink is doing, for `/status`, `/metrics` and the log.
//! Takes: answers. Gives: one state, told when it changes. Never: decides what to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::answer::Answer;
use super::signal::{Meter, Signal};
use crate::status::{Health, Status};

/// Least time between two warnings of the backend that are logged.
const INTERVAL: Duration = Duration::from_mins(1);

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;

/// The sink's state and its counters.
#[derive(Debug)]
pub(super) struct Pulse {
    signal: Signal,
    meter: Meter,
    status: Arc<Status>,
    name: String,
    state: AtomicU8,
    warned: Mutex<Option<Instant>>,
}

impl Pulse {
    /// Of the backend called `name`.
    pub(super) fn new(signal: Signal, meter: Meter, status: Arc<Status>, name: String) -> Self {
        status.report(signal.part(), Health::Starting, format!("nothing sent yet to {name}"));
        Self { signal, meter, status, name, state: AtomicU8::new(UNKNOWN), warned: Mutex::default() }
    }

    /// A request was answered.
    pub(super) fn heard(&self, outcome: &'static str, answer: &Answer) {
        self.meter.requests.with_label_values(&[outcome]).inc();
        match answer {
            Answer::Accepted { message, .. } => {
                if self.state.swap(UP, Ordering::Relaxed) != UP {
                    self.meter.up.with_label_values::<&str>(&[]).set(1.0);
                    self.status.report(self.signal.part(), Health::Up, format!("sending to {}", self.name));
                }
                if !message.is_empty() {
                    self.warn(message);
                }
            }
            Answer::Retry { why, .. } | Answer::Unknown { why, .. } | Answer::Blocked { why } => self.down(why),
            // The backend is there: it only did not like this request.
            Answer::TooLarge { .. } | Answer::Refused { .. } => {}
        }
    }

    /// The backend takes nothing.
    pub(super) fn down(&self, why: &str) {
        if self.state.swap(DOWN, Ordering::Relaxed) != DOWN {
            self.meter.up.with_label_values::<&str>(&[]).set(0.0);
        }
        self.status.report(self.signal.part(), Health::Down, format!("{}: {why}", self.name));
    }

    /// Whether the last request was taken, or none was sent.
    pub(super) fn is_down(&self) -> bool {
        self.state.load(Ordering::Relaxed) == DOWN
    }

    /// How long a request took.
    pub(super) fn took(&self, time: Duration) {
        self.meter.request_duration.with_label_values::<&str>(&[]).observe(time.as_secs_f64());
    }

    /// Spans that may have been taken will be sent again.
    pub(super) fn again(&self, reason: &'static str, spans: u64) {
        self.meter.resent.with_label_values(&[reason]).inc_by(spans);
    }

    fn warn(&self, message: &str) {
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| at.elapsed() >= INTERVAL) {
            *warned = Some(Instant::now());
            drop(warned);
            let (backend, items) = (self.signal.backend(), self.signal.items());
            tracing::warn!(message, "the {backend} took the {items} and says something");
        }
    }
}
