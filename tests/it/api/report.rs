//! Reports: of a story and of the fleet, as HTML and as PDF, and what is refused.

use std::time::Duration;

use fleetscope::model::Body;

use super::timeline::Kept;
use super::world::{entry, with_payload};

async fn page(kept: &Kept, path: &str) -> (u16, http::HeaderMap, Vec<u8>) {
    let response = kept.http.get(kept.url(path)).send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.expect("a whole body").to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storys_report_tells_what_its_timeline_tells() {
    let kept = Kept::scenario("failures");
    let (status, headers, body) = page(&kept, "/api/stories/s-9/report").await;
    let text = String::from_utf8(body).expect("text");
    assert_eq!(status, 200, "{text}");
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert!(
        headers["content-disposition"].to_str().expect("text").contains("filename=\"fleetscope-s-9-2026-02-14.html\"")
    );
    let policy = headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    for told in
        ["Failures and their causes", "AssertionError: tests failed", "the same task", "agent-devops-002", "poison"]
    {
        assert!(text.contains(told), "{told}");
    }
}

#[cfg(feature = "pdf")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pdf_is_a_file_and_the_same_each_time() {
    let kept = Kept::scenario("failures");
    let (status, headers, first) = page(&kept, "/api/stories/s-9/report?format=pdf").await;
    assert_eq!((status, headers["content-type"].to_str().expect("text")), (200, "application/pdf"));
    assert!(
        headers["content-disposition"].to_str().expect("text").starts_with("attachment; filename=\"fleetscope-s-9-")
    );
    assert!(first.starts_with(b"%PDF-") && first.len() > 10_000);
    let (_, _, again) = page(&kept, "/api/stories/s-9/report?format=pdf").await;
    assert!(first == again, "the same data make the same file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_report_is_of_a_time() {
    let kept = Kept::scenario("failures");
    let whole = "/api/report?since=2026-02-14T00:00:00Z&until=2026-02-15T00:00:00Z";
    let (status, _, body) = page(&kept, whole).await;
    let text = String::from_utf8(body).expect("text");
    assert_eq!(status, 200, "{text}");
    for told in
        ["Fleet report", "Failures by cause", "orchestration.task.failed", "orch-agent-response-failed-v3", "s-9"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    let (status, _, body) = page(&kept, "/api/report").await;
    let text = String::from_utf8(body).expect("text");
    assert!(status == 200 && text.contains("No event of any story."), "{status} {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_question_is_told() {
    let kept = Kept::scenario("story");
    for (path, status, told) in [
        ("/api/stories/nobody/report", 404, "this story is not known"),
        ("/api/stories/nobody/report?format=pdf", 404, "this story is not known"),
        ("/api/stories/x/report?format=docx", 400, "html, pdf"),
        ("/api/stories/x/report?since=5m", 400, "`since` is unknown"),
        ("/api/report?since=yesterday", 400, "since"),
        ("/api/report?since=1h&until=2h", 400, "until"),
        ("/api/report?story=x", 400, "since, until, format"),
    ] {
        let (got, headers, body) = page(&kept, path).await;
        let text = String::from_utf8(body).expect("text");
        assert_eq!(
            (got, headers["content-type"].to_str().expect("text")),
            (status, "application/problem+json"),
            "{path}"
        );
        assert!(text.contains(told), "{path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_100_000_events_is_bounded_and_says_what_it_leaves_out() {
    let kept = Kept::holding((1..=100_000).map(|seq| entry(seq, "long")).collect(), Vec::new(), |config| {
        config.http.request_timeout = Duration::from_mins(2);
    });
    let (status, _, body) = page(&kept, "/api/stories/long/report").await;
    let text = String::from_utf8(body).expect("text");
    assert_eq!(status, 200, "{text}");
    assert!(text.len() < 2 << 20, "{} bytes", text.len());
    let listed = text.matches("answer ").count();
    assert!(listed < 5_000, "{listed}");
    assert!(text.contains("events here are not listed") && text.contains("not listed"), "says so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_of_the_fleet_is_markup() {
    let hostile = [
        "<script>alert(1)</script>",
        "#panic(\"no\") $x$ *b*",
        "\u{202e}שלום 😀 漢字",
        "a\0\u{1b}[31mb",
        &"x".repeat(1 << 20),
    ];
    let make = |(n, text): (usize, &&str)| {
        let mut record = with_payload(n as u64 + 1, "bad", "{}".to_owned());
        if let Body::Message(message, resolved) = &mut record.body {
            message.subject = (*text).into();
            message.event_type = (*text).into();
            message.producer = Some((*text).into());
            resolved.summary = (*text).into();
            resolved.ids.agent = Some((*text).into());
            resolved.ids.task = Some((*text).into());
            resolved.violations = vec![(*text).into()];
            resolved.severity = fleetscope::model::Severity::Error;
        }
        record
    };
    let kept = Kept::holding(hostile.iter().enumerate().map(make).collect(), Vec::new(), |_| {});
    let (status, _, body) = page(&kept, "/api/stories/bad/report").await;
    let text = String::from_utf8(body).expect("text");
    assert_eq!(status, 200, "{text}");
    assert!(
        !text.contains("<script")
            && text.contains("&lt;script&gt;")
            && !text.contains('\u{202e}')
            && !text.contains('\0')
    );
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
    if cfg!(feature = "pdf") {
        let (status, _, body) = page(&kept, "/api/stories/bad/report?format=pdf").await;
        assert!(status == 200 && body.starts_with(b"%PDF-"), "{}", String::from_utf8_lossy(&body));
    }
}
