//! Names people give to jobs, actors and tasks → ids of the fleet.
//! Takes: metadata, a submission id, a name. Gives: the ids they hold. Never: takes any other word for an id.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::{RayIds, Text, clean_id};

/// The fleet's own forms of ids, as they stand within a name.
struct Forms {
    ray_task: Regex,
    story: Regex,
    task: Regex,
    agent: Regex,
    plan: Regex,
    ceremony: Regex,
}

const UUID: &str = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";

static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let form = |pattern: &str| Regex::new(&pattern.replace("UUID", UUID)).expect("a pattern of ours");
    Forms {
        ray_task: form(
            r"(ceremony-([^:\s]+):story-([^:\s]+)(?::role-([A-Za-z_]+)|:task-extraction)?|derive-(PL-[A-Za-z0-9-]+))",
        ),
        story: form(r"(?:^|[^A-Za-z0-9])((?:US|ST)-[0-9]+|s-UUID)"),
        task: form(r"(?:^|[^A-Za-z0-9])(T-(?:UUID|[A-Za-z0-9]+))"),
        agent: form(r"(?:^|[^A-Za-z0-9])(agent-[a-z][a-z_]*(?:-[a-z_]+)?-[0-9]{3})(?:[^0-9]|$)"),
        plan: form(r"(?:^|[^A-Za-z0-9])(PL-(?:UUID|[A-Za-z0-9]+))"),
        ceremony: form(r"(?:^|[^A-Za-z0-9])(BRC-(?:UUID|[A-Za-z0-9]+))"),
    }
});

/// Longest name that is looked through.
const MAX_NAME: usize = 500;

/// Sets what is not known yet.
fn learn(held: &mut Option<Text>, said: Option<&str>) {
    if held.is_none() {
        *held = said.and_then(clean_id);
    }
}

/// What a name of a job, an actor or a task says.
pub(super) fn of_name(name: &str) -> RayIds {
    let mut ids = RayIds::default();
    if name.len() > MAX_NAME {
        return ids;
    }
    let forms = &*FORMS;
    if let Some(found) = forms.ray_task.captures(name) {
        let group = |n: usize| found.get(n).map(|m| m.as_str());
        learn(&mut ids.task_id, group(1));
        learn(&mut ids.ceremony_id, group(2));
        learn(&mut ids.story_id, group(3));
        learn(&mut ids.role, group(4));
        learn(&mut ids.plan_id, group(5));
    }
    let last = |form: &Regex| form.captures_iter(name).last().and_then(|c| Some(c.get(1)?.as_str()));
    learn(&mut ids.story_id, last(&forms.story));
    learn(&mut ids.task_id, last(&forms.task));
    learn(&mut ids.agent_id, last(&forms.agent));
    learn(&mut ids.plan_id, last(&forms.plan));
    learn(&mut ids.ceremony_id, last(&forms.ceremony));
    mark(ids, "name")
}

/// What the metadata of a job says, whichever way its keys are written.
pub(super) fn of_metadata<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> RayIds {
    let mut ids = RayIds::default();
    for (key, value) in pairs {
        let key: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let held = match key.strip_prefix("fleet").unwrap_or(&key) {
            "storyid" | "story" | "caseid" => &mut ids.story_id,
            "taskid" | "task" | "deliberationid" => &mut ids.task_id,
            "agentid" | "agent" => &mut ids.agent_id,
            "role" | "agentrole" => &mut ids.role,
            "ceremonyid" | "ceremony" => &mut ids.ceremony_id,
            "planid" | "plan" => &mut ids.plan_id,
            _ => continue,
        };
        learn(held, Some(value));
    }
    // A task's id may say more: `ceremony-<C>:story-<S>:role-<R>`.
    if let Some(named) = ids.task_id.as_deref().map(of_name) {
        complete(&mut ids, &RayIds { ids_from: None, ..named });
    }
    mark(ids, "metadata")
}

fn mark(mut ids: RayIds, from: &str) -> RayIds {
    if ids != RayIds::default() {
        ids.ids_from = Some(from.into());
    }
    ids
}

