//! What a client says of a replay: which history, how fast, and what to do next.

use std::time::Duration;

use serde_json::{Map, Value};

use super::replay::{Control, Pace, Plan};
use super::selection::{Invalid, detail, time};
use super::subscription::{Wanted, filter};
use crate::config::Setting;
use crate::model::Timestamp;

const KEYS: &str = "type, id, filter, since, until, speed, longest_wait, paused, payload, ticket";
const CONTROL_KEYS: &str = "type, id, action, count, speed, to, ticket";
/// Most events of one step.
const MAX_STEP: u64 = 1000;

impl Default for Plan {
    /// All there is, as it was.
    fn default() -> Self {
        Self { wanted: Wanted::default(), pace: Pace::Times(1.0), longest_wait: None, paused: false }
    }
}

impl Plan {
    /// Refuses a range that ends before it begins.
    pub(crate) fn checked(self) -> Result<Self, Invalid> {
        match (self.wanted.filter.since, self.wanted.filter.until) {
            (Some(since), Some(until)) if since >= until => {
                Err(Invalid::new("until", "is not after `since`", "a later time"))
            }
            _ => Ok(self),
        }
    }
}

/// A pace in words: a number of times, or `max`.
pub(crate) fn pace(text: &str) -> Result<Pace, Invalid> {
    let (least, most) = Pace::RANGE.into_inner();
    if text == "max" {
        return Ok(Pace::Fastest);
    }
    let times = text.parse().ok().filter(|times| Pace::RANGE.contains(times));
    let times = times.ok_or_else(|| Invalid::value("speed", text, format!("{least} to {most}, or max")))?;
    Ok(Pace::Times(times))
}

/// The longest wait between two events.
pub(crate) fn longest_wait(text: &str) -> Result<Duration, Invalid> {
    Duration::read_text(text).map_err(|_| Invalid::value("longest_wait", text, "a duration such as 2s"))
}

pub(super) fn plan(message: &Map<String, Value>, now: Timestamp) -> Result<Plan, Invalid> {
    let mut plan = Plan::default();
    let (mut since, mut until) = (None, None);
    for (key, value) in message {
        match (key.as_str(), value) {
            ("type" | "id" | "ticket", _) | (_, Value::Null) => {}
            ("filter", value) => plan.wanted.filter = filter(value, now)?,
            ("since", Value::String(text)) => since = Some(time("since", text, now)?),
            ("until", Value::String(text)) => until = Some(time("until", text, now)?),
            ("speed", value) => plan.pace = pace(&word(value))?,
            ("longest_wait", Value::String(text)) => plan.longest_wait = Some(longest_wait(text)?),
            ("paused", Value::Bool(paused)) => plan.paused = *paused,
            ("payload", Value::String(text)) => plan.wanted.detail = detail(text)?,
            ("since" | "until" | "longest_wait" | "payload", _) => {
                return Err(Invalid::new(key, "is no text", "a text such as \"5m\""));
            }
            ("paused", _) => return Err(Invalid::new(key, "is neither", "true, false")),
            (other, _) => return Err(Invalid::new(other, "is unknown", KEYS)),
        }
    }
    (plan.wanted.filter.since, plan.wanted.filter.until) = (since, until);
    plan.checked()
}

pub(super) fn control(message: &Map<String, Value>, now: Timestamp) -> Result<Control, Invalid> {
    let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
    if let Some(other) = message.keys().find(|key| !CONTROL_KEYS.split(", ").any(|known| known == **key)) {
        return Err(Invalid::new(other, "is unknown", CONTROL_KEYS));
    }
    match text("action") {
        "pause" => Ok(Control::Pause),
        "resume" => Ok(Control::Resume),
        "step" => {
            let count = message.get("count").map_or(Some(1), Value::as_u64).filter(|n| (1..=MAX_STEP).contains(n));
            let count = count.and_then(|n| u32::try_from(n).ok());
            let wrong = || Invalid::value("count", &word(&message["count"]), format!("1 to {MAX_STEP}"));
            count.map(Control::Step).ok_or_else(wrong)
        }
        "speed" => pace(&word(message.get("speed").unwrap_or(&Value::Null))).map(Control::Pace),
        "seek" => time("to", text("to"), now).map(Control::Seek),
        other => Err(Invalid::value("action", other, "pause, resume, step, speed, seek")),
    }
}

/// A text as it is, anything else as JSON.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
