//! Whose a request is.
//! Takes: a request, and all that is remembered. Gives: the ids it belongs to, and how that is known.
//! Never: picks one of several.

use std::time::Duration;

use crate::model::{Ids, Join, LinkKind, LlmRequest, Seq, Text, Timestamp, TraceId, clean_id};

use super::Heard;
use crate::correlate::memory::Memory;
use crate::correlate::resolve::{RayTask, owner};
use crate::correlate::role;

/// How far the clocks of a model server and of NATS may be apart.
const SLACK: Duration = Duration::from_secs(2);
/// Begins of the server's ids before the caller's own.
const PREFIXES: [&str; 4] = ["chatcmpl-", "cmpl-", "resp_", "embd-"];
/// What may stand between a task and an agent in a caller's id.
const BETWEEN: [char; 7] = ['/', '|', ',', ';', '@', '#', '~'];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) join: Join,
    pub(super) ids: Ids,
    /// When the answer was heard that it was inferred from.
    pub(super) inferred_from: Option<Timestamp>,
}

/// Whose it is, as far as can be said now.
pub(super) fn whose(memory: &Memory, request: &LlmRequest, seq: Seq, seen: Timestamp) -> Found {
    let ids = said(memory, request);
    if ids != Ids::default() {
        return Found { join: Join::Exact, ids, inferred_from: None };
    }
    if seen <= memory.calls.blind_until {
        return Found::default();
    }
    let mut answers = memory.calls.heard.iter().filter(|heard| fits(request, heard));
    let (Some(answer), None) = (answers.next(), answers.next()) else { return Found::default() };
    let rival = memory.calls.held.iter().any(|held| held.seq != seq && fits(&held.request, answer));
    if rival {
        return Found::default();
    }
    Found { join: Join::Inferred, ids: answer.ids.clone(), inferred_from: Some(answer.seen) }
}

/// Whether an answer may be what a request gave: the same tokens, within its time, by the same model.
fn fits(request: &LlmRequest, answer: &Heard) -> bool {
    answer.tokens.is_some()
        && answer.start < answer.end
        && request.total_tokens() == answer.tokens
        && request.start.plus(SLACK) >= answer.start
        && request.end <= answer.end.plus(SLACK)
        && match (&request.model, &answer.model) {
            (Some(served), Some(said)) => same_model(served, said),
            _ => true,
        }
}

/// Agents leave out the owner of a model: `Qwen3-0.6B` for `Qwen/Qwen3-0.6B`.
fn same_model(served: &str, said: &str) -> bool {
    let name = |text: &str| text.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    name(served) == name(said)
}

/// What the request says itself: by its caller's trace, or by its id.
pub(in crate::correlate) fn said(memory: &Memory, request: &LlmRequest) -> Ids {
    let mut ids = by_trace(memory, request).unwrap_or_default();
    if ids.agent.is_none() {
        let named = by_id(memory, &request.request_id);
        let agrees = ids.story.is_none() || named.story.is_none() || ids.story == named.story;
        if agrees {
            ids = Ids { story: ids.story.or(named.story), ..named };
        }
    }
    if ids.role.is_none() {
        ids.role = ids.agent.as_deref().and_then(role::of_agent);
    }
    ids
}

/// The story whose trace the caller is in; the answer that carries the same trace, or whose span is the caller's.
fn by_trace(memory: &Memory, request: &LlmRequest) -> Option<Ids> {
    let own = request.span?;
    let parent = own.parent?;
    let mut same = memory.calls.heard.iter().filter(|heard| heard.trace == Some(own.trace));
    if let (Some(heard), None) = (same.next(), same.next()) {
        return Some(heard.ids.clone());
    }
    let in_trace = |story: &crate::correlate::story::Story| {
        story.trace.key.trace_id() == own.trace || story.trace.current.trace_id() == own.trace
    };
    let (story, held) = memory.stories.iter().find(|(_, story)| in_trace(story))?;
    let keys = [&held.trace.key, &held.trace.current];
    let is_parent = |heard: &&Heard| {
        let (Some(task), Some(agent)) = (&heard.ids.task, &heard.ids.agent) else { return false };
        let what = format!("agent:{task}:{agent}");
        heard.ids.story.as_ref() == Some(story) && keys.iter().any(|key| key.span_id(&what) == parent)
    };
    let answer = memory.calls.heard.iter().rev().find(is_parent);
    Some(answer.map_or_else(|| Ids { story: Some(story.clone()), ..Ids::default() }, |heard| heard.ids.clone()))
}

/// The task and the agent that the caller put into `X-Request-Id`, where they are known: `<task>/<agent>`.
fn by_id(memory: &Memory, id: &str) -> Ids {
    let Some(said) = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix)) else { return Ids::default() };
    let chat = id.starts_with("chatcmpl-");
    // The server counts the prompts of one request, but for chats.
    let counted = said
        .rsplit_once(['-', '_'])
        .filter(|(_, n)| !chat && (1..=2).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()));
    let whole = [Some(said), counted.map(|(id, _)| id)];
    let mut ids = Ids::default();
    for part in whole.into_iter().flatten().flat_map(|id| std::iter::once(id).chain(id.split(BETWEEN))) {
        let Some(part) = clean_id(part) else { continue };
        if ids.task.is_none() && is_task(memory, &part) {
            let ray = RayTask::parse(&part).unwrap_or_default();
            ids.story = owner(&memory.owners, LinkKind::Task, Some(&part)).or_else(|| ray.story.and_then(clean_id));
            ids.ceremony = ray.ceremony.and_then(clean_id);
            ids.plan = ray.plan.and_then(clean_id);
            ids.role = ray.role.and_then(role::normalise);
            ids.deliberation = memory.deliberations.contains(&part).then(|| part.clone());
            ids.task = Some(part);
        } else if ids.agent.is_none() && memory.agents.contains(&part) {
            ids.agent = Some(part);
        }
    }
    ids
}

fn is_task(memory: &Memory, id: &Text) -> bool {
    memory.deliberations.contains(id)
        || memory.owners.contains(&(LinkKind::Task, id.clone()))
        || (!id.contains(BETWEEN) && RayTask::parse(id).is_some_and(|ray| ray.story.is_some()))
}

/// The trace of a `traceparent`.
pub(super) fn trace_of(traceparent: &str) -> Option<TraceId> {
    let hex = traceparent.split('-').nth(1).filter(|hex| hex.len() == 32 && hex.is_ascii())?;
    let mut id = [0; 16];
    for (n, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).ok()?;
    }
    Some(TraceId(id))
}
