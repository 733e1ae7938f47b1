//! A full disk under a running daemon: it says so, takes nothing, and goes on where it was once there is room; told to
//! stop meanwhile, it does.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::servers::nats::{NatsServer, binaries};
use crate::support::daemon::Daemon;
use crate::support::stories::{Published, STREAM, all_records, judge_history, publish, serve};
use crate::support::until;

/// Longest wait for anything but an end.
const BOUND: Duration = Duration::from_secs(30);
/// The sources end by themselves: after 8 s they would be let go by force.
const GRACE: Duration = Duration::from_secs(6);

/// A small file system in memory, with a file on it that takes what room there is.
struct Disk(TempDir);

impl Disk {
    /// Where nothing can be mounted the test is passed by, and says so; where `CI` is set that is a failure.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a folder");
        let place = dir.path().to_str().expect("UTF-8");
        let mounted = as_root("mount", &["-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", place]);
        assert!(mounted || std::env::var_os("CI").is_none(), "a tmpfs must be mountable, as root or by sudo");
        if !mounted {
            let _ = writeln!(std::io::stderr(), "no tmpfs can be mounted: not tested");
        }
        mounted.then(|| Self(dir))
    }

    fn journal(&self) -> PathBuf {
        self.0.path().join("journal")
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    fn fill(&self) {
        let file = File::create(self.ballast()).expect("room for a name");
        let full = (0..).find_map(|n| file.write_all_at(&[0; 4096], n * 4096).err());
        let kind = full.map(|error| error.kind());
        assert_eq!(kind, Some(std::io::ErrorKind::StorageFull));
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("it was filled");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        as_root("umount", &["--lazy", self.0.path().to_str().expect("UTF-8")]);
    }
}

fn as_root(program: &str, arguments: &[&str]) -> bool {
    let done = |command: &mut Command| command.args(arguments).output().is_ok_and(|o| o.status.success());
    done(&mut Command::new(program)) || done(Command::new("sudo").args(["-n", program]))
}

/// A fleet that publishes, and a daemon whose disk is full.
struct World {
    disk: Disk,
    daemon: Daemon,
    log: PathBuf,
    variables: [(&'static str, String); 2],
    stop: Arc<AtomicBool>,
    publisher: JoinHandle<Published>,
    server: NatsServer,
    js: jetstream::Context,
}

impl World {
    async fn start() -> Option<Self> {
        let binary = binaries().into_iter().next()?;
        let disk = Disk::mount()?;
        let (server, js) = serve(&binary).await;
        // The log says what a person would read at the default level.
        let variables =
            [("FLEETSCOPE_NATS__URL", server.url()), ("FLEETSCOPE_LOG__FILTER", "fleetscope=info".to_owned())];
        let log = server.dir().join("daemon.log");
        let file = File::create(&log).expect("a file");
        let daemon = Daemon::saying(Stdio::from(file), &disk.journal(), &variables);
        daemon.ready().await;
        let (stop, publisher) = publishing(&js);
        let world = Self { disk, daemon, log, variables, stop, publisher, server, js };
        until("events are journaled", BOUND, || async { world.journaled().await > Some(1000.0) }).await;
        world.disk.fill();
        Some(world)
    }

    async fn journaled(&self) -> Option<f64> {
        self.daemon.sample("fleetscope_events_total{outcome=\"journaled\"").await
    }

    async fn refusals(&self) -> f64 {
        self.daemon.sample("fleetscope_journal_errors_total{reason=\"disk_full\"}").await.unwrap_or(0.0)
    }

    /// The last record of the history, as the API knows it.
    async fn last(&self) -> u64 {
        let status = self.daemon.json("/status").await.expect("it answers");
        status["journal"]["last_seq"].as_u64().expect("a number")
    }

    /// Waits until the daemon says that its disk is full.
    async fn refused(&self) {
        let body = until("the daemon is not ready", BOUND, || async {
            self.daemon.answer("/ready").await.filter(|(status, _)| *status == 503).map(|(_, body)| body)
        })
        .await;
        let told: Value = serde_json::from_str(&body).expect("JSON");
        let part = &told["not_ready"][0];
        assert_eq!((&part["part"], &part["health"]), (&"journal".into(), &"down".into()), "{body}");
        assert!(part["detail"].as_str().is_some_and(|d| d.contains("disk is full")), "{body}");
        assert_eq!(self.daemon.sample("fleetscope_journal_writable").await, Some(0.0));
        assert!(self.refusals().await > 0.0);
    }

    /// How many messages the server has stored.
    async fn stored(&self) -> u64 {
        let mut stream = self.js.get_stream(STREAM).await.expect("there");
        stream.info().await.expect("there").state.messages
    }

    async fn published(self) -> (Disk, Daemon, Published, NatsServer) {
        self.stop.store(true, Ordering::Relaxed);
        let published = self.publisher.await.expect("the publisher ends");
        (self.disk, self.daemon, published, self.server)
    }
}

fn publishing(js: &jetstream::Context) -> (Arc<AtomicBool>, JoinHandle<Published>) {
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = tokio::spawn(publish(js.clone(), Arc::clone(&stop)));
    (stop, publisher)
}

/// All that was published is in the history, once.
async fn all_is_there(daemon: Daemon, journal: &Path, published: &Published) {
    let end = published.last().expect("something was published").0;
    until("the source has read everything", BOUND, || async {
        let status = daemon.json("/status").await?;
        status["positions"].as_array()?.iter().any(|p| p["seq"].as_u64() >= Some(end)).then_some(())
    })
    .await;
    assert!(daemon.stop().await.success(), "the daemon ends in order");
    judge_history(&all_records(journal), published);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_outlived() {
    let Some(world) = World::start().await else { return };
    world.refused().await;
    let (last, refusals) = (world.last().await, world.refusals().await);
    until("it tries again and again", BOUND, || async { world.refusals().await >= refusals + 3.0 }).await;
    assert_eq!(world.last().await, last, "nothing is taken while the disk is full");
    world.disk.free();
    world.daemon.ready().await;
    until("it takes again", BOUND, || async { world.last().await > last }).await;
    assert_eq!(world.daemon.sample("fleetscope_journal_writable").await, Some(1.0));
    let (disk, daemon, published, _server) = world.published().await;
    all_is_there(daemon, &disk.journal(), &published).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_with_a_full_disk_is_orderly_and_loses_nothing() {
    let Some(world) = World::start().await else { return };
    world.refused().await;
    let (last, stored) = (world.last().await, world.stored().await);
    // Far more batches than may wait for ingest: the source itself is held up.
    until("more is published", BOUND, || async { world.stored().await > stored + 500 }).await;
    let (log, variables) = (world.log.clone(), world.variables.clone());
    let (disk, daemon, published, server) = world.published().await;
    let asked = Instant::now();
    let ended = daemon.stop().await;
    assert!(asked.elapsed() < GRACE, "it took {:?} to stop", asked.elapsed());
    let said = std::fs::read_to_string(log).expect("a log");
    assert_eq!(ended.code(), Some(0), "it ended as it was asked to: {said}");
    assert!(said.contains("not journaled at the end"), "{said}");
    assert!(said.contains("disk is full") && said.contains("stopped"), "{said}");
    disk.free();
    let held = all_records(&disk.journal());
    assert!(held.last().is_some_and(|r| r.seq >= last), "what was journaled is lost");
    assert!(held.iter().filter(|r| r.entry().is_some()).count() < published.len(), "the disk was not full");
    let daemon = Daemon::start(&disk.journal(), &variables[..1]);
    daemon.ready().await;
    all_is_there(daemon, &disk.journal(), &published).await;
    drop(server);
}
