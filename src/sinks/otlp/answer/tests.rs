//! What each answer of a backend means, by the specification.

use super::*;

fn of(code: Code, message: &str) -> Answer {
    grpc(Signal::Spans, code, message, None)
}

#[test]
fn grpc_codes_mean_what_the_specification_says() {
    for code in [Code::Aborted, Code::OutOfRange, Code::Unavailable, Code::DataLoss] {
        assert!(matches!(of(code, "busy"), Answer::Retry { after: None, .. }), "{code:?}");
    }
    for code in [Code::Cancelled, Code::DeadlineExceeded] {
        assert!(matches!(of(code, "late"), Answer::Unknown { doubt: false, .. }), "{code:?}");
    }
    for code in [Code::Unauthenticated, Code::PermissionDenied, Code::Unimplemented, Code::NotFound] {
        assert!(matches!(of(code, "no"), Answer::Blocked { .. }), "{code:?}");
    }
    for code in [Code::InvalidArgument, Code::Internal, Code::Unknown, Code::FailedPrecondition] {
        assert!(matches!(of(code, "trace ids must be 128 bit"), Answer::Refused { .. }), "{code:?}");
    }
}

#[test]
fn resource_exhausted_is_a_rate_limit_or_a_size_limit() {
    let asked = Some(Duration::from_secs(5));
    let limited = grpc(Signal::Spans, Code::ResourceExhausted, "RATE_LIMITED: size does not matter", asked);
    assert!(matches!(limited, Answer::Retry { after, .. } if after == asked));
    assert!(matches!(of(Code::ResourceExhausted, "RATE_LIMITED: ingestion rate limit"), Answer::Retry { .. }));
    let large = of(Code::ResourceExhausted, "grpc: received message larger than max (5 vs. 4)");
    assert!(matches!(large, Answer::TooLarge { .. }));
}

#[test]
fn a_proxy_that_lost_its_backend_raises_doubt() {
    let answer = of(Code::Unavailable, "upstream connect error or disconnect/reset before headers");
    assert!(matches!(answer, Answer::Unknown { doubt: true, .. }));
    assert!(matches!(http(Signal::Spans, 502, "Bad Gateway", None), Answer::Unknown { doubt: true, .. }));
}

#[test]
fn http_statuses_mean_what_the_specification_says() {
    let asked = Some(Duration::from_secs(3));
    assert!(matches!(http(Signal::Spans, 429, "", asked), Answer::Retry { after, .. } if after == asked));
    assert!(matches!(http(Signal::Spans, 503, "", None), Answer::Retry { after: None, .. }));
    assert!(matches!(http(Signal::Spans, 504, "", None), Answer::Unknown { .. }));
    for status in [401, 403, 404, 301, 307] {
        assert!(matches!(http(Signal::Spans, status, "", None), Answer::Blocked { .. }), "{status}");
    }
    assert!(matches!(http(Signal::Spans, 413, "", None), Answer::TooLarge { .. }));
    for status in [400, 422, 500] {
        assert!(matches!(http(Signal::Spans, status, "", None), Answer::Refused { .. }), "{status}");
    }
}

#[test]
fn a_populated_but_empty_partial_success_is_a_success() {
    let empty = Answer::Accepted { rejected: 0, message: String::new() };
    assert_eq!(accepted(Signal::Spans, &[]), empty);
    assert_eq!(accepted(Signal::Spans, &[0x0a, 0]), empty);
    assert_eq!(
        accepted(Signal::Spans, &[0x0a, 4, 8, 3, 0x12, 0]),
        Answer::Accepted { rejected: 3, message: String::new() }
    );
    assert!(
        matches!(accepted(Signal::Spans, b"<html>"), Answer::Accepted { rejected: 0, message } if !message.is_empty())
    );
}

#[test]
fn what_a_backend_says_is_made_safe() {
    let Answer::Refused { why, .. } = of(Code::InvalidArgument, &format!("\u{1b}[31m\n{}", "x".repeat(5000))) else {
        panic!("refused")
    };
    assert!(why.len() < 400 && !why.contains('\n') && !why.contains('\u{1b}'));
}

#[test]
fn log_records_a_backend_did_not_take_are_read_from_its_answer() {
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
    let partial = ExportLogsPartialSuccess { rejected_log_records: 3, error_message: "too old".to_owned() };
    let body = ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let said = accepted(Signal::Logs { payload: false }, &body);
    assert_eq!(said, Answer::Accepted { rejected: 3, message: "too old".to_owned() });
}
