//! The spans of a record: those correlation attached, and those that follow from the record alone.
//!
//! A `publish` span is a function of its entry and a `process` span of its delivery, so neither is stored: whoever reads
//! the journal (the OTLP sink, a story's trace) makes them anew, byte for byte.

use super::delivery::{Delivery, DeliveryState};
use super::ids::{SpanId, TraceKey};
use super::message::{Message, Origin, Source};
use super::record::{Body, Record, Resolved};
use super::span::{Attribute, Span, SpanEvent, SpanKind, SpanStatus};
use super::text::Text;

/// Calls `each` with every span of `record`, in a fixed order. Gives the number of spans.
pub fn spans_of(record: &Record, each: &mut dyn FnMut(&Span)) -> usize {
    let mut count = 0;
    for span in &record.spans {
        each(span);
        count += 1;
    }
    let own = match &record.body {
        Body::Message(message, resolved) if message.source == Source::Nats => publish(message, resolved),
        Body::Delivery(delivery) => process(delivery),
        Body::Message(..) | Body::Tick => None,
    };
    if let Some(span) = own {
        each(&span);
        count += 1;
    }
    count
}

/// The id of the `publish` span of a stored message.
pub fn publish_span_id(trace: &TraceKey, stream: &str, incarnation: u32, stream_seq: u64) -> SpanId {
    trace.span_id_of(format_args!("event:{}", Origin(stream, incarnation, stream_seq)))
}

/// The id of the `process` span of a message at a consumer.
pub fn process_span_id(trace: &TraceKey, delivery: &Delivery) -> SpanId {
    let origin = Origin(&delivery.stream, delivery.event.incarnation, delivery.stream_seq);
    trace.span_id_of(format_args!("deliver:{origin}:{}", delivery.consumer))
}

/// PRODUCER span at stored time, of no length: the moment the server had it.
fn publish(message: &Message, resolved: &Resolved) -> Option<Span> {
    let key = resolved.trace.as_ref()?;
    let part = key.continuation(resolved.part);
    let mut attributes = Vec::with_capacity(20);
    of_message(&mut attributes, message, resolved);
    Some(Span {
        trace_id: part.trace_id(),
        span_id: publish_span_id(&part, &message.stream, message.incarnation, message.stream_seq),
        parent: Some(part.root()),
        name: format!("publish {}", message.event_type).into(),
        kind: SpanKind::Producer,
        start: message.stored,
        end: message.stored,
        service: message.producer.clone().unwrap_or_else(|| "unknown_service".into()),
        attributes,
        events: Vec::new(),
        links: Vec::new(),
        status: if message.undecodable.is_some() { SpanStatus::Error("undecodable".into()) } else { SpanStatus::Unset },
    })
}

/// What is known of a message of NATS: of its `publish` span, and of its log record.
pub(super) fn of_message(attributes: &mut Vec<Attribute>, message: &Message, resolved: &Resolved) {
    attributes.extend([
        Attribute::text("messaging.system", "nats"),
        Attribute::text("messaging.operation.name", "publish"),
        Attribute::text("messaging.operation.type", "send"),
        Attribute::text("messaging.destination.name", message.subject.clone()),
        Attribute::text("messaging.destination.template", message.event_type.clone()),
        Attribute::int("messaging.message.body.size", i64::from(message.size)),
        Attribute::text("fleet.event.type", message.event_type.clone()),
    ]);
    if !message.stream.is_empty() {
        attributes.push(Attribute::text("messaging.nats.stream.name", message.stream.clone()));
        attributes.push(Attribute::int("messaging.nats.stream.sequence", message.stream_seq as i64));
    }
    known_ids(attributes, message, resolved);
    if message.producer_inferred {
        attributes.push(Attribute::bool("fleet.producer.inferred", true));
    }
    if let Some(reason) = &message.undecodable {
        attributes.push(Attribute::text("error.type", reason.clone()));
    }
}

/// The ids an entry is searched by.
pub(super) fn known_ids(attributes: &mut Vec<Attribute>, message: &Message, resolved: &Resolved) {
    let ids = &resolved.ids;
    let known = [
        ("fleet.story.id", &ids.story),
        ("gen_ai.conversation.id", &ids.story),
        ("fleet.task.id", &ids.task),
        ("fleet.ceremony.id", &ids.ceremony),
        ("fleet.plan.id", &ids.plan),
        ("fleet.deliberation.id", &ids.deliberation),
        ("fleet.agent.id", &ids.agent),
        ("fleet.role", &ids.role),
        ("messaging.message.id", &message.message_id),
    ];
    attributes.extend(known.into_iter().filter_map(|(key, id)| Some(Attribute::text(key, id.clone()?))));
}

/// CONSUMER span, stored → settled, once the delivery is final and its end was seen.
fn process(delivery: &Delivery) -> Option<Span> {
    let error: Option<(&'static str, Text)> = match delivery.state {
        DeliveryState::Acked => None,
        DeliveryState::Terminated => Some((
            "terminated",
            delivery.reason.clone().unwrap_or_else(|| "the consumer refused the message for good".into()),
        )),
        DeliveryState::MaxDeliveries => Some(("max_deliveries", "the consumer's delivery limit was reached".into())),
        _ => return None,
    };
    let key = delivery.event.trace.as_ref()?;
    let mut attributes = vec![
        Attribute::text("messaging.system", "nats"),
        Attribute::text("messaging.operation.name", "process"),
        Attribute::text("messaging.operation.type", "process"),
        Attribute::text("messaging.destination.template", delivery.event.event_type.clone()),
        Attribute::text("messaging.consumer.group.name", delivery.consumer.clone()),
        Attribute::text("messaging.nats.stream.name", delivery.stream.clone()),
        Attribute::int("messaging.nats.stream.sequence", delivery.stream_seq as i64),
        Attribute::int("messaging.nats.num_delivered", delivery.attempts as i64),
    ];
    if let Some(story) = &delivery.event.story {
        attributes.push(Attribute::text("fleet.story.id", story.clone()));
    }
    if delivery.naks > 0 {
        attributes.push(Attribute::int("fleet.delivery.naks", delivery.naks as i64));
    }
    if delivery.polled {
        attributes.push(Attribute::bool("fleet.delivery.polled", true));
    }
    let mut events = Vec::new();
    if delivery.attempts > 1 {
        events.push(SpanEvent {
            at: delivery.first,
            name: if delivery.naks > 0 { "nak" } else { "redelivery" }.into(),
            attributes: vec![Attribute::int("count", (delivery.attempts - 1) as i64)],
        });
    }
    if let Some((kind, _)) = &error {
        attributes.push(Attribute::text("error.type", *kind));
        events.push(SpanEvent { at: delivery.last, name: (*kind).into(), attributes: Vec::new() });
    }
    Some(Span {
        trace_id: key.trace_id(),
        span_id: process_span_id(key, delivery),
        parent: Some(publish_span_id(key, &delivery.stream, delivery.event.incarnation, delivery.stream_seq)),
        name: format!("process {}", delivery.event.event_type).into(),
        kind: SpanKind::Consumer,
        start: delivery.event.stored,
        end: delivery.last.max(delivery.event.stored),
        service: delivery.consumer.clone(),
        attributes,
        events,
        links: Vec::new(),
        status: error.map_or(SpanStatus::Unset, |(_, description)| SpanStatus::Error(description)),
    })
}
