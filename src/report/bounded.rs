//! Lists that say what they leave out, and times that are told apart in constant memory.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

/// A list with a limit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Capped<T> {
    /// The first of them.
    pub(crate) items: Vec<T>,
    /// How many there are besides, which are not listed.
    pub(crate) more: u64,
    /// How many are listed at most.
    #[serde(skip)]
    max: usize,
}

impl<T> Capped<T> {
    pub(crate) const fn new(max: usize) -> Self {
        Self { items: Vec::new(), more: 0, max }
    }

    /// Lists it, or counts it. Gives whether it is listed.
    pub(crate) fn push(&mut self, item: T) -> bool {
        let room = self.items.len() < self.max;
        if room {
            self.items.push(item);
        } else {
            self.more += 1;
        }
        room
    }

    /// So many more are not listed.
    pub(crate) fn and(self, more: u64) -> Self {
        Self { more: self.more + more, ..self }
    }

    /// All there are.
    pub(crate) fn total(&self) -> u64 {
        self.items.len() as u64 + self.more
    }

    /// The first `max` of a list.
    pub(crate) fn of(mut items: Vec<T>, max: usize) -> Self {
        let more = items.len().saturating_sub(max) as u64;
        items.truncate(max);
        Self { items, more, max }
    }
}

/// Steps a doubling of time is divided into: a percentile is told within a tenth.
const STEPS: f64 = 8.0;
/// From a microsecond to some days.
const STEPS_ALL: usize = 320;

/// Durations, counted.
#[derive(Clone, Debug)]
pub(crate) struct Durations {
    counts: Vec<u32>,
    count: u64,
    sum: f64,
    max: f64,
}

impl Default for Durations {
    fn default() -> Self {
        Self { counts: vec![0; STEPS_ALL], count: 0, sum: 0.0, max: 0.0 }
    }
}

/// Durations in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Spread {
    /// How many.
    pub(crate) count: u64,
    /// Their mean.
    pub(crate) mean_ms: f64,
    /// Half took at most so long, within a tenth.
    pub(crate) p50_ms: f64,
    /// Nineteen of twenty took at most so long, within a tenth.
    pub(crate) p95_ms: f64,
    /// The longest.
    pub(crate) max_ms: f64,
}

impl Durations {
    pub(crate) fn add(&mut self, duration: Duration) {
        let ms = duration.as_secs_f64() * 1e3;
        let step = ((ms * 1e3).max(1.0).log2() * STEPS) as usize;
        if let Some(count) = self.counts.get_mut(step.min(STEPS_ALL - 1)) {
            *count = count.saturating_add(1);
        }
        self.count += 1;
        self.sum += ms;
        self.max = self.max.max(ms);
    }

    /// `None` where nothing was counted.
    pub(crate) fn spread(&self) -> Option<Spread> {
        if self.count == 0 {
            return None;
        }
        let at = |share: f64| {
            let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
            let mut seen = 0;
            let step = self.counts.iter().position(|count| {
                seen += u64::from(*count);
                seen >= wanted
            });
            // The upper end of the step.
            let upper = ((step.unwrap_or(STEPS_ALL) + 1) as f64 / STEPS).exp2() / 1e3;
            tidy(upper.min(self.max))
        };
        Some(Spread {
            count: self.count,
            mean_ms: tidy(self.sum / self.count as f64),
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            max_ms: tidy(self.max),
        })
    }
}

/// Microseconds are fine enough.
fn tidy(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_counted() {
        let mut list = Capped::new(2);
        assert!(list.push('a') && list.push('b') && !list.push('c') && !list.push('d'));
        assert_eq!((list.items.len(), list.more, list.total()), (2, 2, 4));
        let all = Capped::of(vec![1, 2, 3], 2);
        assert_eq!((all.items, all.more), (vec![1, 2], 1));
    }

    #[test]
    fn percentiles_are_within_a_tenth() {
        let mut durations = Durations::default();
        assert_eq!(durations.spread(), None);
        for ms in 1..=1000 {
            durations.add(Duration::from_millis(ms));
        }
        let spread = durations.spread().expect("a thousand");
        assert_eq!((spread.count, spread.max_ms, spread.mean_ms), (1000, 1000.0, 500.5));
        assert!((500.0..=550.0).contains(&spread.p50_ms), "{spread:?}");
        assert!((950.0..=1000.0).contains(&spread.p95_ms), "{spread:?}");
        durations.add(Duration::MAX);
        durations.add(Duration::ZERO);
        assert_eq!(durations.spread().expect("more").count, 1002);
    }
}