/// Adds what `more` knows and `ids` does not; what was said first stands.
pub(super) fn complete(ids: &mut RayIds, more: &RayIds) {
    let mut learned = false;
    for (held, said) in [
        (&mut ids.story_id, &more.story_id),
        (&mut ids.task_id, &more.task_id),
        (&mut ids.agent_id, &more.agent_id),
        (&mut ids.role, &more.role),
        (&mut ids.ceremony_id, &more.ceremony_id),
        (&mut ids.plan_id, &more.plan_id),
    ] {
        if held.is_none() && said.is_some() {
            held.clone_from(said);
            learned = true;
        }
    }
    if !learned {
        return;
    }
    ids.ids_from = match (&ids.ids_from, &more.ids_from) {
        (Some(one), Some(other)) if one != other => Some("metadata, name".into()),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
}

/// Only those ids on which all agree.
pub(super) fn agreed<'a>(all: impl Iterator<Item = &'a RayIds>) -> RayIds {
    let mut fields: [Option<Option<&Text>>; 6] = [None; 6];
    for ids in all {
        let said = [&ids.story_id, &ids.task_id, &ids.agent_id, &ids.role, &ids.ceremony_id, &ids.plan_id];
        for (field, said) in fields.iter_mut().zip(said) {
            if let Some(said) = said {
                *field = match *field {
                    None => Some(Some(said)),
                    Some(Some(held)) if held == said => Some(Some(held)),
                    Some(_) => Some(None),
                };
            }
        }
    }
    let [story_id, task_id, agent_id, role, ceremony_id, plan_id] = fields.map(|f| f.flatten().cloned());
    mark(RayIds { story_id, task_id, agent_id, role, ceremony_id, plan_id, ids_from: None }, "name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ids: &RayIds) -> Vec<&str> {
        let all = [&ids.story_id, &ids.task_id, &ids.agent_id, &ids.role, &ids.ceremony_id, &ids.plan_id];
        all.into_iter().map(|id| id.as_deref().unwrap_or("-")).collect()
    }

    #[test]
    fn names_hold_the_forms_of_the_fleet() {
        let uuid = "0f9c2b8e-1111-4222-8333-444455556666";
        for (name, ids) in [
            ("US-001-ok", ["US-001", "-", "-", "-", "-", "-"]),
            ("agent-job-delib-US-001-agent-dev-003", ["US-001", "-", "agent-dev-003", "-", "-", "-"]),
            ("deliberate:US-001:T-2", ["US-001", "T-2", "-", "-", "-", "-"]),
            ("agent-qa-001", ["-", "-", "agent-qa-001", "-", "-", "-"]),
            (
                "ceremony-BRC-1:story-s-1:role-ARCHITECT",
                ["s-1", "ceremony-BRC-1:story-s-1:role-ARCHITECT", "-", "ARCHITECT", "BRC-1", "-"],
            ),
            ("derive-PL-7", ["-", "derive-PL-7", "-", "-", "-", "PL-7"]),
            (&format!("run s-{uuid} now"), [&*format!("s-{uuid}"), "-", "-", "-", "-", "-"]),
            ("raysubmit_2tv13U4izxXvjCLn", ["-"; 6]),
            ("VLLMAgent.run", ["-"; 6]),
            ("BUS-1 RESULT-2 agent-of-change", ["-"; 6]),
            ("", ["-"; 6]),
        ] {
            assert_eq!(said(&of_name(name)), ids, "{name}");
        }
        assert_eq!(of_name(&"US-1 ".repeat(1_000)).story_id.as_deref(), None, "too long to be a name");
    }

    #[test]
    fn metadata_is_read_however_its_keys_are_written() {
        for key in ["story_id", "storyId", "Story-ID", "fleet.story.id", "story"] {
            assert_eq!(of_metadata([(key, " US-1 ")].into_iter()).story_id.as_deref(), Some("US-1"), "{key}");
        }
        let task = [("task_id", "ceremony-BRC-1:story-s-1:role-QA"), ("role", "ARCHITECT")];
        let task_ids = of_metadata(task.into_iter());
        assert_eq!(said(&task_ids), ["s-1", task[0].1, "-", "ARCHITECT", "BRC-1", "-"]);
        assert_eq!(task_ids.ids_from.as_deref(), Some("metadata"));
        assert_eq!(of_metadata([("n", "1"), ("task_id", "None")].into_iter()), RayIds::default());
    }

    #[test]
    fn what_was_said_first_stands_and_what_is_disputed_is_not_told() {
        let mut ids = of_metadata([("story_id", "US-1")].into_iter());
        complete(&mut ids, &of_name("US-2:T-1"));
        assert_eq!(said(&ids), ["US-1", "T-1", "-", "-", "-", "-"]);
        assert_eq!(ids.ids_from.as_deref(), Some("metadata, name"));
        let all = [of_name("US-1:T-1"), of_name("US-1:T-2"), of_name("plain")];
        assert_eq!(said(&agreed(all.iter())), ["US-1", "-", "-", "-", "-", "-"]);
    }
}
