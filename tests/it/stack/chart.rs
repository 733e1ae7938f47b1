//! The chart, rendered and linted by the real helm.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{documents, root, routes, run, validates, yaml};
use crate::support::tool::tool;

const CHART: &str = "deploy/helm/fleetscope";
const VALUES: &str = "tests/fixtures/chart";
/// The version that is rendered for; a helm of our own building takes an old one otherwise.
const KUBE: &str = "1.30.0";

/// What helm makes of a file of values, as text.
pub(super) fn template(values: &str) -> Option<Result<String, String>> {
    let helm = tool("go/helm")?;
    let arguments =
        ["template", "fleetscope", CHART, "--namespace", "swe-ai-fleet", "--kube-version", KUBE, "--values", values];
    Some(run(Command::new(helm).args(arguments)))
}

/// The same as objects.
pub(super) fn objects(values: &str) -> Option<Vec<Value>> {
    template(values).map(|told| documents(&told.unwrap_or_else(|e| panic!("{values}: {e}"))))
}

fn files(prefix: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join(VALUES)).expect("fixtures");
    let paths = folder.map(|entry| entry.expect("readable").path());
    paths.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))).collect()
}

pub(super) fn valid() -> Vec<String> {
    let mut found: Vec<_> = files("values-").iter().map(|path| path.display().to_string()).collect();
    found.push(root().join("deploy/k8s/values.yaml").display().to_string());
    found
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn toml(objects: &[Value]) -> &str {
    let configs = of_kind(objects, "ConfigMap");
    configs.iter().find_map(|map| map["data"]["fleetscope.toml"].as_str()).expect("a configuration")
}

#[test]
fn helm_finds_nothing_wrong() {
    let Some(helm) = tool("go/helm") else { return };
    for values in valid() {
        run(Command::new(&helm).args(["lint", "--strict", CHART, "--kube-version", KUBE, "--values", &values]))
            .expect(&values);
    }
}

#[test]
fn wrong_values_are_refused_by_the_schema() {
    let bad = files("invalid-");
    assert!(bad.len() >= 6, "only {} bad files", bad.len());
    for file in bad {
        let text = std::fs::read_to_string(&file).expect("readable");
        let expected = text.lines().next().and_then(|l| l.strip_prefix("# expect: ")).expect("first line says it");
        let Some(told) = template(&file.display().to_string()) else { return };
        let told = told.expect_err(&file.display().to_string());
        assert!(told.contains(expected), "{}:\nexpected {expected}\ntold     {told}", file.display());
    }
}

#[test]
fn every_configuration_it_writes_is_valid() {
    for values in valid() {
        let Some(objects) = objects(&values) else { return };
        let text = toml(&objects);
        validates(text, &[]).unwrap_or_else(|e| panic!("{values}: {e}\n{text}"));
    }
}

#[test]
fn credentials_are_files_of_secrets_that_are_there() {
    for values in valid() {
        let Some(objects) = objects(&values) else { return };
        assert!(of_kind(&objects, "Secret").is_empty(), "{values}: a chart's values are no place for a secret");
        let set = of_kind(&objects, "StatefulSet")[0];
        let pod = &set["spec"]["template"]["spec"];
        let mounts = pod["containers"][0]["volumeMounts"].as_array().expect("mounts");
        let volumes = pod["volumes"].as_array().expect("volumes");
        let config: toml_edit::DocumentMut = toml(&objects).parse().expect("TOML");
        let mut seen = 0;
        for (section, keys) in config.iter() {
            for (key, path) in keys.as_table().expect("a section").iter().filter(|(key, _)| key.ends_with("_file")) {
                let (folder, file) = path.as_str().expect("a path").rsplit_once('/').expect("absolute");
                let mount =
                    mounts.iter().find(|m| m["mountPath"] == folder).unwrap_or_else(|| panic!("{section}.{key}"));
                let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).expect("its volume");
                assert_eq!((&mount["readOnly"], &volume["secret"]["items"][0]["path"]), (&true.into(), &file.into()));
                seen += 1;
            }
        }
        assert!(seen >= 1, "{values}: no token, and the daemon would not start");
    }
}

