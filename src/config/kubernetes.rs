//! `[kubernetes]`: pods, workloads and Ray's objects.

use std::path::PathBuf;
use std::time::Duration;

use super::section::section;

section! {
    /// Kubernetes: pods, deployments, stateful sets, Ray's jobs and clusters. Read only; docs/KUBERNETES.md has the rights.
    pub struct Kubernetes = "kubernetes", check check, {
        /// Namespaces to watch. None = off.
        namespaces: Vec<String> = Vec::new(),
        /// Kubeconfig file. Not set = the service account of the pod Fleetscope runs in.
        kubeconfig: Option<PathBuf> = None,
        /// Context of the kubeconfig. Not set = its current one.
        context: Option<String> = None,
        /// Whether to watch Ray's objects (`RayJob`, `RayCluster`), where the cluster knows them.
        rayjobs: bool = true,
        /// How long a watch may last before it is begun anew. A server that froze is noticed within ten seconds all the same.
        timeout: Duration = Duration::from_secs(30),
    }
}

impl Kubernetes {
    /// Whether a namespace is named.
    pub fn is_on(&self) -> bool {
        !self.namespaces.is_empty()
    }
}

fn check(kubernetes: &Kubernetes) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    let is_name = |name: &String| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !name.is_empty() && name.len() <= 63 && name.bytes().all(fits)
    };
    if let Some(name) = kubernetes.namespaces.iter().find(|name| !is_name(name)) {
        wrong.push((
            "namespaces",
            format!("`{name}` is no name of a namespace: list them one by one, without patterns"),
        ));
    }
    if kubernetes.context.is_some() && kubernetes.kubeconfig.is_none() {
        wrong.push(("context", "name the kubeconfig it is in: kubernetes.kubeconfig".to_owned()));
    }
    if !(Duration::from_secs(5)..=Duration::from_mins(5)).contains(&kubernetes.timeout) {
        wrong.push(("timeout", "write \"5s\" to \"5m\"".to_owned()));
    }
    wrong
}
