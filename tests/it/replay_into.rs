//! `replay --into-nats` and `--into-otlp`: a daemon's history, in a server and a backend that never saw it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use futures::StreamExt as _;

use crate::servers::nats::{NatsServer, binaries};
use crate::support::backend::Backend;
use crate::support::daemon::Daemon;
use crate::support::{free_port, until};

const BOUND: Duration = Duration::from_mins(1);
const MESSAGES: u64 = 300;

async fn fleetscope(arguments: Vec<String>) -> Output {
    let run = move || Command::new(env!("CARGO_BIN_EXE_fleetscope")).args(&arguments).output().expect("it runs");
    tokio::task::spawn_blocking(run).await.expect("it ends")
}

async fn replay(daemon: &Daemon, arguments: &[&str]) -> (Option<i32>, String) {
    let from = ["replay", "--url", &format!("http://{}", daemon.http)].map(str::to_owned);
    let all = from.into_iter().chain(arguments.iter().map(|argument| (*argument).to_owned()));
    let output = fleetscope(all.collect()).await;
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn body(n: u64) -> String {
    format!("{{\"story_id\":\"US-{}\",\"n\":{n},\"text\":\"a \\\"quoted\\\" ünïcode text\"}}", n % 7)
}

/// A fleet's server with its history so far.
async fn fleet(server: &NatsServer) -> jetstream::Context {
    let client = async_nats::connect(server.url()).await.expect("a client");
    let jetstream = jetstream::new(client);
    for (name, subject) in [("PLANNING_EVENTS", "planning.>"), ("AGENT_RESPONSES", "agent.response.>")] {
        let config =
            stream::Config { name: name.to_owned(), subjects: vec![subject.to_owned()], ..stream::Config::default() };
        jetstream.create_stream(config).await.expect("a stream");
    }
    for n in 0..MESSAGES {
        let subject = if n % 3 == 0 { "agent.response.completed" } else { "planning.story.created" };
        jetstream.publish(subject, body(n).into()).await.expect("sent").await.expect("stored");
    }
    jetstream
}

/// Subject and body of each message of a stream, in order.
async fn held(jetstream: &jetstream::Context, name: &str) -> Vec<(String, String)> {
    let stream = jetstream.get_stream(name).await.expect("the stream");
    let count = usize::try_from(stream.cached_info().state.messages).expect("few");
    let config = jetstream::consumer::pull::OrderedConfig::default();
    let messages = stream.create_consumer(config).await.expect("a consumer").messages().await.expect("messages");
    let each = |message: Result<jetstream::Message, _>| {
        let message = message.expect("a message");
        let headers = message.headers.clone().unwrap_or_default();
        assert_eq!(headers.get("Fleetscope-Replay").map(ToString::to_string).as_deref(), Some("1"));
        (message.subject.to_string(), String::from_utf8(message.payload.to_vec()).expect("text"))
    };
    let taken = messages.take(count).map(|m| each(m.map_err(|e| e.to_string()))).collect();
    tokio::time::timeout(BOUND, taken).await.expect("all of them come")
}

async fn watched(server: &NatsServer, backend: &Backend, journal: &Path) -> Daemon {
    let daemon = Daemon::start(
        journal,
        &[
            ("FLEETSCOPE_NATS__URL", server.url()),
            ("FLEETSCOPE_OTLP__ENDPOINT", backend.url()),
            ("FLEETSCOPE_OTLP__SETTLE", "500ms".to_owned()),
        ],
    );
    daemon.ready().await;
    until("the history is journaled", BOUND, async || {
        daemon.sample("fleet_events_total").await.filter(|events| *events >= MESSAGES as f64)
    })
    .await;
    daemon
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_is_published_under_a_prefix_and_never_into_the_fleet() {
    for binary in binaries() {
        let (folder, backend) = (tempfile::tempdir().expect("a folder"), Backend::start().await);
        let (own, other) = (NatsServer::start(&binary, ""), NatsServer::start(&binary, ""));
        let jetstream = fleet(&own).await;
        let daemon = watched(&own, &backend, folder.path()).await;
        let messages =
            async |name: &str| jetstream.get_stream(name).await.expect("the stream").cached_info().state.messages;
        let before = (messages("PLANNING_EVENTS").await, messages("AGENT_RESPONSES").await);

        for (arguments, told) in [
            (vec!["--into-nats", &own.url()], "looks like the fleet's own server"),
            (vec!["--into-nats", &own.url(), "--create-stream", "X"], "looks like the fleet's own server"),
            (vec!["--into-nats", &other.url(), "--prefix", "planning"], "--prefix"),
            (vec!["--into-nats", &other.url(), "--type", "no.such.*"], "nothing"),
            (vec!["--into-nats", &format!("nats://127.0.0.1:{}", free_port())], "no connection to"),
        ] {
            let (code, said) = replay(&daemon, &arguments).await;
            assert_eq!(code, Some(1), "{arguments:?}: {said}");
            assert!(said.contains(told), "{arguments:?}: {said}");
        }
        let url = other.url();
        let arguments = ["--into-nats", &url, "--create-stream", "AGAIN", "--speed", "max"];
        let (code, said) = replay(&daemon, &arguments).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("{MESSAGES} of {MESSAGES} messages published, {MESSAGES} of them")), "{said}");
        let there = jetstream::new(async_nats::connect(other.url()).await.expect("a client"));
        let again = held(&there, "AGAIN").await;
        // Of one stream in its order; what came of two may come in any.
        for (of, subject) in [(0, "replay.agent.response.completed"), (1, "replay.planning.story.created")] {
            let bodies: Vec<_> = again.iter().filter(|(s, _)| s == subject).map(|(_, body)| body.clone()).collect();
            let sent: Vec<_> = (0..MESSAGES).filter(|n| (n % 3 == 0) == (of == 0)).map(body).collect();
            assert_eq!(bodies, sent, "{subject}");
        }
        // Once more: the server has them already.
        let (code, said) = replay(&daemon, &arguments).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("0 of them stored, {MESSAGES} were there already")), "{said}");
        assert_eq!(held(&there, "AGAIN").await.len() as u64, MESSAGES);
        // What fits a filter, into nothing that stores it.
        let (code, said) = replay(&daemon, &["--into-nats", &url, "--prefix", "x", "--story", "US-1"]).await;
        assert!(code == Some(0) && said.contains("no stream of"), "{said}");
        // With the switch, where nothing of the fleet's reads it.
        let (code, said) = replay(&daemon, &["--into-nats", &own.url(), "--speed", "max", "--even-the-fleet"]).await;
        assert_eq!(code, Some(0), "{said}");
        assert_eq!((messages("PLANNING_EVENTS").await, messages("AGENT_RESPONSES").await), before);
        assert!(daemon.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_gets_the_traces_it_lost_with_the_ids_they_had() {
    let Some(binary) = binaries().into_iter().next() else { return };
    let (folder, first) = (tempfile::tempdir().expect("a folder"), Backend::start().await);
    let server = NatsServer::start(&binary, "");
    fleet(&server).await;
    let daemon = watched(&server, &first, folder.path()).await;
    let sent = || first.kept(|kept| kept.spans.clone());
    until("spans are sent", BOUND, async || (sent().len() as u64 >= MESSAGES).then_some(())).await;
    let early = sent();

    let second = Backend::start().await;
    let url = second.url();
    let (code, said) = replay(&daemon, &["--into-otlp", &url]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("spans sent, 0 refused"), "{said}");
    let again = second.kept(|kept| kept.spans.clone());
    assert!(early.keys().all(|id| again.contains_key(id)), "{} of {} spans came back", again.len(), early.len());
    // The daemon sends what closed meanwhile, too: the same bytes under the same ids.
    until("both have the same", BOUND, async || {
        let sent = sent();
        again.iter().all(|(id, hash)| sent.get(id) == Some(hash)).then_some(())
    })
    .await;
    // Of an exported file, with no daemon at all.
    let file = folder.path().join("run.ndjson").display().to_string();
    let daemon_url = format!("http://{}", daemon.http);
    let exported = fleetscope(["export", "--url", &daemon_url, "--output", &file].map(str::to_owned).into()).await;
    assert!(exported.status.success(), "{exported:?}");
    assert!(daemon.stop().await.success());
    let told = fleetscope(["replay", &file, "--into-otlp", &url].map(str::to_owned).into()).await;
    assert!(told.status.success(), "{told:?}");
    assert_eq!(second.kept(|kept| kept.changed.clone()), Vec::<String>::new());
    // A backend that is not there is told at once.
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let told = fleetscope(["replay", &file, "--into-otlp", &nobody].map(str::to_owned).into()).await;
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.code() == Some(1) && said.contains("is not available"), "{said}");
}
