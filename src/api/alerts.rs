//! Alerts as Alertmanager tells them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::Uri;

use super::Api;
use super::access::Role;
use super::listing::Listing;
use super::problem::Problem;
use super::query::pairs;
use super::when::{AtParams, When};
use crate::model::{Alert, Panel, Source, Timestamp};
use crate::sinks::feed::Invalid;

/// Alerts: those that fire first, then those that ended within a day; the newest first.
#[utoipa::path(get, path = "/api/alerts", tag = "systems",
    params(("status" = Option<String>, Query, description = "`firing` or `resolved`"),
           ("severity" = Option<String>, Query, description = "`critical`, `warning`, `info`, …"),
           ("story" = Option<String>, Query, description = "The story they are about"), AtParams),
    responses((status = 200, description = "Alerts", body = Listing<Alert>),
              (status = 400, description = "The query is wrong", body = Problem)))]
pub(super) async fn alerts(State(api): State<Api>, _: Role, when: When, uri: Uri) -> Result<Response, Problem> {
    let (mut status, mut severity, mut story) = (None, None, None);
    for (name, value) in pairs(uri.query())? {
        match name.as_str() {
            "status" if matches!(&*value, "firing" | "resolved") => status = Some(value),
            "status" => return Err(Invalid::value("status", &value, "firing, resolved").into()),
            "severity" => severity = Some(value),
            "story" => story = Some(value),
            _ => return Err(Invalid::new(&name, "is unknown", "status, severity, story, at").into()),
        }
    }
    let fits = |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| is == Some(wanted));
    let chosen = |alert: &&Arc<Alert>| {
        fits(&status, Some(&alert.status))
            && fits(&severity, Some(&alert.severity))
            && fits(&story, alert.story_id.as_deref())
    };
    let stale = when.stale(&api, Source::Alert, "source/alert");
    let panel = when.read(|state| state.panels.get(&Source::Alert).cloned());
    let (items, as_of) = match panel.as_deref() {
        Some(Panel::Alerts(panel)) => (panel.alerts.iter().filter(chosen).cloned().collect(), panel.at),
        _ => (Vec::new(), Timestamp::ZERO),
    };
    Ok(Listing::of_system(items, as_of, stale).of(&when).into_response())
}
