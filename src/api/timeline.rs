//! The timeline of a story.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::problem::Problem;
use super::query::Named;
use crate::journal::JournalError;
use crate::report::{self, Known, Timeline, Told};
use crate::sinks::feed::Parts;

/// How long reading a story may take: what there is then is told, and that it is not all.
const PATIENCE: Duration = Duration::from_secs(10);

/// A story from its first event to its last.
///
/// Phases, work, deliberations with each agent's answer, deliveries by consumer, Ray jobs, LLM requests, failures with
/// what they followed from, contract violations, tokens and cost. Lists are capped: `more` says how many there are
/// besides, and `left_out` why this is not all there was.
#[utoipa::path(get, path = "/api/stories/{id}/timeline", tag = "history",
    params(("id" = String, Path, description = "Story")),
    responses((status = 200, description = "The timeline", body = Timeline),
              (status = 404, description = "Never heard of", body = Problem)))]
pub(super) async fn timeline(State(api): State<Api>, Named(id, _): Named) -> Result<Response, Problem> {
    let known = known(&api, &id);
    let read = api.parts.blocking(move |parts| read(parts, &id, known)).await?;
    let (timeline, _) = read.ok_or_else(|| Problem::not_found("this story"))?;
    Ok(Json(timeline).into_response())
}

/// What the board knows of a story.
pub(super) fn known(api: &Api, id: &str) -> Known {
    api.context.board.read(|state| Known {
        story: state.stories.get(id).cloned(),
        open: state
            .deliberations
            .values()
            .filter(|deliberation| deliberation.story_id.as_deref() == Some(id))
            .map(Arc::clone)
            .collect(),
        left_out: Vec::new(),
    })
}

/// Reads it. Blocks.
pub(super) fn read(parts: &Parts, id: &str, known: Known) -> Result<Option<(Timeline, Told)>, JournalError> {
    let begin = Instant::now();
    report::story(&*parts.journal, id, known, &mut || begin.elapsed() < PATIENCE)
}
