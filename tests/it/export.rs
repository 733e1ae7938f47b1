//! Export and import by the command line: a run is handed to a colleague, and what a bad day can do to the file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fleetscope::journal::{Embedded, Journal};
use fleetscope::model::Record;
use tempfile::TempDir;

use crate::support::daemon::Daemon;
use crate::support::tool::Running;
use crate::support::{free_port, until};

/// A folder with the journal of a simulated fleet, every system of it.
fn run_of_a_fleet() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = format!("127.0.0.1:{}", free_port());
    let mut demo = Command::new(env!("CARGO_BIN_EXE_fleetscope"))
        .args(["demo", "--speed", "50", "--listen", &listen, "--keep"])
        .arg(folder.path().join("run"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the demo starts");
    let end = std::time::Instant::now() + Duration::from_mins(2);
    let stop = |demo: &mut std::process::Child| {
        Command::new("kill").args(["-TERM", &demo.id().to_string()]).status().expect("kill is there");
        demo.wait().expect("ended");
    };
    // The history it begins with is there once it answers.
    while std::net::TcpStream::connect(&listen).is_err() {
        assert!(std::time::Instant::now() < end, "the demo does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let page = ureq(&listen, "/metrics");
        if crate::support::daemon::sum(&page, "fleet_events_total") > 500.0 {
            break;
        }
        assert!(std::time::Instant::now() < end, "the demo is slow");
    }
    stop(&mut demo);
    folder
}

/// A page over a plain connection.
fn ureq(address: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut page = String::new();
    let _ = stream.read_to_string(&mut page);
    page
}

fn fleetscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fleetscope")).args(arguments).output().expect("it runs")
}

fn done(arguments: &[&str]) -> Output {
    let output = fleetscope(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).expect("readable").lines().map(str::to_owned).collect()
}

fn records(folder: &Path) -> Vec<Arc<Record>> {
    let journal = Embedded::open_to_read(folder).expect("readable").expect("there");
    journal.read(0, usize::MAX, usize::MAX).expect("records")
}

struct Files(TempDir);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// `replay --serve`: the files' history with a whole API of its own.
async fn shown_on_a_page(file: &Path, entries: usize) {
    let listen = format!("127.0.0.1:{}", free_port());
    let serve = Command::new(env!("CARGO_BIN_EXE_fleetscope"))
        .args(["replay", text(file), "--serve", "--listen", &listen])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _serve = Running(serve.expect("it starts"));
    let path = format!("http://{listen}/api/events/facets?by=source");
    let counted = until("the page's API answers", Duration::from_mins(1), async || {
        reqwest::get(&path).await.ok()?.text().await.ok()
    });
    let counted: serde_json::Value = serde_json::from_str(&counted.await).expect("JSON");
    assert_eq!(counted["entries"].as_u64(), Some(entries as u64), "{counted}");
    // Time stands still: what was open when the file was made is not ended by the time of day it is looked at.
    let newest = async || {
        let page =
            reqwest::get(format!("http://{listen}/status")).await.expect("an answer").text().await.expect("text");
        let status: serde_json::Value = serde_json::from_str(&page).expect("JSON");
        status["journal"]["last_seq"].as_u64().expect("a sequence")
    };
    let last = records(file.parent().expect("a folder").join("run").as_path()).last().map(|record| record.seq);
    assert_eq!(Some(newest().await), last, "records were added");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_handed_to_a_colleague() {
    let files = Files(tokio::task::spawn_blocking(run_of_a_fleet).await.expect("a run"));
    let (run, all) = (files.path("run"), files.path("all.ndjson"));
    done(&["export", "--journal", text(&run), "--output", text(&all)]);
    let whole = records(&run);
    assert!(whole.len() > 500 && whole.iter().any(|r| r.delivery().is_some()));
    assert!(whole.iter().any(|r| !r.spans.is_empty()));
    assert_eq!(lines(&all).iter().filter(|line| line.starts_with("{\"seq\"")).count(), whole.len());

    let copy = files.path("copy");
    done(&["import", text(&all), "--journal", text(&copy)]);
    assert!(records(&copy) == whole, "records differ");
    let again = files.path("again.ndjson");
    done(&["export", "--journal", text(&copy), "--output", text(&again)]);
    assert_eq!(lines(&again)[1..], lines(&all)[1..], "exporting again gives the same lines");

    // Played from the file, with no server: what is in it, once and in order.
    let played = done(&["replay", text(&all), "--speed", "max", "--json"]);
    let seq = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["seq"].as_u64();
    let played: Vec<_> = String::from_utf8_lossy(&played.stdout).lines().map(seq).collect();
    let entries: Vec<_> = whole.iter().filter(|r| r.entry().is_some()).map(|r| Some(r.seq)).collect();
    assert!(played == entries, "{} of {} events are played", played.len(), entries.len());
    shown_on_a_page(&all, entries.len()).await;

    // While a daemon has it, it is asked; without sources it shows what was imported.
    let daemon = Daemon::start(&copy, &[("FLEETSCOPE_JOURNAL__RETAIN_AGE", "3650d")]);
    daemon.ready().await;
    let shown = daemon.json("/api/events?limit=1&order=asc").await.expect("events");
    assert_eq!(shown["items"][0]["seq"].as_u64(), whole.iter().find(|r| r.entry().is_some()).map(|r| r.seq));
    let refused = fleetscope(&["export", "--journal", text(&copy), "--output", text(&files.path("x"))]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--url"), "{refused:?}");
    let (url, asked) = (format!("http://{}", daemon.http), files.path("asked.ndjson.zst"));
    let output = tokio::task::spawn_blocking(move || {
        let output = done(&["export", "--url", &url, "--output", text(&asked)]);
        (output, zstd::decode_all(std::fs::File::open(&asked).expect("there")).expect("zstd"))
    });
    let (told, unpacked) = output.await.expect("run");
    assert!(String::from_utf8_lossy(&told.stderr).contains("entries"), "{told:?}");
    let unpacked = String::from_utf8(unpacked).expect("text");
    let same = lines(&all);
    let held = same.iter().filter(|line| line.starts_with("{\"seq\""));
    assert!(unpacked.lines().skip(1).zip(held).all(|(left, right)| left == right), "the daemon gives other lines");
    assert!(daemon.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_cut_is_gone_on_with() {
    let files = Files(tokio::task::spawn_blocking(run_of_a_fleet).await.expect("a run"));
    let (run, all) = (files.path("run"), files.path("all.ndjson"));
    done(&["export", "--journal", text(&run), "--output", text(&all)]);
    let bytes = std::fs::read(&all).expect("readable");
    let records_of = |path: &Path| lines(path).into_iter().filter(|l| l.starts_with("{\"seq\"")).collect::<Vec<_>>();
    let daemon = Daemon::start(&files.path("copy"), &[("FLEETSCOPE_JOURNAL__RETAIN_AGE", "3650d")]);
    daemon.ready().await;
    // In the header's line, in the middle of a record, at the end of one, in the end's line.
    let cuts = [bytes.len() / 3, bytes.len() / 2, bytes.len() - 10];
    for (n, cut) in cuts.into_iter().enumerate() {
        let file = files.path(&format!("cut-{n}.ndjson"));
        std::fs::write(format!("{}.part", file.display()), &bytes[..cut]).expect("written");
        done(&["export", "--journal", text(&run), "--output", text(&file), "--resume"]);
        assert_eq!(records_of(&file), records_of(&all), "cut at {cut}");
        let copy = files.path(&format!("copy-{n}"));
        done(&["import", text(&file), "--journal", text(&copy)]);
        assert!(records(&copy) == records(&run));
    }
    let file = files.path("other.ndjson");
    std::fs::write(format!("{}.part", file.display()), &bytes[..bytes.len() / 2]).expect("written");
    for (arguments, told) in [
        (vec!["--journal", text(&run), "--story", "s-1"], "another filter"),
        (vec!["--url", &format!("http://{}", daemon.http)], "another journal"),
    ] {
        let mut all = vec!["export", "--resume", "--output", text(&file)];
        all.extend(arguments);
        let refused = fleetscope(&all);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(told), "{said}");
        assert!(!file.exists(), "half a file has no name");
    }
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_told_with_a_remedy() {
    let files = Files(tempfile::tempdir().expect("a folder"));
    let (there, missing) = (files.path("there"), files.path("missing"));
    std::fs::write(&there, "mine").expect("written");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let out = files.path("out.ndjson");
    for (arguments, told) in [
        (vec!["export", "--output", text(&there)], "--force"),
        (vec!["export", "--output", text(&out), "--url", &nobody], "is a daemon running there"),
        (vec!["export", "--output", text(&out), "--url", "ftp://x"], "neither http nor https"),
        (vec!["export", "--output", text(&out), "--journal", text(&missing)], "there is no journal"),
        (vec!["export", "--output", text(&out), "--resume"], "cannot be opened"),
        (vec!["export", "--output", "-", "--resume"], "standard output"),
        (vec!["import", text(&missing), "--journal", text(&out)], "cannot be read"),
        (vec!["import", text(&there), "--journal", text(&files.path("j"))], "header"),
    ] {
        let output = fleetscope(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_to_string(&there).expect("readable"), "mine");
    assert!(!out.exists() && !files.path("out.ndjson.part").exists(), "nothing half is left");
}
