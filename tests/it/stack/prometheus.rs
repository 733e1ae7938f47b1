//! deploy/prometheus/prometheus.yml: promtool takes it, and the real Prometheus reads a daemon with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{documents, read, root, routes, run, secrets, yaml};
use crate::support::tool::{Running, tool};
use crate::support::{free_port, until};

const CONFIG: &str = "deploy/prometheus/prometheus.yml";
const BOUND: Duration = Duration::from_mins(1);

/// The configuration as it is mounted, rules beside it, with these addresses for those of the stack.
fn laid_out(home: &Path, addresses: &[(&str, &str)]) -> PathBuf {
    fs::create_dir_all(home.join("rules")).expect("a folder");
    let rules = fs::read_dir(root().join("alerts")).into_iter().flatten().map(|entry| entry.expect("readable").path());
    for file in rules.filter(|path| path.to_string_lossy().ends_with(".rules.yaml")) {
        fs::copy(&file, home.join("rules").join(file.file_name().expect("a name"))).expect("copied");
    }
    let text = addresses.iter().fold(read(CONFIG), |text, (from, to)| {
        assert!(text.contains(from), "{CONFIG} does not name {from}");
        text.replace(from, to)
    });
    let file = home.join("prometheus.yml");
    fs::write(&file, text).expect("written");
    file
}

#[test]
fn promtool_takes_the_configuration() {
    let Some(promtool) = tool("deb/usr/bin/promtool") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let file = laid_out(home.path(), &[]);
    run(Command::new(promtool).args(["check", "config", "--lint=all", "--lint-fatal"]).arg(file)).expect("it is valid");
}

#[test]
fn what_is_scraped_is_served() {
    for job in yaml(CONFIG)["scrape_configs"].as_array().expect("jobs") {
        let path = job["metrics_path"].as_str().unwrap_or("/metrics");
        assert!(job["job_name"] != "fleetscope" || routes().iter().any(|route| route == path), "{path}");
        for target in job["static_configs"][0]["targets"].as_array().expect("targets") {
            let target = target.as_str().expect("an address").replace("localhost", "prometheus");
            assert!(super::compose::is_served(&format!("http://{target}/")), "nobody listens at {target}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_prometheus_reads_a_daemon_with_it() {
    let Some(prometheus) = tool("deb/usr/bin/prometheus") else { return };
    // The HTTP client of this test needs one; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let home = tempfile::tempdir().expect("a folder");
    let (daemon, own) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    secrets::made(home.path());
    // As deploy/compose/showcase.yml starts it, but for addresses and folders.
    let command = &yaml("deploy/compose/showcase.yml")["services"]["fleetscope"]["command"];
    let told = command.as_array().expect("arguments").iter().map(|word| {
        let word = word.as_str().expect("text").replace("0.0.0.0:8080", &daemon).replace("tempo:4317", "127.0.0.1:1");
        let of_mine = |folder: &str| home.path().join(folder).display().to_string();
        word.replace("/run/secrets", &of_mine("secrets/fleetscope")).replace("/var/lib/fleetscope", &of_mine("data"))
    });
    let demo = Command::new(env!("CARGO_BIN_EXE_fleetscope")).args(told).stdout(Stdio::null()).spawn();
    let _demo = Running(demo.expect("the daemon starts"));
    let ready = || async {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetscope"));
        run(command.arg("ready").env("FLEETSCOPE_HTTP__LISTEN", &daemon)).is_ok()
    };
    until("the daemon is ready", BOUND, ready).await;
    let refused = reqwest::get(format!("http://{daemon}/api/events")).await.expect("an answer").status();
    assert_eq!(refused, 401, "only /metrics is open");

    let config = laid_out(home.path(), &[("fleetscope:8080", &daemon), ("localhost:9090", &own)]);
    // As docker-compose.yml starts it, but for its folders.
    let compose = documents(&read("docker-compose.yml"));
    let arguments = compose[0]["services"]["prometheus"]["command"].as_array().expect("arguments").iter();
    let arguments = arguments.map(|word| {
        let word = word.as_str().expect("text");
        word.replace("/etc/prometheus/prometheus.yml", &config.display().to_string())
            .replace("path=/prometheus", &format!("path={}", home.path().join("prometheus").display()))
    });
    let log = fs::File::create(home.path().join("log")).expect("a log");
    let started =
        Command::new(prometheus).args(arguments).arg(format!("--web.listen-address={own}")).stderr(log).spawn();
    let _prometheus = Running(started.expect("it starts"));

    let asked = |path: &'static str| {
        let url = format!("http://{own}{path}");
        async move { serde_json::from_str::<Value>(&reqwest::get(url).await.ok()?.text().await.ok()?).ok() }
    };
    until("the daemon is a target that is up", BOUND, || async {
        let page = asked("/api/v1/targets").await?;
        let targets = page["data"]["activeTargets"].as_array()?.iter();
        let mut own = targets.filter(|target| target["labels"]["job"] == "fleetscope");
        (own.next()?["health"] == "up").then_some(())
    })
    .await;
    until("what the daemon counts is there", BOUND, || async {
        let page = asked("/api/v1/query?query=sum(fleet_events_total)").await?;
        page["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok().filter(|events| *events > 0.0)
    })
    .await;
    let rules = asked("/api/v1/rules").await.expect("rules");
    let loaded = rules["data"]["groups"].as_array().expect("groups").len();
    assert!(loaded > 0, "the rules are not loaded: {rules}");
    let written = reqwest::Client::new().post(format!("http://{own}/api/v1/write")).body("no metrics").send().await;
    assert_eq!(written.expect("an answer").status(), 400, "it takes no metrics from Tempo: 404 would say so");
}
