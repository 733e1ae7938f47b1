//! The fleet as a sequence of steps.
//! Takes: settings. Gives: steps in the order of virtual time, for ever.
//! Never: anything that depends on more than the settings.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use fastrand::Rng;

use super::answer::{Course, answer};
use super::catalogue::{self, ACK_WAIT, DURABLES};
use super::script::{Planned, Script};
use super::settings::{Era, Settings};
use super::step::{Action, Publish, Run, Settle, SettleKind, Step};
use super::{chapter, faulty};

/// Between two refusals of one message: the server delivers again at about 1,650 a second.
const NAK_GAP: Duration = Duration::from_micros(606);

/// Most new stories per minute of virtual time: a story's messages (about 100 KB) are held until they are due, so the
/// rate bounds the memory. For more traffic, raise the speed.
const MAX_RATE: f64 = 500.0;

/// A simulated fleet. Never ends.
#[derive(Debug)]
pub struct Fleet {
    settings: Settings,
    rng: Rng,
    due: BinaryHeap<Reverse<Due>>,
    /// Number of things ever planned: keeps the order of those due at one instant.
    planned: u64,
    published: u64,
    numbers: Vec<(&'static str, u64)>,
    /// By place in `DURABLES`: until when it takes nothing.
    stalled: Vec<Duration>,
}

#[derive(Debug)]
struct Due {
    at: Duration,
    order: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    /// The next group of stories begins.
    Chapter,
    Publish(Planned),
    Run(Run),
    /// An answer, and how many refusals come after it.
    Settle(Settle, u32),
}

impl Fleet {
    /// The fleet of these settings, at its first instant.
    pub fn new(settings: Settings) -> Self {
        let mut fleet = Self {
            rng: Rng::with_seed(settings.seed),
            settings,
            due: BinaryHeap::new(),
            planned: 0,
            published: 0,
            numbers: Vec::new(),
            stalled: vec![Duration::ZERO; DURABLES.len()],
        };
        fleet.plan(Duration::from_millis(500), What::Chapter);
        fleet
    }

    fn plan(&mut self, at: Duration, what: What) {
        self.planned += 1;
        self.due.push(Reverse(Due { at, order: self.planned, what }));
    }

    /// Writes a group of stories and plans the next.
    fn chapter(&mut self, at: Duration) {
        let size = self.rng.usize(1..=3);
        let era = if self.settings.eras.is_empty() {
            Era::D
        } else {
            self.settings.eras[self.rng.usize(..self.settings.eras.len())]
        };
        let mut script = Script::new(&mut self.rng, &self.settings, era, at);
        chapter::write(&mut script, size);
        if script.chance(script.settings.faults.bad_message) {
            script.at = at;
            script.wait(1.0..30.0);
            faulty::send(&mut script);
        }
        let (planned, runs) = (script.planned, script.runs);
        for (at, run) in runs {
            self.plan(at, What::Run(run));
        }
        for planned in planned {
            self.plan(planned.at, What::Publish(planned));
        }
        if self.rng.f64() < self.settings.faults.stalled_consumer {
            let place = self.rng.usize(..DURABLES.len());
            self.stalled[place] = at + Duration::from_secs(self.rng.u64(60..180));
        }
        let rate = if self.settings.stories_per_minute.is_finite() {
            self.settings.stories_per_minute.clamp(1e-3, MAX_RATE)
        } else {
            1.0
        };
        let mean = size as f64 * 60.0 / rate;
        let gap = mean * (-(1.0 - self.rng.f64()).ln()).min(4.0);
        self.plan(at + Duration::from_secs_f64(gap), What::Chapter);
    }

    fn publish(&mut self, planned: Planned) -> Publish {
        let stream = catalogue::stream_of(&planned.subject);
        self.published += 1;
        let publish = Publish {
            id: self.published,
            stream,
            number: self.number(stream),
            subject: planned.subject,
            headers: planned.headers,
            body: planned.body,
            from: planned.from,
        };
        for (place, durable) in catalogue::wanted_by(stream, &publish.subject) {
            if durable.stale {
                continue;
            }
            let told = answer(&self.settings, place, durable, publish.number);
            let delivered = planned.at.max(self.stalled[place]);
            let settle = Settle {
                of: publish.id,
                stream,
                number: publish.number,
                published: planned.at,
                consumer: durable.name,
                kind: SettleKind::Ack,
                attempt: 1,
            };
            let at = delivered + told.latency;
            match told.course {
                Course::Ack => self.plan(at, What::Settle(settle, 0)),
                Course::Term => self.plan(at, What::Settle(Settle { kind: SettleKind::Term, ..settle }, 0)),
                Course::Refuse(times) => {
                    self.plan(at, What::Settle(Settle { kind: SettleKind::Nak, ..settle }, times));
                }
                Course::Forget(times) => {
                    let last = Settle { attempt: times + 1, ..settle };
                    self.plan(at + ACK_WAIT * times, What::Settle(last, 0));
                }
                Course::Slow => {
                    self.plan(at, What::Settle(Settle { kind: SettleKind::Progress, ..settle.clone() }, 0));
                    self.plan(at + told.latency * 4, What::Settle(settle, 0));
                }
            }
        }
        publish
    }

    fn number(&mut self, stream: &'static str) -> u64 {
        let place = self.numbers.iter().position(|(name, _)| *name == stream).unwrap_or_else(|| {
            self.numbers.push((stream, 0));
            self.numbers.len() - 1
        });
        self.numbers[place].1 += 1;
        self.numbers[place].1
    }
}

impl Iterator for Fleet {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            let Reverse(Due { at, what, .. }) = self.due.pop()?;
            match what {
                What::Chapter => self.chapter(at),
                What::Publish(planned) => {
                    let publish = self.publish(planned);
                    return Some(Step { at, action: Action::Publish(publish) });
                }
                What::Run(run) => return Some(Step { at, action: Action::Run(run) }),
                What::Settle(settle, left) => {
                    if left > 0 {
                        let kind = if left > 1 { SettleKind::Nak } else { SettleKind::Ack };
                        let next = Settle { kind, attempt: settle.attempt + 1, ..settle.clone() };
                        self.plan(at + NAK_GAP, What::Settle(next, left - 1));
                    }
                    return Some(Step { at, action: Action::Settle(settle) });
                }
            }
        }
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
