//! docker-compose.yml, as compose-go, the library behind `docker compose`, reads it.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{documents, read, root, routes, run, secrets, validates, yaml};
use crate::support::tool::{Running, tool};
use crate::support::{free_port, until};

/// Services without a health check, and why that is right.
const WITHOUT_HEALTH: &[(&str, &str)] = &[
    ("tempo", "its image has nothing to ask with"),
    ("loki", "its image has nothing to ask with"),
    ("simulator", "it serves nothing"),
    ("secrets", "it ends"),
    ("plugin", "it ends"),
];

/// What `docker compose --profile demo config` would say, of these files.
fn project_of(files: &str) -> Option<Value> {
    let compose = tool("go/compose")?;
    let told = run(Command::new(compose).args([files, "demo"]));
    Some(serde_json::from_str(&told.expect("the files are valid")).expect("JSON"))
}

/// Everything that may be started at once.
fn project() -> Option<Value> {
    project_of("docker-compose.yml,deploy/compose/logs.yml")
}

fn services(project: &Value) -> impl Iterator<Item = (&str, &Value)> {
    project["services"].as_object().expect("services").iter().map(|(name, service)| (name.as_str(), service))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn words<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    list(value, key).iter().filter_map(Value::as_str).collect()
}

/// What the stack's daemon is told.
fn configuration() -> String {
    read("deploy/compose/fleetscope.toml")
}

/// Ports that a service listens on, by the program in it.
fn port_of(service: &str) -> &'static [u64] {
    match service {
        "fleetscope" => &[8080],
        "prometheus" => &[9090],
        "alertmanager" => &[9093],
        "tempo" => &[3200, 4317, 4318],
        "loki" => &[3100],
        "grafana" => &[3000],
        "nats" => &[4222, 8222],
        _ => &[],
    }
}

/// Whether `http://host:port` is a service of the stack that listens there.
pub(super) fn is_served(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let (host, port) = (url.host_str().unwrap_or_default(), u64::from(url.port().unwrap_or_default()));
    port_of(host).contains(&port)
}

#[test]
fn the_core_starts_without_the_demo() {
    let Some(compose) = tool("go/compose") else { return };
    let told = run(Command::new(compose).arg("docker-compose.yml")).expect("the file is valid without a profile");
    let project: Value = serde_json::from_str(&told).expect("JSON");
    let names: Vec<&str> = services(&project).map(|(name, _)| name).collect();
    assert_eq!(names, ["alertmanager", "fleetscope", "grafana", "plugin", "prometheus", "secrets", "tempo"]);
    assert!(documents(&read("docker-compose.yml"))[0].get("version").is_none(), "`version` is of the past");
}

#[test]
fn images_are_pinned_or_built_here() {
    let Some(project) = project() else { return };
    let dockerfile = read("Dockerfile");
    for (name, service) in services(&project) {
        let image = service["image"].as_str().unwrap_or_else(|| panic!("{name} has no image"));
        let tag = image.rsplit_once(':').map(|(_, tag)| tag).unwrap_or_default();
        assert!(tag.matches('.').count() >= 2 && tag.contains(char::is_numeric), "{name}: {image} names no release");
        if let Some(target) = service["build"]["target"].as_str() {
            assert!(dockerfile.contains(&format!(" AS {target}\n")), "{name}: the Dockerfile has no target {target}");
            assert_eq!(service["pull_policy"], "build", "{name}: somebody else's image of that name could be pulled");
            assert!(image.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))), "{name}: {image} is not this version");
        }
    }
}

#[test]
fn nothing_is_open_to_others_and_nobody_may_more_than_needed() {
    let Some(project) = project() else { return };
    for (name, service) in services(&project) {
        for port in list(service, "ports") {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name} is published to the network");
            let target = port["target"].as_u64().expect("a port");
            assert!(port_of(name).contains(&target), "{name} does not listen on {target}");
        }
        assert_eq!(service["read_only"], true, "{name} may write to its image");
        assert_eq!(words(service, "cap_drop"), ["ALL"], "{name} has rights it does not need");
        assert_eq!(words(service, "security_opt"), ["no-new-privileges:true"], "{name}");
        assert!(service.get("privileged").is_none() && service.get("cap_add").is_none() || name == "secrets", "{name}");
    }
}

