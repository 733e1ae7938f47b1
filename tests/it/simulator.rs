//! The simulated fleet against a real nats-server.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use fleetscope::config;
use fleetscope::sources::simulator::{Era, Faults, Options, RunError, Settings, Summary, catalogue, run_on_nats};
use tokio_util::sync::CancellationToken;

use crate::servers::nats::{NatsServer, binaries};

/// A server of its own for one test.
struct Server {
    child: Child,
    url: String,
    _store: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn binary() -> Option<PathBuf> {
    let listed = std::env::var("FLEETSCOPE_NATS_SERVERS").unwrap_or_default();
    let first = listed.split([':', ',']).next().filter(|path| !path.is_empty()).map(PathBuf::from);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = first
        .into_iter()
        .chain([root.join(".tools/venv/bin/nats-server"), PathBuf::from("/usr/sbin/nats-server")])
        .find(|path| path.is_file());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "no nats-server found");
    found
}

/// A running server, or none where no binary is.
#[expect(clippy::print_stderr, reason = "says why the test did nothing")]
async fn server() -> Option<Server> {
    let Some(binary) = binary() else {
        eprintln!("skipped: no nats-server found; set FLEETSCOPE_NATS_SERVERS");
        return None;
    };
    let store = tempfile::tempdir().expect("temporary directory");
    let port = crate::support::free_port();
    let child = Command::new(binary)
        .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
        .arg(store.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server starts");
    let server = Server { child, url: format!("nats://127.0.0.1:{port}"), _store: store };
    let deadline = Instant::now() + Duration::from_secs(20);
    while async_nats::connect(&server.url).await.is_err() {
        assert!(Instant::now() < deadline, "nats-server does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Some(server)
}

fn options(server: &Server) -> Options {
    Options {
        nats: config::Nats { url: Some(server.url.clone()), ..config::Nats::default() },
        settings: Settings::default(),
        speed: 0.0,
        max_messages: Some(3_000),
        duration: None,
        create_streams: true,
        with_consumers: false,
        check_empty: true,
        stop: CancellationToken::new(),
    }
}

async fn run(options: Options) -> Summary {
    run_on_nats(options, |_| {}).await.expect("the run ends well")
}

/// What a stream says it holds.
async fn state(server: &Server, stream: &str) -> jetstream::stream::Info {
    let client = async_nats::connect(&server.url).await.expect("connects");
    let stream = jetstream::new(client).get_stream(stream).await.expect("exists");
    stream.cached_info().clone()
}

#[tokio::test]
async fn the_fleets_streams_hold_what_the_summary_says() {
    let Some(server) = server().await else { return };
    let settings = Settings { eras: Era::ALL.to_vec(), successors: true, ..Settings::default() };
    let summary = run(Options { settings, ..options(&server) }).await;
    assert!(summary.errors.is_empty(), "{summary:?}");
    let totals = summary.totals();
    assert_eq!(totals.published, 3_000);
    let lost: u64 = summary.published.iter().filter(|(s, _)| catalogue::stream_of(s).is_empty()).map(|(_, n)| n).sum();
    assert!(lost > 0);
    assert_eq!(totals.stored + lost, 3_000);
    for spec in catalogue::STREAMS {
        let info = state(&server, spec.name).await;
        assert_eq!(info.state.messages, summary.stored.get(spec.name).copied().unwrap_or(0), "{}", spec.name);
        assert_eq!(info.config.max_age, spec.max_age);
        assert_eq!(info.config.max_messages, spec.max_messages);
        assert_eq!(info.config.subjects, spec.subjects);
    }
}

#[tokio::test]
async fn its_consumers_ack_refuse_forget_and_give_up() {
    let Some(server) = server().await else { return };
    let faults = Faults {
        nak_loop: 0.5,
        nak_loop_length: 12,
        terminated: 0.05,
        forgotten: 0.0,
        stalled_consumer: 0.0,
        bad_message: 0.0,
        ..Faults::default()
    };
    let settings = Settings { faults, ..Settings::default() };
    let summary = run(Options { settings, with_consumers: true, max_messages: Some(1_500), ..options(&server) }).await;
    assert!(summary.errors.is_empty(), "{summary:?}");
    let answers = summary.totals().answers;
    assert!(answers.acked > 500 && answers.nacked > 50 && answers.terminated > 0, "{answers:?}");

    let client = async_nats::connect(&server.url).await.expect("connects");
    let jetstream = jetstream::new(client);
    let mut names = BTreeSet::new();
    for durable in catalogue::DURABLES {
        let stream = jetstream.get_stream(durable.stream).await.expect("exists");
        let info = stream.consumer_info(durable.name).await.expect("exists");
        names.insert(info.name.clone());
        assert_eq!(info.config.filter_subject, durable.filter);
        let wanted = summary.published.get(durable.filter).copied().unwrap_or(0);
        if durable.stale {
            assert_eq!(info.num_pending, wanted, "nobody pulls from {}", durable.name);
            continue;
        }
        assert_eq!(info.num_pending, 0, "{} took everything", durable.name);
        // What the workflow raised on waits for its ack wait, as in the fleet.
        let counted = summary.answers.get(durable.name).copied().unwrap_or_default();
        assert_eq!(info.num_ack_pending as u64, counted.forgotten, "{}", durable.name);
        assert_eq!(counted.acked + counted.terminated + counted.forgotten, wanted, "{}", durable.name);
    }
    assert_eq!(names.len(), catalogue::DURABLES.len());
}

#[tokio::test]
async fn a_stream_with_foreign_messages_is_refused() {
    let Some(server) = server().await else { return };
    let first = run(Options { max_messages: Some(200), ..options(&server) }).await;
    assert!(first.errors.is_empty());
    let settings = Settings { seed: 2, ..Settings::default() };
    let again = run(Options { max_messages: Some(200), settings, ..options(&server) }).await;
    assert_eq!(again.totals().published, 200, "its own messages are no hindrance");

    let client = async_nats::connect(&server.url).await.expect("connects");
    let ack = jetstream::new(client).publish("context.events.updated", "{}".into()).await.expect("sent").await;
    ack.expect("stored");
    let before = state(&server, "PLANNING_EVENTS").await.state.messages;
    let refused = run_on_nats(options(&server), |_| {}).await;
    assert!(matches!(&refused, Err(RunError::ForeignMessages { stream }) if stream == "CONTEXT"), "{refused:?}");
    assert_eq!(state(&server, "PLANNING_EVENTS").await.state.messages, before);
    let forced = run(Options { check_empty: false, max_messages: Some(50), ..options(&server) }).await;
    assert_eq!(forced.totals().published, 50);
}

#[tokio::test]
async fn without_streams_nothing_is_stored_and_all_is_counted() {
    let Some(server) = server().await else { return };
    let without = Options { create_streams: false, max_messages: Some(300), ..options(&server) };
    let refused = run_on_nats(without.clone(), |_| {}).await.expect_err("nothing would be stored");
    assert!(refused.to_string().contains("--create-streams"), "{refused}");
    let summary = run(Options { check_empty: false, ..without }).await;
    let totals = summary.totals();
    assert_eq!((totals.published, totals.stored), (300, 0));
    let lost: u64 = summary.published.iter().filter(|(s, _)| catalogue::stream_of(s).is_empty()).map(|(_, n)| n).sum();
    assert_eq!(totals.errors + lost, 300, "{summary:?}");
}

#[tokio::test]
async fn a_paced_run_ends_when_stopped() {
    let Some(server) = server().await else { return };
    let stop = CancellationToken::new();
    let options = Options { speed: 50.0, max_messages: None, stop: stop.clone(), ..options(&server) };
    let ending = stop.clone();
    let running = tokio::spawn(run_on_nats(options, move |progress| {
        if progress.stored > 0 {
            ending.cancel();
        }
    }));
    let summary =
        tokio::time::timeout(Duration::from_mins(1), running).await.expect("ends").expect("runs").expect("well");
    assert!(summary.totals().stored > 0);
}

#[tokio::test]
async fn no_server_is_an_error_that_names_it() {
    let nats = config::Nats { url: Some("nats://127.0.0.1:1".to_owned()), ..config::Nats::default() };
    let options = Options {
        nats,
        settings: Settings::default(),
        speed: 0.0,
        max_messages: Some(1),
        duration: None,
        create_streams: false,
        with_consumers: false,
        check_empty: false,
        stop: CancellationToken::new(),
    };
    let failed = run_on_nats(options, |_| {}).await;
    assert!(failed.is_err_and(|error| error.to_string() == "cannot connect to nats://127.0.0.1:1"));
}

/// A configuration of servers, and how to sign in there: with the content of a file.
type SignIn = (String, String, fn(config::Nats, PathBuf) -> config::Nats);

fn sign_ins() -> Vec<SignIn> {
    let pair = nkeys::KeyPair::new_user();
    let seed = pair.seed().expect("a seed");
    vec![
        ("authorization { token: \"t0ken\" }".to_owned(), "t0ken\n".to_owned(), |nats, file| config::Nats {
            token_file: Some(file),
            ..nats
        }),
        (
            "authorization { users: [ {user: fleet, password: \"a secret \"} ] }".to_owned(),
            "a secret \n".to_owned(),
            |nats, file| config::Nats { user: Some("fleet".to_owned()), password_file: Some(file), ..nats },
        ),
        (
            format!("authorization {{ users: [ {{nkey: {}}} ] }}", pair.public_key()),
            format!("# of the simulated fleet\n{seed}\n"),
            |nats, file| config::Nats { nkey_file: Some(file), ..nats },
        ),
    ]
}

#[tokio::test]
async fn it_signs_in_by_what_files_hold() {
    for binary in binaries() {
        for (authorization, secret, with) in sign_ins() {
            let server = NatsServer::start(&binary, &authorization);
            let file = server.dir().join("secret");
            std::fs::write(&file, secret).expect("written");
            let nats = config::Nats { url: Some(server.url()), ..config::Nats::default() };
            let options = |nats| Options {
                nats,
                settings: Settings::default(),
                speed: 0.0,
                max_messages: Some(50),
                duration: None,
                create_streams: true,
                with_consumers: false,
                check_empty: true,
                stop: CancellationToken::new(),
            };
            let refused = run_on_nats(options(nats.clone()), |_| {}).await;
            assert!(matches!(refused, Err(RunError::Connect { .. })), "{authorization}: {refused:?}");
            let summary = run_on_nats(options(with(nats.clone(), file.clone())), |_| {}).await;
            let summary = summary.unwrap_or_else(|error| panic!("{authorization}: {error:?}"));
            assert_eq!((summary.totals().published, summary.totals().errors), (50, 0), "{authorization}");
            // A file that is not there is named.
            std::fs::remove_file(&file).expect("removed");
            let gone = run_on_nats(options(with(nats, file)), |_| {}).await.expect_err("no secret");
            assert!(format!("{:#}", anyhow::Error::from(gone)).contains("secret cannot be used"), "{authorization}");
        }
    }
}
