//! Every part of a batch is a request, and batches are bounded.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::*;
use crate::model::{Attribute, SpanId, SpanKind, SpanStatus, Timestamp, TraceId};

fn span(n: u8, service: &str, size: usize) -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([n; 8]),
        parent: None,
        name: "s".into(),
        kind: SpanKind::Internal,
        start: Timestamp::from_nanos(1),
        end: Timestamp::from_nanos(2),
        service: service.into(),
        attributes: vec![Attribute::text("a", "x".repeat(size))],
        events: Vec::new(),
        links: Vec::new(),
        status: SpanStatus::Unset,
    }
}

/// Service and first byte of the span id of every span of a request.
fn read(body: &Bytes) -> Vec<(String, u8)> {
    let request = ExportTraceServiceRequest::decode(body.clone()).expect("a request");
    let mut found = Vec::new();
    for group in request.resource_spans {
        let resource = group.resource.expect("a resource");
        let service = format!("{:?}", resource.attributes[0].value);
        for span in &group.scope_spans[0].spans {
            found.push((service.split('"').nth(1).expect("text").to_owned(), span.span_id[0]));
        }
    }
    found
}

#[test]
fn every_part_of_a_batch_is_a_request_of_its_own() {
    let mut builder = Builder::new(100, 1 << 20, 0);
    for (n, service) in [(1, "a"), (2, "b"), (3, "a"), (4, "c"), (5, "b")] {
        assert!(builder.push(u64::from(n), &span(n, service, 10)).is_none());
        builder.complete(u64::from(n));
    }
    let batch = builder.seal().expect("spans");
    assert_eq!(batch.upto, 5);
    let all = read(&batch.part(&(0..5)));
    assert_eq!(all, [("a", 1), ("a", 3), ("b", 2), ("b", 5), ("c", 4)].map(|(s, n)| (s.to_owned(), n)));
    for start in 0..5 {
        for end in start + 1..=5 {
            assert_eq!(read(&batch.part(&(start..end))), all[start..end]);
        }
    }
    assert!(
        batch
            .items
            .iter()
            .zip(&all)
            .all(|(item, (_, n))| item.seq == u64::from(*n) && item.id == SpanId([*n; 8]).into())
    );
}

#[test]
fn a_batch_is_bounded_in_spans_and_in_bytes() {
    let mut builder = Builder::new(3, 4096, 0);
    let mut sealed = Vec::new();
    for n in 1..=20 {
        sealed.extend(builder.push(u64::from(n), &span(n, "a", if n % 5 == 0 { 3000 } else { 10 })));
        builder.complete(u64::from(n));
    }
    sealed.extend(builder.seal());
    assert_eq!(sealed.iter().map(|b| b.items.len()).sum::<usize>(), 20);
    assert!(sealed.iter().all(|b| b.items.len() <= 3 && b.part(&(0..b.items.len())).len() <= 4096));
}

#[test]
fn a_span_larger_than_a_batch_goes_alone() {
    let mut builder = Builder::new(100, 1024, 0);
    assert!(builder.push(1, &span(1, "a", 10)).is_none());
    builder.complete(1);
    let before = builder.push(2, &span(2, "a", 100_000)).expect("no room beside");
    assert_eq!((before.items.len(), before.upto), (1, 1));
    builder.complete(2);
    assert_eq!(builder.push(3, &span(3, "a", 10)).expect("no room beside").items.len(), 1);
}

#[test]
fn a_record_cut_in_two_is_complete_with_the_second_batch() {
    let mut builder = Builder::new(2, 1 << 20, 6);
    assert!(builder.push(7, &span(1, "a", 1)).is_none());
    let first = builder.push(7, &span(2, "a", 1)).expect("full");
    assert_eq!(first.upto, 6);
    assert!(builder.push(7, &span(3, "a", 1)).is_none());
    builder.complete(7);
    assert_eq!(builder.seal().expect("a span").upto, 7);
}