#[test]
fn what_is_mounted_is_there_and_cannot_be_changed() {
    let Some(project) = project() else { return };
    for (name, service) in services(&project) {
        for mount in list(service, "volumes") {
            let (source, target) = (mount["source"].as_str().expect("a source"), &mount["target"]);
            if mount["type"] == "volume" {
                assert!(project["volumes"].get(source).is_some(), "{name}: no volume {source}");
                let secret = source.starts_with("secrets-") && name != "secrets";
                assert!(!secret || mount["read_only"] == true, "{name} may change {source}");
                continue;
            }
            assert_eq!(mount["read_only"], true, "{name} may change {source}");
            let path = std::path::Path::new(source).strip_prefix(root()).expect("within the repository");
            let there = root().join(path).exists();
            assert!(there, "{name}: {source} is not there");
            assert!(target.as_str().is_some_and(|t| t.starts_with('/')), "{name}: {target}");
        }
    }
}

#[test]
fn who_waits_for_health_waits_for_one_that_tells_it() {
    let Some(project) = project() else { return };
    for (name, service) in services(&project) {
        let excused = WITHOUT_HEALTH.iter().any(|(without, _)| *without == name);
        assert_eq!(service.get("healthcheck").is_none(), excused, "{name}");
        for (needed, how) in service["depends_on"].as_object().into_iter().flatten() {
            let other = &project["services"][needed];
            match how["condition"].as_str() {
                Some("service_healthy") => assert!(other.get("healthcheck").is_some(), "{name} waits for {needed}"),
                Some("service_completed_successfully") => {
                    assert!(other.get("restart").is_none(), "{needed} never ends, and {name} waits for it");
                }
                condition => assert_eq!(condition, Some("service_started"), "{name}"),
            }
            let core_needs_demo = service.get("profiles").is_none() && other.get("profiles").is_some();
            assert!(!core_needs_demo || how["required"] == false, "{name} cannot start without the demo");
        }
    }
}

