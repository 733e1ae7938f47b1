//! What pods use, by `metrics.k8s.io`, where the cluster has it. That it has not is normal.

use std::collections::HashMap;
use std::time::Duration;

use kube::Client;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::watching::Told;
use crate::model::Text;

/// How often to ask. The server itself measures every 15 to 60 seconds.
const EVERY: Duration = Duration::from_secs(30);
/// How often to look for it where it is not.
const ABSENT: Duration = Duration::from_mins(5);
/// Longest time an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Cores and bytes by pod.
pub(super) type Used = HashMap<Text, (f64, f64)>;

#[derive(Deserialize)]
struct PodMetricsList {
    items: Vec<PodMetrics>,
}

#[derive(Deserialize)]
struct PodMetrics {
    metadata: Metadata,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
struct Container {
    usage: HashMap<String, String>,
}

/// Asks until nobody listens.
pub(super) async fn follow(client: Client, namespace: Text, told: mpsc::Sender<Told>) {
    loop {
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods");
        let request = http::Request::get(path).body(Vec::new());
        let Ok(request) = request else { return };
        let asked = tokio::time::timeout(DEADLINE, client.request::<PodMetricsList>(request)).await;
        let (used, pause) = match asked {
            Ok(Ok(list)) => (sums(list), EVERY),
            // What was measured before says nothing of now.
            _ => (Used::new(), ABSENT),
        };
        if told.send(Told::Used(namespace.clone(), used)).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

fn sums(list: PodMetricsList) -> Used {
    let each = |pod: PodMetrics| {
        let sum = |key: &str| pod.containers.iter().filter_map(|c| quantity(c.usage.get(key)?)).sum::<f64>();
        let used = (sum("cpu"), sum("memory"));
        (Text::from(pod.metadata.name), used)
    };
    list.items.into_iter().map(each).collect()
}

/// A quantity of Kubernetes: `12m`, `345Ki`, `1.5`.
fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|n| n * factor).filter(|n| n.is_finite() && *n >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_in_base_units() {
        let close =
            |text, expected: f64| quantity(text).is_some_and(|n| (n - expected).abs() < 1e-9 * expected.max(1.0));
        assert!(close("12m", 0.012) && close("1500000n", 0.0015) && close("2", 2.0) && close("345Ki", 353_280.0));
        assert_eq!((quantity("x"), quantity("1Zi"), quantity("-1")), (None, None, None));
        let page = r#"{"kind":"PodMetricsList","items":[{"metadata":{"name":"a"},"containers":[
            {"name":"x","usage":{"cpu":"250m","memory":"1Mi"}},{"name":"y","usage":{"cpu":"1","memory":"1Mi"}}]}]}"#;
        let used = sums(serde_json::from_str(page).expect("a page"));
        assert_eq!(used[&Text::from("a")], (1.25, 2_097_152.0));
    }
}
