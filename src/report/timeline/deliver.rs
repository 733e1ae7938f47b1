//! Deliveries of a story's events → how each consumer did, and which deliveries did not go well.

use std::collections::BTreeMap;

use super::fold::{line, maybe};
use super::{Capped, Consumer, Delivery};
use crate::model::{DeliveryState, Text};
use crate::report::bounded::Durations;

/// Most that are listed.
const MAX_CONSUMERS: usize = 100;
const MAX_TROUBLED: usize = 200;

#[derive(Debug)]
pub(super) struct Deliveries {
    consumers: BTreeMap<(Text, Text), (Consumer, Durations)>,
    others: u64,
    troubled: Capped<Delivery>,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self { consumers: BTreeMap::new(), others: 0, troubled: Capped::new(MAX_TROUBLED) }
    }
}

/// A consumer nothing was counted for yet.
pub(in crate::report) fn consumer(delivery: &crate::model::Delivery) -> Consumer {
    Consumer {
        stream: line(&delivery.stream),
        consumer: line(&delivery.consumer),
        events: 0,
        acked: 0,
        settled: 0,
        terminated: 0,
        max_deliveries: 0,
        open: 0,
        naks: 0,
        redeliveries: 0,
        latency: None,
    }
}

impl Consumer {
    /// Counts a delivery.
    pub(in crate::report) fn add(&mut self, delivery: &crate::model::Delivery) {
        self.events += 1;
        self.naks += delivery.naks;
        self.redeliveries += delivery.attempts.saturating_sub(1);
        match delivery.state {
            DeliveryState::Acked => self.acked += 1,
            DeliveryState::Settled => self.settled += 1,
            DeliveryState::Terminated => self.terminated += 1,
            DeliveryState::MaxDeliveries => self.max_deliveries += 1,
            _ => self.open += 1,
        }
    }
}

impl Deliveries {
    /// Gives whether the delivery failed for good.
    pub(super) fn add(&mut self, delivery: &crate::model::Delivery) -> bool {
        let key = (delivery.stream.clone(), delivery.consumer.clone());
        if self.consumers.len() < MAX_CONSUMERS || self.consumers.contains_key(&key) {
            let (counted, latency) =
                self.consumers.entry(key).or_insert_with(|| (consumer(delivery), Durations::default()));
            counted.add(delivery);
            if delivery.state == DeliveryState::Acked && !delivery.polled {
                latency.add(delivery.last.since(delivery.event.stored));
            }
        } else {
            self.others += 1;
        }
        let failed = matches!(delivery.state, DeliveryState::Terminated | DeliveryState::MaxDeliveries);
        if failed || delivery.naks > 0 || delivery.attempts > 1 {
            self.troubled.push(Delivery {
                seq: delivery.event.seq,
                kind: line(&delivery.event.event_type),
                consumer: line(&delivery.consumer),
                state: delivery.state.name(),
                attempts: delivery.attempts,
                naks: delivery.naks,
                latency_ms: delivery.latency_ms(),
                reason: maybe(delivery.reason.as_ref()),
                at: delivery.last,
            });
        }
        failed
    }

    pub(super) fn finish(self) -> (Capped<Consumer>, Capped<Delivery>) {
        let told = |(mut consumer, latency): (Consumer, Durations)| {
            consumer.latency = latency.spread();
            consumer
        };
        let mut consumers: Vec<_> = self.consumers.into_values().map(told).collect();
        let slowness = |consumer: &Consumer| consumer.latency.map_or(0.0, |latency| latency.p95_ms);
        consumers.sort_by(|a, b| {
            slowness(b).total_cmp(&slowness(a)).then_with(|| (&a.stream, &a.consumer).cmp(&(&b.stream, &b.consumer)))
        });
        (Capped::of(consumers, MAX_CONSUMERS).and(self.others), self.troubled)
    }
}
