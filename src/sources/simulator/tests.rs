//! The fleet's steps: repeatable, ordered, and as the contract says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::draft::idempotency_key;
use super::*;

fn settings(era: Era) -> Settings {
    Settings { eras: vec![era], ..Settings::default() }
}

fn publishes(settings: Settings, count: usize) -> Vec<Publish> {
    Fleet::new(settings)
        .filter_map(|step| match step.action {
            Action::Publish(publish) => Some(publish),
            Action::Settle(_) | Action::Run(_) => None,
        })
        .take(count)
        .collect()
}

fn json(publish: &Publish) -> serde_json::Value {
    serde_json::from_slice(&publish.body).expect("faultless bodies are JSON")
}

#[test]
fn the_same_seed_gives_the_same_steps() {
    let steps = |seed| Fleet::new(Settings { seed, eras: Era::ALL.to_vec(), ..Settings::default() }).take(5_000);
    assert!(steps(7).eq(steps(7)));
    assert!(!steps(7).eq(steps(8)));
}

#[test]
fn steps_are_ordered_and_numbered() {
    let settings = Settings { eras: Era::ALL.to_vec(), successors: true, ..Settings::default() };
    let (mut last, mut id, mut numbers) = (Duration::ZERO, 0, BTreeMap::new());
    for step in Fleet::new(settings).take(20_000) {
        assert!(step.at >= last, "{:?} after {last:?}", step.at);
        last = step.at;
        if let Action::Publish(publish) = step.action {
            id += 1;
            assert_eq!(publish.id, id);
            let number = numbers.entry(publish.stream).or_insert(0);
            *number += 1;
            assert_eq!(publish.number, *number);
        }
    }
    assert!(id > 1_000);
}

#[test]
fn bodies_are_wrapped_as_their_era_wraps_them() {
    for era in Era::ALL {
        let mut enveloped = BTreeSet::new();
        for publish in publishes(Settings { faults: Faults::NONE, ..settings(era) }, 2_000) {
            let body = json(&publish);
            let is_envelope = body["payload"].is_object() && body["producer"].is_string();
            let request = publish.subject.ends_with("e.request");
            match era {
                Era::A | Era::B => assert!(!is_envelope, "{era} {}", publish.subject),
                Era::D => assert_ne!(is_envelope, request, "{era} {}", publish.subject),
                Era::C if request => assert!(!is_envelope),
                Era::C => {}
            }
            if is_envelope {
                enveloped.insert(publish.subject.clone());
                assert_eq!(body["producer"], publish.from);
                assert_eq!(body["metadata"], serde_json::json!({}));
                assert_eq!(body["idempotency_key"].as_str().map(str::len), Some(64));
                assert_eq!(body["correlation_id"].as_str().map(|id| &id[14..15]), Some("4"), "{body}");
                let head = format!("{{\"event_type\":{},\"payload\":{{", body["event_type"]);
                assert!(publish.body.starts_with(head.as_bytes()), "{}", String::from_utf8_lossy(&publish.body));
            }
        }
        if era == Era::C {
            assert!(enveloped.contains("planning.story.created") && enveloped.contains("workflow.state.changed"));
            assert!(!enveloped.contains("planning.task.created"), "planning's generic publishes are enveloped in D");
        }
    }
}

#[test]
fn agents_of_one_deliberation_share_a_key() {
    let settings = Settings { faults: Faults::NONE, ..settings(Era::D) };
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for publish in publishes(settings, 500) {
        let body = json(&publish);
        if publish.subject == "agent.response.completed.backlog-review.role" {
            let task = body["payload"]["task_id"].as_str().expect("text").to_owned();
            assert_eq!(body["idempotency_key"], idempotency_key("agent.response.completed", &task, None));
            keys.entry(task).or_default().insert(body["payload"]["agent_id"].to_string());
        }
    }
    assert!(keys.values().any(|agents| agents.len() == 3));
    // The key of the contract's third agent sample.
    let task = "ceremony-BRC-8d129527-bf8a-4b91-9f65-22050334b98e:story-s-33284bbc-6573-45fa-a65e-24ec3bc8b820:role-QA";
    let key = "4456c394a8d48a02f00973fed069225b62d78febc6eee91bed12731f4d2771c8";
    assert_eq!(idempotency_key("agent.response.completed", task, None), key);
}

#[test]
fn every_subject_lies_in_its_stream() {
    let settings = Settings { eras: Era::ALL.to_vec(), successors: true, ..Settings::default() };
    for publish in publishes(settings, 5_000) {
        let head = publish.subject.split('.').next().unwrap_or_default();
        let expected = match head {
            "planning" => "PLANNING_EVENTS",
            "context" => "CONTEXT",
            "orchestration" => "ORCHESTRATOR_EVENTS",
            "agent" if publish.subject.starts_with("agent.work.") => "AGENT_WORK",
            "agent" => "AGENT_RESPONSES",
            "workflow" => "WORKFLOW_EVENTS",
            "task" => "task_derivation",
            "workspace" => "WORKSPACE_EVENTS",
            "rehydration" => "REHYDRATION_PROJECTION",
            _ => "",
        };
        assert_eq!(publish.stream, expected, "{}", publish.subject);
        assert!(!publish.subject.contains([' ', '*', '>']), "{}", publish.subject);
    }
}

