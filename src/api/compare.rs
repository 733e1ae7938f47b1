//! Two stories side by side.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;

use super::Api;
use super::access::Role;
use super::problem::Problem;
use super::query::pairs;
use super::timeline::{known, read};
use crate::report::{Comparison, compare as compared};
use crate::sinks::feed::Invalid;

/// Which.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names and explains the parameters that `compare` reads")]
pub(super) struct CompareParams {
    /// A story.
    left: String,
    /// The story it is compared with.
    right: String,
}

/// Two stories side by side: durations of phases and deliberations, answers and tokens by role and model, latency, naks
/// and redeliveries by consumer, requests by model, failures, contract violations, cost. One figure a row.
#[utoipa::path(get, path = "/api/compare", tag = "history", params(CompareParams),
    responses((status = 200, description = "Both, and the figures", body = Comparison),
              (status = 400, description = "A parameter is missing, unknown or wrong", body = Problem),
              (status = 404, description = "One of them was never heard of", body = Problem)))]
pub(super) async fn compare(State(api): State<Api>, _: Role, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let (mut left, mut right) = (None, None);
    for (name, value) in pairs(query.as_deref())? {
        let side = match name.as_str() {
            "left" => &mut left,
            "right" => &mut right,
            _ => return Err(Invalid::new(&name, "is unknown", "left, right").into()),
        };
        if value.is_empty() || side.replace(value).is_some() {
            return Err(Invalid::new(&name, "is empty or given twice", "one story").into());
        }
    }
    let missing = |name: &str| Invalid::new(name, "is missing", "a story");
    let (left, right) = (left.ok_or_else(|| missing("left"))?, right.ok_or_else(|| missing("right"))?);
    let boards = (known(&api, &left), known(&api, &right));
    let (first, second) = (left.clone(), right.clone());
    let both = api.parts.blocking(move |parts| Ok((read(parts, &first, boards.0)?, read(parts, &second, boards.1)?)));
    let (ours, theirs) = both.await?;
    let unknown = |id: &str| {
        let shown = crate::model::shorten(&crate::model::printable(id), 64);
        Problem::not_found(&format!("story `{shown}`"))
    };
    let (ours, _) = ours.ok_or_else(|| unknown(&left))?;
    let (theirs, _) = theirs.ok_or_else(|| unknown(&right))?;
    Ok(Json(compared(&ours, &theirs)).into_response())
}
