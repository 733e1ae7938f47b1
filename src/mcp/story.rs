//! A story from its first event on, and two side by side.

use serde_json::Value;

use super::answer::Told;
use super::args::{Compare, StoryTimeline};
use super::ask::{Ask, Refused, id, term};
use super::events::{Page, limit};
use super::fit;

/// Events of a page, unasked.
const LIMIT: usize = 50;

/// `story_timeline`.
pub(super) async fn timeline<A: Ask>(ask: &A, asked: StoryTimeline, room: usize) -> Result<Told, Refused> {
    let own = term("story", id("story", &asked.story)?);
    let timeline = match asked.cursor {
        None => ask.get(&["api", "stories", &asked.story, "timeline"], &[]).await?,
        Some(_) => Value::Null,
    };
    // The timeline may take half; what is more is cut.
    let left = room - fit::size(&timeline).min(room / 2);
    let page = Page {
        filters: [own.as_str()].into_iter().chain(asked.filter.as_deref()).collect(),
        oldest_first: true,
        cursor: asked.cursor.as_ref(),
        ..Page::default()
    };
    let mut told = page.fill(ask, limit(asked.limit, LIMIT)?, left).await?;
    if !timeline.is_null() {
        told.answer["timeline"] = timeline;
    }
    Ok(told)
}

/// `compare`.
pub(super) async fn compare<A: Ask>(ask: &A, asked: Compare) -> Result<Told, Refused> {
    ask.get(&["api", "compare"], &[("left", asked.left), ("right", asked.right)]).await.map(Told::from)
}
