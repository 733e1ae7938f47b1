//! The configuration in force and where each value came from: `/api/debug/config`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::access::Role;
use super::health::json;
use super::problem::Problem;
use super::query::Plain;
use crate::config::{Config, Origin};

/// A value in force.
#[derive(Debug, Serialize, ToSchema)]
struct KeyJson {
    /// `section.key`.
    key: String,
    /// Its value, secrets masked; null = not set.
    value: Value,
    /// What it is if nothing sets it.
    default: Value,
    /// `default`, `file`, `variable`, or `command`: given by the command that runs, as `fleetscope demo` does.
    from: &'static str,
    /// The variable that sets it, or would.
    variable: String,
}

/// The configuration in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigJson {
    /// The file it was read from; null = none.
    file: Option<String>,
    /// Every key, in the order of the file.
    items: Vec<KeyJson>,
}

/// The configuration in force, secrets masked, with where each value came from. Needs role debug.
#[utoipa::path(get, path = "/api/debug/config", tag = "debug",
    responses((status = 200, description = "Every key", body = ConfigJson),
              (status = 403, description = "It needs role debug", body = Problem)))]
pub(super) async fn config(State(api): State<Api>, role: Role, _: Plain) -> Result<Response, Problem> {
    role.may_debug()?;
    let config = &api.context.config;
    let file = config.origins.file().map(str::to_owned);
    Ok(Json(ConfigJson { file, items: keys(config) }).into_response())
}

fn keys(config: &Config) -> Vec<KeyJson> {
    let value = |toml: Option<String>| toml.as_deref().map_or(Value::Null, json);
    let mut keys = Vec::new();
    for ((section, held), (_, defaults)) in config.shown().into_iter().zip(Config::default().shown()) {
        for ((key, held), (_, default)) in held.into_iter().zip(defaults) {
            let path = format!("{section}.{key}");
            let from = match config.origins.of(&path) {
                Some(Origin::File) => "file",
                Some(Origin::Variable) => "variable",
                None if held == default => "default",
                None => "command",
            };
            let variable = crate::config::variable(&path);
            keys.push(KeyJson { key: path, value: value(held), default: value(default), from, variable });
        }
    }
    keys
}