#[test]
fn the_configurations_are_valid() {
    let toml = configuration();
    let example = read("deploy/compose/fleetscope.env.example");
    let lines = example.lines().filter(|line| !line.starts_with('#'));
    let variables: Vec<_> =
        lines.map(|line| line.split_once('=').expect("NAME=value")).map(|(n, v)| (n.into(), v.into())).collect();
    assert!(variables.len() >= 5, "the example is empty");
    validates(&toml, &[]).expect("valid as it is");
    validates(&toml, &variables).expect("valid with the example");
    let unknown = [("FLEETSCOPE_NATS__URI".to_owned(), "nats://nats".to_owned())];
    validates(&toml, &unknown).expect_err("a wrong name in the environment is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_starts_with_its_configuration_and_secrets() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let home = tempfile::tempdir().expect("a folder");
    secrets::made(home.path());
    let listen = format!("127.0.0.1:{}", free_port());
    let folder = |name: &str| home.path().join(name).display().to_string();
    let text = configuration()
        .replace("0.0.0.0:8080", &listen)
        .replace("/run/secrets", &folder("secrets/fleetscope"))
        .replace("/var/lib/fleetscope", &folder("data"));
    let file = folder("fleetscope.toml");
    std::fs::write(&file, text).expect("written");
    let command = |what: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetscope"));
        command.args([what, "--config", &file]).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let _daemon = Running(command("run").spawn().expect("it starts"));
    // As the health check of docker-compose.yml asks, though neither NATS nor Tempo is there.
    until("it is ready", Duration::from_secs(30), || async { command("ready").status().is_ok_and(|s| s.success()) })
        .await;
    let token = std::fs::read_to_string(folder("secrets/grafana/viewer_token")).expect("made");
    let ask = reqwest::Client::new().get(format!("http://{listen}/api/events"));
    let answers = [ask.try_clone().expect("a request").bearer_auth(token), ask];
    for (request, status) in answers.into_iter().zip([200, 401]) {
        assert_eq!(request.send().await.expect("an answer").status(), status);
    }
}

#[test]
fn every_panel_can_be_shown_alive() {
    let Some(project) = project_of("docker-compose.yml,deploy/compose/showcase.yml") else { return };
    let daemon = &project["services"]["fleetscope"];
    assert_eq!(words(daemon, "command")[0], "demo");
    assert!(words(daemon, "tmpfs").contains(&"/tmp"), "the simulated systems keep files there");
    assert_eq!(list(daemon, "ports").len(), 1, "the rest is as it was");
}

#[test]
fn events_reach_loki_and_grafana_asks_it() {
    let (Some(project), Some(core)) = (project(), project_of("docker-compose.yml")) else { return };
    assert!(core["services"].get("loki").is_none(), "Loki is only there where it is wanted");
    let told = project["services"]["fleetscope"]["environment"].as_object().expect("variables");
    let told: Vec<_> = told.iter().map(|(n, v)| (n.clone(), v.as_str().expect("text").to_owned())).collect();
    validates(&configuration(), &told).expect("valid with the overlay");
    let endpoint = told.iter().find(|(name, _)| name == "FLEETSCOPE_LOGS__ENDPOINT").expect("it is set");
    assert!(is_served(&endpoint.1) && endpoint.1.ends_with("/otlp/v1/logs"), "{}", endpoint.1);

    let source = &yaml("deploy/grafana/provisioning/logs/fleetscope-logs.yaml")["datasources"][0];
    assert_eq!(source["uid"], "fleetscope-loki");
    assert!(is_served(source["url"].as_str().expect("a url")));
    let derived = &source["jsonData"]["derivedFields"][0];
    assert_eq!((&derived["matcherRegex"], &derived["datasourceUid"]), (&"trace_id".into(), &"fleetscope-tempo".into()));
    assert_eq!(yaml("deploy/loki/loki.yaml")["server"]["http_listen_port"], 3100);
}

#[test]
fn the_simulator_understands_what_it_is_told() {
    let Some(project) = project() else { return };
    let simulator = &project["services"]["simulator"];
    let told = words(simulator, "command").into_iter().map(|word| word.replace("nats:4222", "127.0.0.1:1"));
    let output = Command::new(env!("CARGO_BIN_EXE_fleetscope")).args(told).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    // Nobody listens there; an option it did not know would be refused with status 2 before that.
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("127.0.0.1:1"), "{said}");
}

#[test]
fn the_parts_find_each_other() {
    let Some(project) = project() else { return };
    let config: toml_edit::DocumentMut = read("deploy/compose/fleetscope.toml").parse().expect("TOML");
    let text = |section: &str, key: &str| config[section][key].as_str().expect("text").to_owned();
    assert!(is_served(&text("nats", "url")) && is_served(&text("otlp", "endpoint")));
    assert!(text("http", "listen").ends_with(":8080"));
    let writes = ["http", "journal"].map(|s| text(s, if s == "http" { "tokens_file" } else { "path" }));
    let mounts = list(&project["services"]["fleetscope"], "volumes");
    for path in writes {
        let within = |mount: &Value| mount["target"].as_str().is_some_and(|target| path.starts_with(target));
        assert!(mounts.iter().any(within), "{path} is on no volume");
    }

    let tempo = yaml("deploy/tempo/tempo.yaml");
    assert_eq!(tempo["server"]["http_listen_port"], 3200);
    assert_eq!(tempo["query_frontend"]["query_end_cutoff"], "1s");
    let protocols = &tempo["distributor"]["receivers"]["otlp"]["protocols"];
    assert_eq!(
        (&protocols["grpc"]["endpoint"], &protocols["http"]["endpoint"]),
        (&"0.0.0.0:4317".into(), &"0.0.0.0:4318".into())
    );
    let written = tempo["metrics_generator"]["storage"]["remote_write"][0]["url"].as_str().expect("a url");
    assert!(is_served(written) && written.ends_with("/api/v1/write"));
    let prometheus = words(&project["services"]["prometheus"], "command");
    assert!(prometheus.contains(&"--web.enable-remote-write-receiver"), "what Tempo writes would be refused");

    assert!(read("alerts/alertmanager.yml").contains("http://fleetscope:8080/ingest/alertmanager"));
    assert!(routes().iter().any(|route| route == "/ingest/alertmanager"));
}