#[test]
fn every_story_comes_to_its_end() {
    let faults = Faults { bad_message: 0.0, ..Faults::default() };
    let settings = Settings { eras: Era::ALL.to_vec(), faults, ..Settings::default() };
    let (mut begun, mut ended) = (BTreeMap::new(), BTreeSet::new());
    for step in Fleet::new(settings).take(60_000) {
        let Action::Publish(publish) = step.action else { continue };
        let body = json(&publish);
        let payload = body.get("payload").unwrap_or(&body);
        let story = payload["story_id"].as_str().unwrap_or_default().to_owned();
        match publish.subject.as_str() {
            "planning.story.created" => {
                begun.insert(story, step.at);
            }
            "planning.story.transitioned" if payload["to_state"] == "DONE" || payload["to_state"] == "DRAFT" => {
                assert!(ended.insert(story), "a story ends once");
            }
            _ => {}
        }
    }
    let late = begun.values().max().copied().unwrap_or_default().saturating_sub(Duration::from_hours(1));
    let open: Vec<_> = begun.iter().filter(|(story, at)| **at < late && !ended.contains(*story)).collect();
    assert!(ended.len() > 20 && open.is_empty(), "{} ended, {open:?}", ended.len());
}

#[test]
fn every_wanted_message_is_settled_once() {
    let mut open: BTreeMap<(u64, &str), u32> = BTreeMap::new();
    let faults = Faults { nak_loop: 0.5, forgotten: 0.05, terminated: 0.05, ..Faults::default() };
    let mut kinds = BTreeSet::new();
    for step in Fleet::new(Settings { faults, ..settings(Era::D) }).take(50_000) {
        match step.action {
            Action::Publish(publish) => {
                for (_, durable) in catalogue::wanted_by(publish.stream, &publish.subject) {
                    assert!(open.insert((publish.id, durable.name), 0).is_none());
                }
            }
            Action::Settle(settle) => {
                assert!(step.at > settle.published);
                let attempt = open.get_mut(&(settle.of, settle.consumer)).expect("published, and not settled before");
                assert!(settle.attempt >= *attempt && settle.attempt <= Faults::default().nak_loop_length + 1);
                *attempt = settle.attempt;
                kinds.insert(format!("{:?}", settle.kind));
                if matches!(settle.kind, SettleKind::Ack | SettleKind::Term) {
                    open.remove(&(settle.of, settle.consumer));
                }
            }
            Action::Run(run) => assert!(run.end >= step.at),
        }
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    let waiting =
        open.keys().filter(|(_, durable)| !durable.ends_with("-v2") || durable.starts_with("backlog")).count();
    assert!(waiting < 200, "{waiting} never settled");
}

#[test]
fn catalogue_names_are_distinct_and_filters_fit_their_streams() {
    let names: BTreeSet<_> = catalogue::DURABLES.iter().map(|durable| (durable.stream, durable.name)).collect();
    assert_eq!(names.len(), catalogue::DURABLES.len());
    for durable in catalogue::DURABLES {
        assert_eq!(catalogue::stream_of(durable.filter), durable.stream, "{}", durable.name);
    }
}

#[test]
fn bad_settings_do_not_stop_the_fleet() {
    for rate in [0.0, -3.0, f64::NAN, f64::INFINITY, 1e12] {
        let settings = Settings {
            stories_per_minute: rate,
            eras: Vec::new(),
            agents_per_council: 0,
            successors: true,
            ..Settings::default()
        };
        assert_eq!(Fleet::new(settings).take(500).count(), 500);
    }
}

#[test]
fn faults_happen_when_asked_for_and_only_then() {
    let subjects = |faults| -> BTreeSet<String> {
        publishes(Settings { faults, ..settings(Era::D) }, 6_000).into_iter().map(|publish| publish.subject).collect()
    };
    let faults = Faults {
        agent_failure: 0.3,
        overdue_deliberation: 0.3,
        derivation_failure: 0.5,
        plan_rejected: 0.3,
        ..Faults::NONE
    };
    let of_faults = [
        "agent.response.failed",
        "deliberation.failed",
        "orchestration.task.failed",
        "planning.plan.rejected",
        "planning.task.derivation.failed",
        "task.derivation.failed",
    ];
    let (troubled, quiet) = (subjects(faults), subjects(Faults::NONE));
    for subject in of_faults {
        assert!(troubled.contains(subject) && !quiet.contains(subject), "{subject}");
    }
    let broken = |faults| {
        let messages = publishes(Settings { faults, ..settings(Era::D) }, 3_000);
        messages
            .iter()
            .filter(|publish| !matches!(serde_json::from_slice(&publish.body), Ok(serde_json::Value::Object(_))))
            .count()
    };
    assert!(broken(Faults { bad_message: 1.0, ..Faults::NONE }) > 5);
    assert_eq!(broken(Faults::NONE), 0);
}

mod shape;
