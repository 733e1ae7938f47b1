//! What an agent is and did.

use super::answer::Told;
use super::args::AgentHistory;
use super::ask::{Ask, Refused, id, term};
use super::events::{Page, limit};

/// Events of a page, unasked.
const LIMIT: usize = 20;
/// What the agent itself takes of an answer.
const VIEW: usize = 4 << 10;

/// `agent_history`.
pub(super) async fn history<A: Ask>(ask: &A, asked: AgentHistory, room: usize) -> Result<Told, Refused> {
    let own = term("agent", id("agent", &asked.agent)?);
    let page = Page {
        filters: [own.as_str()].into_iter().chain(asked.filter.as_deref()).collect(),
        since: asked.since.as_ref(),
        until: asked.until.as_ref(),
        cursor: asked.cursor.as_ref(),
        ..Page::default()
    };
    let mut told = page.fill(ask, limit(asked.limit, LIMIT)?, room.saturating_sub(VIEW)).await?;
    if asked.cursor.is_none() {
        let agent = ask.get(&["api", "agents", &asked.agent], &[]).await;
        told.answer["agent"] = match agent {
            Ok(agent) => agent,
            // One that nobody ever heard of has no events either.
            Err(refused) if refused.is_unknown() && no_items(&told) => return Err(refused),
            Err(refused) if refused.is_unknown() => serde_json::Value::Null,
            Err(refused) => return Err(refused),
        };
    }
    Ok(told)
}

fn no_items(told: &Told) -> bool {
    told.answer["items"].as_array().is_none_or(Vec::is_empty)
}
