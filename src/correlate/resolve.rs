//! A message's ids: what it says of itself, in the order the fleet's contract asks for, then what is remembered.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

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

/// One copy of texts that come again and again: ids, mostly those of the messages just before.
#[derive(Debug)]
pub(super) struct Names {
    /// By hash; a text gives way to the next one with its place.
    held: Vec<Option<Text>>,
    /// Roles as written, and their one spelling.
    roles: Vec<Option<(Text, Option<Text>)>>,
    hasher: DefaultHashBuilder,
}

impl Default for Names {
    fn default() -> Self {
        Self { held: vec![None; Self::PLACES], roles: vec![None; Self::ROLES], hasher: DefaultHashBuilder::default() }
    }
}

impl Names {
    /// About 200 KiB of ids.
    const PLACES: usize = 2048;
    const ROLES: usize = 64;

    /// The text, shared with its last use.
    fn text(&mut self, text: &str) -> Text {
        let place = &mut self.held[self.hasher.hash_one(text) as usize % Self::PLACES];
        match place {
            Some(held) if **held == *text => held.clone(),
            _ => place.insert(text.into()).clone(),
        }
    }

    /// An id made safe; most are so already.
    fn id(&mut self, text: &str) -> Option<Text> {
        let plain = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic());
        if plain && !matches!(text, "" | "None" | "null") { Some(self.text(text)) } else { clean_id(text) }
    }

    /// `role::normalise`, remembered.
    fn role(&mut self, raw: &str) -> Option<Text> {
        let place = &mut self.roles[self.hasher.hash_one(raw) as usize % Self::ROLES];
        match place {
            Some((held, role)) if **held == *raw => role.clone(),
            _ => place.insert((raw.into(), role::normalise(raw))).1.clone(),
        }
    }

    fn first_id(&mut self, facts: &Facts, keys: &[Key]) -> Option<Text> {
        keys.iter().find_map(|key| self.id(facts.text(*key)?))
    }
}

const ROLES: [Key; 6] =
    [Key::ActorRole, Key::ValidatorRole, Key::RoleInCharge, Key::ProposalAuthorRole, Key::Specialty, Key::AssignedTo];

/// The agent of the fleet's task extraction, whose answers do not name it.
const EXTRACTOR: &str = "agent-task-extractor-001";

/// All ids of a message.
pub(super) fn ids(message: &Message, owners: &Owners, names: &mut Names) -> Ids {
    let facts = &message.facts;
    let answer = message.event_type.starts_with("agent.response.");
    let said = names.first_id(facts, &[Key::DeliberationId]);
    let mut task = names.first_id(facts, &[Key::TaskId, Key::MetadataTaskId]);
    if let Some(inner) = said.as_deref().and_then(ray_task_of_deliberation)
        && task.is_none()
    {
        task = names.id(inner);
    }
    let ray = task.as_deref().and_then(RayTask::parse).unwrap_or_default();
    let deliberation = if answer || said.as_deref().and_then(ray_task_of_deliberation).is_some() {
        task.clone()
    } else {
        said.clone()
    };
    let mut agent = names.first_id(facts, &[Key::AgentId, Key::ProposalAuthorId]).filter(|a| Some(a) != said.as_ref());
    if agent.is_none() {
        agent = names.first_id(facts, &[Key::ActorId]).filter(|a| a.starts_with("agent-"));
    }
    if agent.is_none() && answer && ray.extraction {
        agent = Some(EXTRACTOR.into());
    }
    let plan = names
        .first_id(facts, &[Key::PlanId, Key::ConstraintsPlanId, Key::MetadataPlanId])
        .or_else(|| ray.plan.and_then(|id| names.id(id)));
    let ceremony = names
        .first_id(facts, &[Key::CeremonyId, Key::MetadataCeremonyId])
        .or_else(|| ray.ceremony.and_then(|id| names.id(id)));
    let story = names
        .first_id(facts, &[Key::StoryId, Key::CaseId, Key::ConstraintsStoryId, Key::MetadataStoryId])
        .or_else(|| ray.story.and_then(|id| names.id(id)))
        .or_else(|| owner(owners, LinkKind::Plan, plan.as_ref()))
        .or_else(|| owner(owners, LinkKind::Task, task.as_ref()))
        .or_else(|| owner(owners, LinkKind::Deliberation, deliberation.as_ref()));
    let role = facts
        .text(Key::Role)
        .and_then(|role| names.role(role))
        .or_else(|| ray.role.and_then(|role| names.role(role)))
        .or_else(|| ray.extraction.then(|| names.text("TASK_EXTRACTOR")))
        .or_else(|| agent.as_deref().and_then(role::of_agent))
        .or_else(|| facts.first_text(&ROLES).and_then(|role| names.role(role)));
    Ids {
        story,
        task,
        ceremony,
        plan,
        deliberation,
        agent,
        role,
        project: names.first_id(facts, &[Key::ProjectId]),
        epic: names.first_id(facts, &[Key::EpicId]),
    }
}

pub(super) fn owner(owners: &Owners, kind: LinkKind, id: Option<&Text>) -> Option<Text> {
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
    said.into_iter().find_map(|(kind, key)| Some(TraceKey::of(kind, &clean_id(message.facts.text(key)?)?)))
}
