//! The systems beside NATS: each that is configured is asked once.

use std::sync::Arc;

use super::{Findings, Level};
use crate::config::Config;
use crate::privacy::Masker;
use crate::sources::{gpu, kubernetes, neo4j, orchestrator, ray, valkey, vllm};

/// Asks all of them.
pub(super) async fn examine(config: &Config, findings: &mut Findings) {
    let masker = Arc::new(Masker::new(config.privacy.content, config.privacy.max_payload.0 as usize));
    if config.gpu.is_on() {
        add(findings, "gpu", gpu::probe(config.gpu.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "gpu", "gpu.dcgm_url");
    }
    if config.ray.is_on() {
        add(findings, "ray", ray::probe(config.ray.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "ray", "ray.url");
    }
    if config.vllm.is_on() {
        add(findings, "vllm", vllm::probe(config.vllm.clone()).await);
    } else {
        off(findings, "vllm", "vllm.metrics_url");
    }
    if config.kubernetes.is_on() {
        add(findings, "kubernetes", kubernetes::probe(config.kubernetes.clone()).await);
    } else {
        off(findings, "kubernetes", "kubernetes.namespaces");
    }
    if config.orchestrator.is_on() {
        add(findings, "orchestrator", orchestrator::probe(config.orchestrator.clone()).await);
    } else {
        off(findings, "orchestrator", "orchestrator.address");
    }
    if config.neo4j.is_on() {
        add(findings, "neo4j", neo4j::probe(config.neo4j.clone(), Arc::clone(&masker)).await);
    } else {
        off(findings, "neo4j", "neo4j.uri");
    }
    if config.valkey.is_on() {
        add(findings, "valkey", valkey::probe(config.valkey.clone(), masker).await);
    } else {
        off(findings, "valkey", "valkey.url");
    }
}

fn add(findings: &mut Findings, part: &'static str, answer: Result<String, String>) {
    match answer {
        Ok(detail) => findings.add(part, "source", Level::Ok, detail),
        Err(problem) => findings.add(part, "source", Level::Fail, problem),
    }
}

/// What is not configured is no fault.
fn off(findings: &mut Findings, part: &'static str, key: &str) {
    findings.add(part, "source", Level::Ok, format!("off: {key} is not set"));
}