#[test]
fn the_pod_may_nothing_and_is_asked_what_it_serves() {
    for values in valid() {
        let Some(objects) = objects(&values) else { return };
        let set = of_kind(&objects, "StatefulSet")[0];
        assert_eq!(set["spec"]["replicas"], 1, "two processes cannot share a history");
        let pod = &set["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["runAsUser"], 65532, "the user of the image");
        let rights = &container["securityContext"];
        assert_eq!(
            (&rights["readOnlyRootFilesystem"], &rights["allowPrivilegeEscalation"]),
            (&true.into(), &false.into())
        );
        assert_eq!(rights["capabilities"]["drop"][0], "ALL");
        let watches = toml(&objects).contains("[kubernetes]");
        assert_eq!(
            pod["automountServiceAccountToken"], watches,
            "{values}: a token without a use, or none where needed"
        );
        for (probe, route) in [("startupProbe", "/live"), ("livenessProbe", "/live"), ("readinessProbe", "/ready")] {
            let asked = &container[probe];
            let by_command = asked["exec"]["command"][1] == "ready";
            assert!(
                by_command || asked["httpGet"]["path"] == route && asked["httpGet"]["port"] == "http",
                "{probe}: {asked}"
            );
            assert!(routes().iter().any(|served| served == route));
        }
        let checksum = set["spec"]["template"]["metadata"]["annotations"]["checksum/config"].as_str();
        assert!(checksum.is_some_and(|sum| sum.len() == 64), "a new configuration would wait for the next restart");
        let names: Vec<_> = container["ports"].as_array().expect("ports").iter().map(|port| &port["name"]).collect();
        for service in of_kind(&objects, "Service") {
            let ports = service["spec"]["ports"].as_array().expect("ports");
            assert!(ports.iter().all(|port| names.contains(&&port["targetPort"])), "{values}: {ports:?}");
        }
    }
}

#[test]
fn dashboards_and_rules_go_along() {
    let Some(objects) = objects(&root().join(VALUES).join("values-full.yaml").display().to_string()) else { return };
    let rules = of_kind(&objects, "PrometheusRule");
    assert_eq!(rules.len(), 1);
    for rule in rules {
        assert_eq!(rule["spec"], yaml("alerts/fleet.rules.yaml"), "the rules are not those of alerts/");
    }
    let monitor = of_kind(&objects, "ServiceMonitor")[0];
    assert!(routes().iter().any(|route| monitor["spec"]["endpoints"][0]["path"] == route.as_str()));
    let maps = of_kind(&objects, "ConfigMap");
    let boards: Vec<_> = maps.iter().filter(|map| map["metadata"]["labels"]["grafana_dashboard"] == "1").collect();
    let there =
        std::fs::read_dir(root().join("dashboards")).into_iter().flatten().map(|entry| entry.expect("readable").path());
    let is_board = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|v| v["panels"].is_array());
    let there = there.filter(|path| {
        path.extension().is_some_and(|e| e == "json") && is_board(&std::fs::read_to_string(path).expect("readable"))
    });
    assert_eq!(boards.len(), there.count());
    for (name, text) in boards.iter().flat_map(|map| map["data"].as_object().expect("data")) {
        let board: Value = serde_json::from_str(text.as_str().expect("text")).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(board["uid"].as_str().is_some_and(|uid| uid.starts_with("fleetscope-")), "{name}");
        assert!(text.as_str().expect("text").len() < 900 << 10, "{name} is too big for a ConfigMap");
    }
    let sources = maps.iter().find_map(|map| map["data"]["fleetscope.yaml"].as_str()).expect("data sources");
    let sources = documents(sources).pop().expect("a document");
    let url = |at: usize| sources["datasources"][at]["url"].as_str().expect("a url").to_owned();
    assert_eq!(url(0), "https://fleetscope.swe-ai-fleet.svc:8080");
    assert_eq!(url(1), "http://kube-prometheus-stack-prometheus.monitoring:9090");
    assert!(maps.iter().any(|map| map["data"]["fleetscope-plugin.yaml"].is_string()), "the app is not enabled");
    let interval = &monitor["spec"]["endpoints"][0]["interval"];
    assert_eq!(&sources["datasources"][1]["jsonData"]["timeInterval"], interval);
}
