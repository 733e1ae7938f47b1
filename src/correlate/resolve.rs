//! A message's ids: what it says of itself, in the order the fleet's contract asks for, then what is remembered.

use crate::model::{Facts, Ids, Key, LinkKind, Message, Text, TraceKey, clean_id};

use super::bounded::Lru;
use super::role;

/// Which story an id belongs to.
pub(super) type Owners = Lru<(LinkKind, Text), Text>;

/// What a Ray task id says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RayTask<'a> {
    pub(super) ceremony: Option<&'a str>,
    pub(super) story: Option<&'a str>,
    pub(super) role: Option<&'a str>,
    pub(super) plan: Option<&'a str>,
    pub(super) extraction: bool,
}

impl<'a> RayTask<'a> {
    /// Reads `ceremony-<C>:story-<S>:role-<R>`, `ceremony-<C>:story-<S>:task-extraction` and `derive-<PL…>`; `None` for
    /// a free id.
    pub(super) fn parse(id: &'a str) -> Option<Self> {
        if let Some(plan) = id.strip_prefix("derive-") {
            return Some(Self { plan: plan.starts_with("PL-").then_some(plan), ..Self::default() });
        }
        let rest = id.strip_prefix("ceremony-")?;
        let (ceremony, rest) = rest.split_once(":story-")?;
        let (story, role, extraction) = if let Some((story, role)) = rest.split_once(":role-") {
            (story, Some(role), false)
        } else if let Some(story) = rest.strip_suffix(":task-extraction") {
            (story, None, true)
        } else {
            (rest, None, false)
        };
        Some(Self { ceremony: Some(ceremony), story: Some(story), role, plan: None, extraction })
    }
}

/// The Ray task id inside `deliberation-<Ray task id>-<epoch seconds>`.
pub(super) fn ray_task_of_deliberation(id: &str) -> Option<&str> {
    let (task, epoch) = id.strip_prefix("deliberation-")?.rsplit_once('-')?;
    (!epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit())).then_some(task)
}

/// An id as it may be shared; most are clean already and are not copied.
fn id(text: &Text) -> Option<Text> {
    let plain = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic());
    if plain && !matches!(&**text, "" | "None" | "null") { Some(text.clone()) } else { clean_id(text) }
}

fn first_id(facts: &Facts, keys: &[Key]) -> Option<Text> {
    keys.iter().find_map(|key| id(facts.text(*key)?))
}

const ROLES: [Key; 6] =
    [Key::ActorRole, Key::ValidatorRole, Key::RoleInCharge, Key::ProposalAuthorRole, Key::Specialty, Key::AssignedTo];

/// The agent of the fleet's task extraction, whose answers do not name it.
const EXTRACTOR: &str = "agent-task-extractor-001";

/// All ids of a message.
pub(super) fn ids(message: &Message, owners: &Owners) -> Ids {
    let facts = &message.facts;
    let answer = message.event_type.starts_with("agent.response.");
    let said = first_id(facts, &[Key::DeliberationId]);
    let mut task = first_id(facts, &[Key::TaskId, Key::MetadataTaskId]);
    if let Some(inner) = said.as_deref().and_then(ray_task_of_deliberation)
        && task.is_none()
    {
        task = clean_id(inner);
    }
    let ray = task.as_deref().and_then(RayTask::parse).unwrap_or_default();
    let deliberation = if answer || said.as_deref().and_then(ray_task_of_deliberation).is_some() {
        task.clone()
    } else {
        said.clone()
    };
    let mut agent = first_id(facts, &[Key::AgentId, Key::ProposalAuthorId]).filter(|a| Some(a) != said.as_ref());
    if agent.is_none() {
        agent = first_id(facts, &[Key::ActorId]).filter(|a| a.starts_with("agent-"));
    }
    if agent.is_none() && answer && ray.extraction {
        agent = Some(EXTRACTOR.into());
    }
    let plan = first_id(facts, &[Key::PlanId, Key::ConstraintsPlanId, Key::MetadataPlanId])
        .or_else(|| ray.plan.and_then(clean_id));
    let ceremony =
        first_id(facts, &[Key::CeremonyId, Key::MetadataCeremonyId]).or_else(|| ray.ceremony.and_then(clean_id));
    let story = first_id(facts, &[Key::StoryId, Key::CaseId, Key::ConstraintsStoryId, Key::MetadataStoryId])
        .or_else(|| ray.story.and_then(clean_id))
        .or_else(|| owner(owners, LinkKind::Plan, plan.as_ref()))
        .or_else(|| owner(owners, LinkKind::Task, task.as_ref()))
        .or_else(|| owner(owners, LinkKind::Deliberation, deliberation.as_ref()));
    let role = facts
        .text(Key::Role)
        .and_then(|r| role::normalise(r))
        .or_else(|| ray.role.and_then(role::normalise))
        .or_else(|| ray.extraction.then(|| "TASK_EXTRACTOR".into()))
        .or_else(|| agent.as_deref().and_then(role::of_agent))
        .or_else(|| facts.first_text(&ROLES).and_then(|r| role::normalise(r)));
    Ids {
        story,
        task,
        ceremony,
        plan,
        deliberation,
        agent,
        role,
        project: first_id(facts, &[Key::ProjectId]),
        epic: first_id(facts, &[Key::EpicId]),
    }
}

fn owner(owners: &Owners, kind: LinkKind, id: Option<&Text>) -> Option<Text> {
    owners.get(&(kind, id?.clone())).cloned()
}

/// What the message's trace is about when it has no story.
pub(super) fn other_trace(message: &Message, ids: &Ids) -> Option<TraceKey> {
    let known = [
        ("ceremony", &ids.ceremony),
        ("epic", &ids.epic),
        ("project", &ids.project),
        ("plan", &ids.plan),
        ("task", &ids.task),
        ("deliberation", &ids.deliberation),
    ];
    if let Some((kind, id)) = known.into_iter().find_map(|(kind, id)| Some((kind, id.as_ref()?))) {
        return Some(TraceKey::of(kind, id));
    }
    let said = [
        ("session", Key::SessionId),
        ("aggregate", Key::AggregateId),
        ("invocation", Key::InvocationId),
        ("decision", Key::DecisionId),
    ];
    said.into_iter().find_map(|(kind, key)| Some(TraceKey::of(kind, &id(message.facts.text(key)?)?)))
}
