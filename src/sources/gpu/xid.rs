//! XID errors → entries of the history.
//! Takes: the processors of a poll. Gives: an entry for an error, and one when it is over.
//! Never: takes the error of one pod for one of the next: the exporter repeats the last one for ever.

use std::collections::BTreeSet;

use crate::model::{Event, Gpu, Observed, Severity, Source, Timestamp};
use crate::privacy::Masker;
use crate::sources::observe::{Sight, message_looking};

/// Which processors are known to be well.
#[derive(Debug, Default)]
pub(super) struct Told {
    well: BTreeSet<String>,
}

impl Told {
    /// The entries of a poll. That a processor is well is said once, and again after an error: correlation knows whether
    /// it was told of one, also by a life before this one.
    pub(super) fn entries(&mut self, gpus: &[Gpu], now: Timestamp, masker: &Masker) -> Vec<Event> {
        let before = std::mem::take(&mut self.well);
        let mut events = Vec::new();
        for gpu in gpus {
            let Some(xid) = gpu.xid_error else { continue };
            let thing = format!("gpu.{}.{}", node(gpu), gpu.gpu);
            if xid > 0.0 {
                events.push(entry(&thing, gpu, xid, now, masker));
                continue;
            }
            if !before.contains(&thing) {
                events.push(entry(&thing, gpu, 0.0, now, masker));
            }
            self.well.insert(thing);
        }
        events
    }
}

fn node(gpu: &Gpu) -> &str {
    gpu.node.as_deref().unwrap_or("unknown")
}

fn entry(thing: &str, gpu: &Gpu, xid: f64, now: Timestamp, masker: &Masker) -> Event {
    let name = format!("GPU {} on {}", gpu.gpu, node(gpu));
    let (kind, severity, summary) = if xid > 0.0 {
        ("gpu.error", Severity::Error, format!("{name} reports XID error {xid}"))
    } else {
        ("gpu.recovered", Severity::Info, format!("{name} no longer reports an XID error"))
    };
    let sight = Sight {
        source: Source::Gpu,
        kind,
        thing,
        producer: Some("gpu"),
        at: now,
        observed: Observed { severity, summary: summary.into(), ..Observed::default() },
        body: &serde_json::json!({
            "gpu": gpu.gpu, "uuid": gpu.uuid, "model": gpu.model, "node": gpu.node, "pod": gpu.pod, "xid_error": xid,
        }),
    };
    Event::Message(Box::new(message_looking(sight, &format!("xid {xid}"), now, masker)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    fn told(told: &mut Told, xids: &[Option<f64>]) -> Vec<String> {
        let masker = Masker::new(Content::Full, 1 << 16);
        let gpu =
            |(n, xid): (usize, &Option<f64>)| Gpu { gpu: n.to_string().into(), xid_error: *xid, ..Gpu::default() };
        let gpus: Vec<Gpu> = xids.iter().enumerate().map(gpu).collect();
        let said = |event: &Event| match event {
            Event::Message(message) => format!("{} {}", message.subject, message.event_type),
            other => format!("{other:?}"),
        };
        told.entries(&gpus, Timestamp::from_millis(1), &masker).iter().map(said).collect()
    }

    #[test]
    fn an_error_is_said_at_each_poll_and_health_when_it_begins() {
        let mut known = Told::default();
        assert_eq!(told(&mut known, &[Some(0.0), None]), ["gpu.unknown.0 gpu.recovered"]);
        assert!(told(&mut known, &[Some(0.0), None]).is_empty());
        for _ in 0..2 {
            assert_eq!(told(&mut known, &[Some(79.0)]), ["gpu.unknown.0 gpu.error"]);
        }
        assert_eq!(told(&mut known, &[Some(0.0)]), ["gpu.unknown.0 gpu.recovered"]);
    }
}
