//! The systems beside NATS: each that is configured is asked once.

use std::sync::Arc;

use super::{Findings, Level};
use crate::config::Config;
use crate::privacy::Masker;
use crate::sources::{alerts, gpu, kubernetes, neo4j, orchestrator, ray, valkey, vllm};

/// Asks all of them.
pub(super) async fn examine(config: &Config, findings: &mut Findings) {
    let masker = Arc::new(Masker::new(config.privacy.content, config.privacy.max_payload.0 as usize));
    if config.alerts.is_on() {
        add(findings, "alert", &masker, alerts::probe(config.alerts.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "alert", "alerts.ingest");
    }
    if config.gpu.is_on() {
        add(findings, "gpu", &masker, gpu::probe(config.gpu.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "gpu", "gpu.dcgm_url");
    }
    if config.ray.is_on() {
        add(findings, "ray", &masker, ray::probe(config.ray.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "ray", "ray.url");
    }
    if config.vllm.is_on() {
        add(findings, "vllm", &masker, vllm::probe(config.vllm.clone()).await);
    } else {
        off(findings, "vllm", "vllm.metrics_url");
    }
    if config.kubernetes.is_on() {
        add(findings, "kubernetes", &masker, kubernetes::probe(config.kubernetes.clone()).await);
    } else {
        off(findings, "kubernetes", "kubernetes.namespaces");
    }
    if config.orchestrator.is_on() {
        add(findings, "orchestrator", &masker, orchestrator::probe(config.orchestrator.clone()).await);
    } else {
        off(findings, "orchestrator", "orchestrator.address");
    }
    if config.neo4j.is_on() {
        add(findings, "neo4j", &masker, neo4j::probe(config.neo4j.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "neo4j", "neo4j.uri");
    }
    if config.valkey.is_on() {
        add(findings, "valkey", &masker, valkey::probe(config.valkey.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "valkey", "valkey.url");
    }
}

fn add(findings: &mut Findings, part: &'static str, masker: &Masker, answer: Result<String, String>) {
    // What a system says of itself may hold anything.
    let (level, said) = match answer {
        Ok(detail) => (Level::Ok, detail),
        Err(problem) => (Level::Fail, problem),
    };
    findings.add(part, "source", level, masker.text(&said).into_owned());
}

/// What is not configured is no fault.
fn off(findings: &mut Findings, part: &'static str, key: &str) {
    findings.add(part, "source", Level::Ok, format!("off: {key} is not set"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    #[test]
    fn a_secret_in_what_a_system_says_is_masked() {
        let mut findings = Findings { level: Level::Ok, lines: Vec::new(), nats: None };
        let masker = Masker::new(Content::Summary, 1 << 16);
        for said in [Ok("password=hunter2-and-more".to_owned()), Err("password=hunter2-and-more".to_owned())] {
            add(&mut findings, "gpu", &masker, said);
        }
        let shown = serde_json::to_string(&findings).expect("JSON");
        assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
    }
}
