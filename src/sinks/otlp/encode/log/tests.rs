//! Own encoding of log records against a generated decoder, and against bytes written down once.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, any_value};
use opentelemetry_proto::tonic::logs::v1 as proto;
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::model::{Attribute, SpanId, Timestamp, TraceId};
use crate::sinks::otlp::encode::tests::{attribute_lists, proto_attributes, texts, times};
use crate::sinks::otlp::encode::{SCHEMA_URL, SCOPE, SCOPE_VERSION};

fn any_log() -> impl Strategy<Value = LogRecord> {
    let severities = prop_oneof![Just(Severity::Info), Just(Severity::Warning), Just(Severity::Error)];
    (
        (times(), times(), severities, texts(), texts()),
        (any::<Option<[u8; 16]>>(), any::<Option<[u8; 8]>>(), "[ab]{0,1}", attribute_lists()),
    )
        .prop_map(|((at, observed, severity, event_name, body), (trace, span, service, attributes))| LogRecord {
            at,
            observed,
            severity,
            event_name,
            body: body.to_string(),
            trace_id: trace.map(TraceId),
            span_id: span.map(SpanId),
            service: service.into(),
            attributes,
        })
}

fn proto_request(log: &LogRecord) -> ExportLogsServiceRequest {
    let number = match log.severity {
        Severity::Info => proto::SeverityNumber::Info,
        Severity::Warning => proto::SeverityNumber::Warn,
        Severity::Error => proto::SeverityNumber::Error,
    };
    let record = proto::LogRecord {
        time_unix_nano: log.at.nanos().max(0) as u64,
        observed_time_unix_nano: log.observed.nanos().max(0) as u64,
        severity_number: number.into(),
        severity_text: log.severity.name().to_owned(),
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(log.body.clone())) }),
        attributes: proto_attributes(&log.attributes),
        trace_id: log.trace_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        span_id: log.span_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        event_name: log.event_name.to_string(),
        ..proto::LogRecord::default()
    };
    let resource_logs = vec![proto::ResourceLogs {
        resource: Some(Resource {
            attributes: proto_attributes(&[Attribute::text("service.name", log.service.clone())]),
            ..Resource::default()
        }),
        scope_logs: vec![proto::ScopeLogs {
            scope: Some(InstrumentationScope {
                name: SCOPE.to_owned(),
                version: SCOPE_VERSION.to_owned(),
                ..InstrumentationScope::default()
            }),
            log_records: vec![record],
            schema_url: SCHEMA_URL.to_owned(),
        }],
        schema_url: SCHEMA_URL.to_owned(),
    }];
    ExportLogsServiceRequest { resource_logs }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_what_a_generated_decoder_reads(log in any_log()) {
        let encoded = request(&log);
        let expected = proto_request(&log);
        prop_assert_eq!(ExportLogsServiceRequest::decode(encoded.clone()).expect("valid protobuf"), expected.clone());
        // The very bytes a generated encoder writes: nothing wasted, and the same for the same log record.
        prop_assert_eq!(encoded.len(), expected.encoded_len());
        prop_assert_eq!(encoded, request(&log.clone()));
    }
}

#[test]
fn the_bytes_of_a_log_record_stay_what_they_are() {
    let record = LogRecord {
        at: Timestamp::from_nanos(1),
        observed: Timestamp::from_nanos(2),
        severity: Severity::Error,
        event_name: "e".into(),
        body: "b".to_owned(),
        trace_id: Some(TraceId([1; 16])),
        span_id: Some(SpanId([2; 8])),
        service: "s".into(),
        attributes: vec![Attribute::int("fleet.seq", 7)],
    };
    let mut bytes = Vec::new();
    log(&mut bytes, &record);
    let expected = [
        "12500901000000000000001011", // time 1, severity 17
        "1a056572726f72",             // "error"
        "2a030a0162",                 // body "b"
        "320f0a09666c6565742e73657112021807",
        "4a1001010101010101010101010101010101",
        "52080202020202020202",
        "590200000000000000", // observed 2
        "620165",
    ];
    let expected = expected.concat();
    let byte = |at| u8::from_str_radix(&expected[at..at + 2], 16).expect("hexadecimal");
    assert_eq!(bytes, (0..expected.len()).step_by(2).map(byte).collect::<Vec<u8>>());
}
