//! A story from its first event on.

use serde_json::Value;

use super::answer::Told;
use super::args::StoryTimeline;
use super::ask::{Ask, Refused, id, term};
use super::events::{Page, limit};
use super::fit;

/// Events of a page, unasked.
const LIMIT: usize = 50;

/// `story_timeline`.
pub(super) async fn timeline<A: Ask>(ask: &A, asked: StoryTimeline, room: usize) -> Result<Told, Refused> {
    let own = term("story", id("story", &asked.story)?);
    let story = match asked.cursor {
        None => ask.get(&["api", "stories", &asked.story], &[]).await?,
        Some(_) => Value::Null,
    };
    // The story may take half; what is more is cut.
    let left = room - fit::size(&story).min(room / 2);
    let page = Page {
        filters: [own.as_str()].into_iter().chain(asked.filter.as_deref()).collect(),
        oldest_first: true,
        cursor: asked.cursor.as_ref(),
        ..Page::default()
    };
    let mut told = page.fill(ask, limit(asked.limit, LIMIT)?, left).await?;
    if !story.is_null() {
        told.answer["story"] = story;
    }
    Ok(told)
}
