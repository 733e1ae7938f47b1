//! What sources other than NATS saw.
//! Takes: an entry about a thing. Gives: whether it is news, and what it means for stories.
//! Never: takes a thing that looks as it did before for an event: sources tell all they see again after a restart.

use sha2::{Digest as _, Sha256};

use crate::model::{Ids, LinkKind, Message, Observed, Text, TraceKey, What, clean_id};

use super::fold::Fold;
use super::llm;
use super::memory::Memory;
use super::resolve::{Owners, RayTask, owner};

/// How the kind of an entry ends that says that nothing is wrong any more.
const RECOVERED: &str = ".recovered";

impl Memory {
    /// Whether a thing looks other than when it was last told of; remembers how it looks.
    pub(super) fn is_news(&mut self, message: &Message) -> bool {
        let look = look(message);
        let held = self.observed.get(&message.subject);
        // Nothing recovers that never failed.
        if held.is_none() && message.event_type.ends_with(RECOVERED) {
            return false;
        }
        if let Some(held) = held {
            // A repetition leaves no record, so it must leave no trace in the state either: not even in its order. A
            // request ends once; sent again it may say more (its model), but its span is out already.
            if *held == look || matches!(message.observed.as_ref().map(|o| &o.what), Some(What::LlmRequest(_))) {
                return false;
            }
        }
        self.observed.insert(message.subject.clone(), look);
        true
    }
}

/// How a thing looks. Its body alone would not do: a privacy policy may keep none. A source whose body shows more than
/// what makes the difference says that itself, as the message's id.
fn look(message: &Message) -> [u8; 8] {
    let hash = Sha256::new().chain_update(message.event_type.as_bytes());
    let hash = if let Some(look) = &message.message_id {
        hash.chain_update(look.as_bytes())
    } else {
        let observed = postcard::to_allocvec(&message.observed).unwrap_or_default();
        hash.chain_update(&observed).chain_update(&message.payload.bytes)
    };
    let hash = hash.finalize();
    std::array::from_fn(|n| hash[n])
}

/// What an entry says of its ids only to those who know what was before.
pub(super) fn said(message: &Message, memory: &Memory, ids: &mut Ids) {
    if let Some(What::LlmRequest(request)) = message.observed.as_ref().map(|o| &o.what) {
        let found = llm::said(memory, request);
        *ids = Ids { project: ids.project.take(), epic: ids.epic.take(), ..found };
    }
}

impl Fold<'_> {
    /// What an entry means for the state. `trace` is the continuation its spans go to.
    pub(super) fn observed_happens(&mut self, message: &Message, ids: &Ids, trace: Option<&TraceKey>) {
        match message.observed.as_ref().map(|o| &o.what) {
            Some(What::LlmRequest(request)) => self.request_came(request, ids, trace),
            Some(What::LlmJoined(joined)) => self.finish(&joined.request, joined.seq, joined.join, ids, trace),
            Some(What::RayJob(end)) => self.ray_job_ended(end, ids),
            Some(What::Plain) | None => {}
        }
    }
}

/// The ids of an entry: what the system said, and what is known to belong to it.
pub(super) fn ids(observed: &Observed, owners: &Owners) -> Ids {
    let mut ids = observed.ids.clone();
    let ray = ids.task.as_deref().and_then(RayTask::parse).unwrap_or_default();
    let said = |held: &mut Option<Text>, id: Option<&str>| {
        if held.is_none() {
            *held = id.and_then(clean_id);
        }
    };
    said(&mut ids.ceremony, ray.ceremony);
    said(&mut ids.plan, ray.plan);
    said(&mut ids.story, ray.story);
    ids.role = ids.role.as_deref().or(ray.role).and_then(super::role::normalise);
    if ids.role.is_none() {
        ids.role = ids.agent.as_deref().and_then(super::role::of_agent);
    }
    if ids.story.is_none() {
        ids.story = owner(owners, LinkKind::Task, ids.task.as_ref())
            .or_else(|| owner(owners, LinkKind::Deliberation, ids.deliberation.as_ref()))
            .or_else(|| owner(owners, LinkKind::Plan, ids.plan.as_ref()));
    }
    ids
}
