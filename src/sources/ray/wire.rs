//! What the dashboard answers, as far as it is read. Fields of another form than expected count as absent, and a row
//! that is none is passed by: other versions of Ray are read as far as they go.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sources::failure::{Failure, reason};

/// A text; a number is taken as its digits.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A number; a text is taken as the number it spells.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// Names and texts.
pub(super) fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let Value::Object(map) = Value::deserialize(from)? else { return Ok(BTreeMap::new()) };
    let text = |(key, value)| match value {
        Value::String(text) => Some((key, text)),
        Value::Number(number) => Some((key, number.to_string())),
        _ => None,
    };
    Ok(map.into_iter().filter_map(text).collect())
}

/// Anything that may be of another form.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Version {
    #[serde(deserialize_with = "text")]
    pub(super) ray_version: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) session_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Driver {
    #[serde(deserialize_with = "text")]
    pub(super) node_ip_address: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) pid: Option<String>,
}

/// A row of `/api/jobs/`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JobRow {
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) job_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) submission_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) driver_info: Option<Driver>,
    #[serde(deserialize_with = "text")]
    pub(super) status: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) entrypoint: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) message: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) error_type: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) start_time: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) end_time: Option<f64>,
    #[serde(deserialize_with = "texts")]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(deserialize_with = "text")]
    pub(super) driver_node_id: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) driver_exit_code: Option<f64>,
}

/// A row of `/api/v0/actors`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ActorRow {
    #[serde(deserialize_with = "text")]
    pub(super) actor_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) class_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) state: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) job_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) node_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) ray_namespace: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) num_restarts: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) death_cause: Option<DeathCause>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeathCause {
    #[serde(alias = "actorDiedErrorContext", deserialize_with = "lenient")]
    pub(super) actor_died_error_context: Option<Death>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Death {
    #[serde(alias = "errorMessage", deserialize_with = "text")]
    pub(super) error_message: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) reason: Option<String>,
}

/// A row of `/api/v0/nodes`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeRow {
    #[serde(deserialize_with = "text")]
    pub(super) node_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) node_ip: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) is_head_node: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub(super) state: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) state_message: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) resources_total: Option<BTreeMap<String, f64>>,
}

/// A row of `/api/v0/tasks`. Without `detail=1` the last two are absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TaskRow {
    #[serde(deserialize_with = "text")]
    pub(super) task_id: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) attempt_number: Option<f64>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) state: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) job_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) func_or_class_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) error_type: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) error_message: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) end_time_ms: Option<f64>,
}

/// Rows, and how many there are that were not given.
#[derive(Debug)]
pub(super) struct Rows<T> {
    pub(super) items: Vec<T>,
    pub(super) left_out: u64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    result: Option<bool>,
    #[serde(default, borrow)]
    msg: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Listed<'a>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(default)]
    total: u64,
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
}

fn rows<T: DeserializeOwned>(raw: &[&RawValue]) -> Vec<T> {
    raw.iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect()
}

/// The rows of a list of the Jobs API.
pub(super) fn list<T: DeserializeOwned>(page: &str) -> Result<Rows<T>, Failure> {
    let raw: Vec<&RawValue> = serde_json::from_str(page).map_err(|error| not_understood("jobs", &error))?;
    Ok(Rows { items: rows(&raw), left_out: 0 })
}

/// The rows of a list of the state API.
pub(super) fn state<T: DeserializeOwned>(what: &str, page: &str) -> Result<Rows<T>, Failure> {
    let envelope: Envelope<'_> = serde_json::from_str(page).map_err(|error| not_understood(what, &error))?;
    let Some(data) = envelope.data.filter(|_| envelope.result != Some(false)) else {
        let said = envelope.msg.as_deref().unwrap_or("without a reason");
        let said = crate::model::shorten(&crate::model::printable(said), 160);
        return Err(Failure::new(reason::UNEXPECTED, format!("Ray does not list its {what}: {said}")));
    };
    let left_out = data.result.total.saturating_sub(data.result.result.len() as u64);
    Ok(Rows { items: rows(&data.result.result), left_out })
}

fn not_understood(what: &str, error: &serde_json::Error) -> Failure {
    Failure::new(reason::MALFORMED, format!("Ray's list of {what} is not understood: {error}"))
}
