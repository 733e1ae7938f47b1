//! The board's state and its changes → state frames.

use serde::Serialize;

use super::frame::Frame;
use super::subscription::Topic;
use super::view::{AgentJson, CouncilJson, DeliberationJson, StoryJson, consumers};
use crate::board::{Board, State};
use crate::model::{Change, ConsumersReport, StoryView, Timestamp};

/// Most stories told at once: the most recent ones. All of them are at `/api/stories`.
const MAX_STORIES: usize = 200;
/// Most items in a frame; a client joins frames of one topic.
const MAX_ITEMS: usize = 200;

/// The whole state of a topic; nothing when there is none.
pub(crate) fn whole(board: &Board, topic: Topic) -> Vec<Frame> {
    board.read(|state| match topic {
        Topic::Agents => cut(topic, state, &state.agents.values().map(|a| AgentJson::from(&**a)).collect::<Vec<_>>()),
        Topic::Councils => {
            cut(topic, state, &state.councils.values().map(|c| CouncilJson::from(&**c)).collect::<Vec<_>>())
        }
        Topic::Deliberations => {
            cut(topic, state, &state.deliberations.values().map(|d| DeliberationJson::from(&**d)).collect::<Vec<_>>())
        }
        Topic::Stories => {
            let mut stories: Vec<&StoryView> = state.stories.values().map(AsRef::as_ref).collect();
            stories.sort_unstable_by(|a, b| b.last_event.cmp(&a.last_event).then_with(|| a.story_id.cmp(&b.story_id)));
            stories.truncate(MAX_STORIES);
            cut(topic, state, &stories.into_iter().map(StoryJson::from).collect::<Vec<_>>())
        }
        Topic::Consumers => cut(topic, state, &state.consumers.values().flat_map(|r| consumers(r)).collect::<Vec<_>>()),
    })
}

/// Only the first frame of a whole is marked `full`: it replaces what a client had, the others add to it.
fn cut<T: Serialize>(topic: Topic, state: &State, items: &[T]) -> Vec<Frame> {
    let frame = |(n, items): (usize, &[T])| Frame::state(topic, &items, &[], n == 0, state.as_of);
    items.chunks(MAX_ITEMS).enumerate().map(frame).collect()
}

/// What changed, one frame a topic (or more when it is much).
pub(crate) fn changed(changes: &[Change], as_of: Timestamp) -> Vec<(Topic, Frame)> {
    let (mut agents, mut councils, mut stories, mut deliberations) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut gone_stories, mut gone_deliberations) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Agent(view) => agents.push(AgentJson::from(&**view)),
            Change::Council(view) => councils.push(CouncilJson::from(&**view)),
            Change::Story(view) => stories.push(StoryJson::from(&**view)),
            Change::Deliberation(view) => deliberations.push(DeliberationJson::from(&**view)),
            Change::StoryClosed(id) => gone_stories.push(&**id),
            Change::DeliberationClosed(id) => gone_deliberations.push(&**id),
            // Asked for, not told: /api/llm/requests.
            Change::Llm(_) => {}
        }
    }
    let mut frames = Vec::new();
    pieces(Topic::Agents, &agents, &[], as_of, &mut frames);
    pieces(Topic::Councils, &councils, &[], as_of, &mut frames);
    pieces(Topic::Stories, &stories, &gone_stories, as_of, &mut frames);
    pieces(Topic::Deliberations, &deliberations, &gone_deliberations, as_of, &mut frames);
    frames
}

/// A newly polled stream's consumers.
pub(crate) fn polled(report: &ConsumersReport) -> Vec<(Topic, Frame)> {
    let items: Vec<_> = consumers(report).collect();
    let mut frames = Vec::new();
    pieces(Topic::Consumers, &items, &[], report.at, &mut frames);
    frames
}

fn pieces<T: Serialize>(
    topic: Topic,
    items: &[T],
    removed: &[&str],
    as_of: Timestamp,
    frames: &mut Vec<(Topic, Frame)>,
) {
    if !removed.is_empty() {
        frames.push((topic, Frame::state(topic, &[(); 0], removed, false, as_of)));
    }
    for items in items.chunks(MAX_ITEMS) {
        frames.push((topic, Frame::state(topic, &items, &[], false, as_of)));
    }
}
