//! Every object of chart and manifests, taken by a real API server (a dry run: nothing is made).

use std::path::Path;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Discovery, Scope};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

use super::{chart, documents, root};
use crate::servers::kubernetes::server;

async fn apply(client: &Client, kinds: &Discovery, object: &Value, params: &PatchParams) -> Result<(), String> {
    let object: DynamicObject = serde_json::from_value(object.clone()).map_err(|e| format!("{e}: {object}"))?;
    let types = object.types.as_ref().ok_or("no kind")?;
    let kind = GroupVersionKind::try_from(types).map_err(|e| e.to_string())?;
    let (resource, capabilities) = kinds.resolve_gvk(&kind).ok_or_else(|| format!("no such kind: {kind:?}"))?;
    let api: Api<DynamicObject> = match (capabilities.scope, object.namespace()) {
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), &namespace, &resource),
        (Scope::Namespaced, None) => return Err(format!("{} {} names no namespace", kind.kind, object.name_any())),
    };
    let made = api.patch(&object.name_any(), params, &Patch::Apply(&object)).await;
    made.map(drop).map_err(|e| format!("{} {}: {e}", kind.kind, object.name_any()))
}

/// The kinds of Prometheus Operator that the chart uses, as the operator defines them.
fn definitions() -> Option<Vec<Value>> {
    ["servicemonitors", "prometheusrules"]
        .iter()
        .map(|kind| crate::support::tool::tool(&format!("crds/monitoring.coreos.com_{kind}.yaml")))
        .map(|file| Some(documents(&std::fs::read_to_string(file?).expect("readable")).remove(0)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_takes_every_object() {
    let Some(definitions) = definitions() else { return };
    let Some(server) = server().await else { return };
    let client = server.client().await;
    let really = PatchParams::apply("stack-tests").force();
    let kinds = Discovery::new(client.clone()).run().await.expect("kinds");
    for definition in &definitions {
        apply(&client, &kinds, definition, &really).await.expect("defined");
    }
    for name in ["swe-ai-fleet", "ray", "monitoring"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        apply(&client, &kinds, &namespace, &really).await.expect("made");
    }
    // A kind is served a moment after it is defined.
    let all_known = || async {
        let kinds = Discovery::new(client.clone()).run().await.ok()?;
        let known =
            |kind: &str| kinds.resolve_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", kind)).is_some();
        (known("ServiceMonitor") && known("PrometheusRule")).then_some(kinds)
    };
    let kinds = crate::support::until("the kinds are served", std::time::Duration::from_secs(30), all_known).await;

    let dry = PatchParams { dry_run: true, field_validation: Some(kube::api::ValidationDirective::Strict), ..really };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for values in chart::valid() {
        for object in chart::objects(&values).into_iter().flatten() {
            seen += 1;
            wrong.extend(apply(&client, &kinds, &object, &dry).await.err().map(|why| format!("{values}: {why}")));
        }
    }
    for file in manifests(&root().join("deploy/k8s")) {
        for object in documents(&std::fs::read_to_string(&file).expect("readable")) {
            seen += 1;
            wrong.extend(
                apply(&client, &kinds, &object, &dry).await.err().map(|why| format!("{}: {why}", file.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 40, "only {seen} objects");
    let unknown =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "ray"}, "dada": {}});
    apply(&client, &kinds, &unknown, &dry).await.expect_err("the server is strict");
}

/// The YAML files of a folder and those in it, the values left out.
pub(super) fn manifests(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if path.extension().is_some_and(|e| e == "yaml") && !path.ends_with("values.yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}
