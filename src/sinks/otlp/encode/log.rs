//! Log records → bytes of an `ExportLogsServiceRequest`.
//! Takes: log records. Gives: bytes, the same for the same log record every time. Never: builds a message to encode it
//! afterwards.

use bytes::Bytes;

use super::{group, nanos};
use crate::model::{LogRecord, Severity};
use crate::sinks::otlp::wire::{
    attributes, attributes_len, bytes, field_len, fixed64, fixed64_len, number, open, text, text_len,
};

/// OTLP's number of a severity.
const fn severity_number(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 9,
        Severity::Warning => 13,
        Severity::Error => 17,
    }
}

/// Appends `log` as a field of its `ScopeLogs`.
pub(in crate::sinks::otlp) fn log(out: &mut Vec<u8>, log: &LogRecord) {
    let severity = log.severity.name();
    let body = field_len(log.body.len());
    let len = fixed64_len(nanos(log.at))
        + 2
        + text_len(severity)
        + field_len(body)
        + attributes_len(&log.attributes)
        + log.trace_id.map_or(0, |_| 18)
        + log.span_id.map_or(0, |_| 10)
        + fixed64_len(nanos(log.observed))
        + text_len(&log.event_name);
    open(out, 2, len);
    fixed64(out, 1, nanos(log.at));
    number(out, 2, u64::from(severity_number(log.severity)));
    text(out, 3, severity);
    open(out, 5, body);
    bytes(out, 1, log.body.as_bytes());
    attributes(out, 6, &log.attributes);
    if let Some(trace_id) = &log.trace_id {
        bytes(out, 9, &trace_id.0);
    }
    if let Some(span_id) = &log.span_id {
        bytes(out, 10, &span_id.0);
    }
    fixed64(out, 11, nanos(log.observed));
    text(out, 12, &log.event_name);
}

/// An `ExportLogsServiceRequest` of one log record. Its groups are laid out as those of spans are, field by field.
pub fn request(record: &LogRecord) -> Bytes {
    let (mut out, mut encoded) = (Vec::new(), Vec::new());
    log(&mut encoded, record);
    group(&mut out, &record.service, std::iter::once(encoded.as_slice()));
    out.into()
}

#[cfg(test)]
mod tests;
