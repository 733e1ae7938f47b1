//! vLLM by what it was seen to say: its page of metrics, its spans, its log. No model runs here.

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use serde_json::{Value, json};

use super::faults::{comes_and_goes, started, survived, token_rotates};
use crate::servers::moody::{Moody, PATIENCE};
use crate::servers::nats::{NatsServer, binaries};
use crate::support::daemon::Daemon;
use crate::support::{free_port, until};

const PAGE: &str = include_str!("../../fixtures/vllm/metrics.txt");
const REQUESTS: &[u8] = include_bytes!("../../fixtures/vllm/requests.pb");
const ROUTE: &str = "/api/metrics/vllm";
const MODEL: &str = "Qwen/Qwen3-0.6B";
/// Longest time until a request is settled: its window, and the time an answer may be fresh.
const SETTLED: Duration = Duration::from_secs(40);

async fn server() -> (Moody, Vec<(&'static str, String)>) {
    let server = Moody::start().await;
    server.page("/metrics", "text/plain", PAGE);
    let variables = vec![
        ("FLEETSCOPE_VLLM__METRICS_URL", server.url("/metrics")),
        ("FLEETSCOPE_VLLM__POLL_INTERVAL", "500ms".to_owned()),
        ("FLEETSCOPE_VLLM__TIMEOUT", "1s".to_owned()),
    ];
    (server, variables)
}

fn shown(page: &Value) -> bool {
    page["items"]
        .as_array()
        .is_some_and(|models| models.len() == 1 && models[0]["model"] == MODEL && models[0]["prompt_tokens"] == 1510.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_the_metrics_is_named_and_survived() {
    let (mut server, variables) = server().await;
    survived("vllm", &mut server, ROUTE, &variables, shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_and_goes_is_found_again() {
    let (mut server, variables) = server().await;
    comes_and_goes("vllm", &mut server, ROUTE, &variables, shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_found() {
    let (server, variables) = server().await;
    token_rotates(&server, ROUTE, "FLEETSCOPE_VLLM__TOKEN_FILE", &variables, shown).await;
}

fn receiving() -> Vec<(&'static str, String)> {
    vec![("FLEETSCOPE_VLLM__OTLP", "true".to_owned()), ("FLEETSCOPE_VLLM__JOIN_WINDOW", "5s".to_owned())]
}

/// The captured export, its times moved so that the last request ended `ago` before now.
fn export(ago: Duration) -> ExportTraceServiceRequest {
    let mut export = ExportTraceServiceRequest::decode(REQUESTS).expect("a capture");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").saturating_sub(ago).as_nanos() as u64;
    let spans = || export.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    let last = spans().map(|s| s.end_time_unix_nano).max().expect("a span");
    for span in export.resource_spans.iter_mut().flat_map(|r| &mut r.scope_spans).flat_map(|s| &mut s.spans) {
        for time in [&mut span.start_time_unix_nano, &mut span.end_time_unix_nano] {
            *time = now - (last - *time);
        }
    }
    export
}

async fn post(daemon: &Daemon, kind: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    post_by(&reqwest::Client::new(), daemon, kind, body).await
}

async fn post_by(
    client: &reqwest::Client,
    daemon: &Daemon,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, String) {
    let url = format!("http://{}/v1/traces", daemon.http);
    let request = client.post(url).header("content-type", kind).body(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.unwrap_or_default())
}

async fn requests(daemon: &Daemon, query: &str) -> Vec<Value> {
    let page = daemon.json(&format!("/api/llm/requests{query}")).await.expect("the route answers");
    page["items"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_becomes_part_of_its_story() {
    let Some(binary) = binaries().into_iter().next() else { panic!("no nats-server") };
    let nats = NatsServer::start(&binary, "");
    let js = async_nats::jetstream::new(async_nats::connect(nats.url()).await.expect("connected"));
    let config = async_nats::jetstream::stream::Config {
        name: "AGENT_RESPONSES".to_owned(),
        subjects: vec!["agent.response.>".to_owned()],
        ..Default::default()
    };
    js.create_stream(config).await.expect("created");
    let (metrics, mut variables) = server().await;
    variables.extend(receiving());
    variables.push(("FLEETSCOPE_NATS__URL", nats.url()));
    variables.push(("FLEETSCOPE_COST__PRICES", "Qwen/*=1/2".to_owned()));
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &variables).await;
    until("the model is known", PATIENCE, || async { daemon.json(ROUTE).await.is_some_and(|p| shown(&p)) }).await;
    // The first captured request took 67 tokens.
    let (status, said) =
        post(&daemon, "application/x-protobuf", export(Duration::from_millis(200)).encode_to_vec()).await;
    assert_eq!((status, said.len()), (200, 0), "{said}");
    let task = "ceremony-BRC-1:story-s-1:role-DEV";
    let body = json!({
        "task_id": task, "agent_id": "agent-dev-001", "role": "DEV", "status": "completed", "duration_ms": 1500,
        "num_agents": 1, "proposal": {"tokens": 67, "content": "x", "author_id": "agent-dev-001"}, "model": "Qwen3-0.6B",
    });
    js.publish("agent.response.completed", body.to_string().into()).await.expect("sent").await.expect("stored");
    until("seven requests are shown", PATIENCE, || async { requests(&daemon, "").await.len() == 7 }).await;
    until("all are settled", SETTLED, || async { requests(&daemon, "?join=open").await.is_empty() }).await;
    let joined = requests(&daemon, "?join=inferred").await;
    assert_eq!(joined.len(), 1, "{joined:?}");
    let one = &joined[0];
    assert_eq!((&one["request_id"], &one["model"]), (&"chatcmpl-req-stream-5".into(), &MODEL.into()));
    assert_eq!(
        (&one["agent_id"], &one["story_id"], &one["role"]),
        (&"agent-dev-001".into(), &"s-1".into(), &"DEV".into())
    );
    assert_eq!((&one["input_tokens"], &one["output_tokens"]), (&43.into(), &24.into()));
    assert_eq!(requests(&daemon, "?story=s-1").await.len(), 1);
    assert_eq!(requests(&daemon, "?join=none&limit=2").await.len(), 2);
    let story = until("the story is told", PATIENCE, || async {
        daemon.json("/api/stories/s-1").await.filter(|s| s["llm"]["requests"] == 1)
    })
    .await;
    let llm = &story["llm"];
    assert_eq!((&llm["inferred_share"], &llm["currency"]), (&1.0.into(), &"USD".into()), "{llm}");
    assert!((llm["cost"].as_f64().expect("money") - (43.0 + 48.0) / 1e6).abs() < 1e-9, "{llm}");
    let spans = daemon.get("/api/events?source=vLLM&limit=100").await.expect("events");
    assert!(spans.contains("llm.request.joined"), "{spans}");
    let counted = format!("fleet_llm_requests_total{{council=\"DEV\",model=\"{MODEL}\",outcome=\"completed\"}}");
    assert_eq!(daemon.sample(&counted).await, Some(1.0));
    let tokens = format!("fleet_llm_tokens_total{{council=\"unknown\",direction=\"input\",model=\"{MODEL}\"}}");
    assert!(daemon.sample(&tokens).await > Some(0.0));
    drop(metrics);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_is_told_once_also_after_a_kill() {
    let journal = tempfile::tempdir().expect("a folder");
    let sent = export(Duration::from_secs(1)).encode_to_vec();
    let mut lives = 0;
    while lives < 2 {
        let daemon = started(journal.path(), &receiving()).await;
        for _ in 0..2 {
            assert_eq!(post(&daemon, "application/x-protobuf", sent.clone()).await.0, 200);
        }
        until("they are settled", SETTLED, || async {
            let all = requests(&daemon, "").await;
            all.len() == 7 && all.iter().all(|r| r["join"] == "none")
        })
        .await;
        let events = daemon.json("/api/events?source=vLLM&limit=100").await.expect("events");
        assert_eq!(events["items"].as_array().map(Vec::len), Some(7), "life {lives}: {events}");
        daemon.kill();
        lives += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_as_well_and_gzip_is_unpacked() {
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &receiving()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let span = |id: &str, trace: &str| {
        json!({"traceId": trace, "spanId": id, "name": "llm_request", "kind": 2,
            "startTimeUnixNano": (now - 2_000_000_000).to_string(), "endTimeUnixNano": (now - 1_000_000_000).to_string(),
            "attributes": [{"key": "gen_ai.request.id", "value": {"stringValue": format!("chatcmpl-{id}")}},
                {"key": "gen_ai.usage.prompt_tokens", "value": {"intValue": "5"}}]})
    };
    let export = |spans: Vec<Value>| json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let (status, said) =
        post(&daemon, "application/json; charset=utf-8", export(vec![span("b7ad6b7169203331", trace)])).await;
    assert_eq!(status, 200, "{said}");
    let (status, said) =
        post(&daemon, "application/json", export(vec![span("", trace), span("b7ad6b7169203332", "")])).await;
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((status, &said["partialSuccess"]["rejectedSpans"]), (200, &"2".into()), "{said}");
    let packed = gzip(export(vec![span("b7ad6b7169203333", trace)]).as_bytes());
    let url = format!("http://{}/v1/traces", daemon.http);
    let client = reqwest::Client::new();
    let send = |body: Vec<u8>| {
        let request = client.post(&url).header("content-type", "application/json").header("content-encoding", "gzip");
        request.body(body).send()
    };
    assert_eq!(send(packed).await.expect("an answer").status(), 200);
    until("two requests are shown", PATIENCE, || async { requests(&daemon, "").await.len() == 2 }).await;
    // A bomb: 256 MiB of nothing in 256 KiB.
    let answer = send(gzip(&vec![b' '; 256 << 20])).await.expect("an answer");
    assert_eq!(answer.status(), 413);
    assert_eq!(send(b"no gzip".to_vec()).await.expect("an answer").status(), 400);
    assert!(daemon.get("/live").await.is_some());
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(body).expect("memory");
    packed.finish().expect("memory")
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_refused_with_a_word_and_hurt_nobody() {
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), &receiving()).await;
    for (kind, body, code, said) in [
        ("application/x-protobuf", b"\xff\xff".to_vec(), 400, "ExportTraceServiceRequest"),
        ("application/json", b"{\"resourceSpans\":[{".to_vec(), 400, "JSON"),
        ("application/json", vec![b'['; 1 << 20], 400, "JSON"),
        ("text/plain", b"hello".to_vec(), 415, "text/plain"),
        ("application/x-protobuf", vec![0; 100 << 20], 413, "MiB"),
    ] {
        let url = format!("http://{}/v1/traces", daemon.http);
        let answer = reqwest::Client::new().post(url).header("content-type", kind).body(body).send().await;
        // A body that is far too long may be answered before all of it was sent.
        let Ok(answer) = answer else {
            assert_eq!(code, 413);
            continue;
        };
        assert_eq!(answer.status().as_u16(), code, "{kind}");
        let text = answer.text().await.unwrap_or_default();
        assert!(text.contains(said), "{kind}: {text}");
    }
    // Half a body, and then nothing.
    let mut half = tokio::net::TcpStream::connect(&daemon.http).await.expect("connected");
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"res",
        daemon.http
    );
    tokio::io::AsyncWriteExt::write_all(&mut half, head.as_bytes()).await.expect("written");
    drop(half);
    // A flood of all of it at once. One client: to make one takes longer than a request.
    let client = reqwest::Client::new();
    let good = export(Duration::from_secs(1)).encode_to_vec();
    let flood = (0..200).map(|n| {
        let body = if n % 2 == 0 { b"\xff".to_vec() } else { good.clone() };
        post_by(&client, &daemon, "application/x-protobuf", body)
    });
    let answers = futures::future::join_all(flood).await;
    assert!(answers.iter().all(|(code, _)| matches!(code, 200 | 400 | 503)), "{answers:?}");
    until("it still works", PATIENCE, || async { requests(&daemon, "").await.len() == 7 }).await;
    assert_eq!(daemon.answer("/v1/traces").await.map(|(code, _)| code), Some(405));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_unless_configured_or_without_a_token() {
    let journal = tempfile::tempdir().expect("a folder");
    let none: [(&str, String); 0] = [];
    let daemon = started(journal.path(), &none).await;
    let (code, said) = post(&daemon, "application/json", "{}").await;
    assert!(code == 404 && said.contains("vllm.otlp"), "{code} {said}");
    drop(daemon);
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "viewer abcdefghijklmnop\n").expect("written");
    let port = free_port();
    let mut variables = receiving();
    variables.push(("FLEETSCOPE_HTTP__TOKENS_FILE", tokens.display().to_string()));
    variables.push(("FLEETSCOPE_VLLM__OTLP_LISTEN", format!("127.0.0.1:{port}")));
    let daemon = started(&folder.path().join("journal"), &variables).await;
    assert_eq!(post(&daemon, "application/json", "{}").await.0, 401);
    let url = format!("http://{}/v1/traces", daemon.http);
    let request = reqwest::Client::new().post(url).header("content-type", "application/json").body("{}");
    assert_eq!(request.bearer_auth("abcdefghijklmnop").send().await.expect("an answer").status(), 200);
    let mut client = until("gRPC answers", PATIENCE, || async {
        TraceServiceClient::connect(format!("http://127.0.0.1:{port}")).await.ok()
    })
    .await;
    let refused = client.export(export(Duration::from_secs(1))).await.expect_err("no token");
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    // As collectors send it, which pack what they send unless told otherwise.
    let mut client = client.send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let mut request = tonic::Request::new(export(Duration::from_secs(1)));
    request.metadata_mut().insert("authorization", "Bearer abcdefghijklmnop".parse().expect("ascii"));
    let answer = client.export(request).await.expect("taken").into_inner();
    assert_eq!(answer.partial_success, None);
    let taken = r#"fleetscope_events_total{outcome="journaled",source="vllm"}"#;
    until("its requests are in the history", PATIENCE, || async { daemon.sample(taken).await == Some(7.0) }).await;
    assert!(daemon.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_request_is_told_by_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("server.log");
    std::fs::write(&log, "").expect("written");
    let variables = [("FLEETSCOPE_VLLM__LOG_FILE", log.display().to_string())];
    let daemon = started(&folder.path().join("journal"), &variables).await;
    until("the log is followed", PATIENCE, || async {
        daemon.get("/status").await.is_some_and(|status| status.contains("follows"))
    })
    .await;
    std::fs::write(&log, include_str!("../../fixtures/vllm/server.txt")).expect("written");
    until("two requests were aborted", PATIENCE, || async { requests(&daemon, "").await.len() == 2 }).await;
    let all = requests(&daemon, "").await;
    assert!(all.iter().all(|r| r["status"] == "aborted" && r["join"] == "none"), "{all:?}");
    let counted = "fleet_llm_requests_total{council=\"unknown\",model=\"unknown\",outcome=\"aborted\"}";
    assert_eq!(daemon.sample(counted).await, Some(2.0));
}
