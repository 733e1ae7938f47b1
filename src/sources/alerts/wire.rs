//! Alertmanager's two ways to say the same: the webhook's body (version 4) and the API's list (v2).
//! Source: prometheus.io/docs/alerting/latest/configuration (`webhook_config`), and its own description of the API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::inbox::Refusal;
use crate::model::Timestamp;

/// Most alerts of a body.
const MAX_ALERTS: usize = 10_000;

/// An alert as it was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) fingerprint: Option<String>,
    pub(super) firing: bool,
    pub(super) silenced: Option<bool>,
    pub(super) starts_at: Option<Timestamp>,
    pub(super) ends_at: Option<Timestamp>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) generator_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Webhook<'a> {
    #[serde(borrow)]
    alerts: Vec<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    status: String,
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
}

/// The alerts of a webhook's body, and how many of it could not be read.
pub(super) fn pushed(body: &[u8]) -> Result<(Vec<Said>, u64), Refusal> {
    let webhook: Webhook = serde_json::from_slice(body).map_err(|error| {
        Refusal::Malformed(format!("this is no body of Alertmanager's webhook (an object with `alerts`): {error}"))
    })?;
    if webhook.alerts.len() > MAX_ALERTS {
        return Err(Refusal::Malformed(format!("{} alerts are more than {MAX_ALERTS}", webhook.alerts.len())));
    }
    let all = webhook.alerts.len();
    let read = |raw: &RawValue| serde_json::from_str::<Sent>(raw.get()).ok().and_then(Sent::said);
    let alerts: Vec<Said> = webhook.alerts.into_iter().filter_map(read).collect();
    let malformed = (all - alerts.len()) as u64;
    Ok((alerts, malformed))
}

impl Sent {
    fn said(self) -> Option<Said> {
        let firing = match &*self.status {
            "firing" => true,
            "resolved" => false,
            _ => return None,
        };
        Some(Said {
            fingerprint: self.fingerprint,
            firing,
            silenced: None,
            starts_at: time(self.starts_at),
            ends_at: time(self.ends_at).filter(|_| !firing),
            labels: self.labels,
            annotations: self.annotations,
            generator_url: self.generator_url,
        })
    }
}

/// An alert of the API's list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
    #[serde(default)]
    status: State,
}

#[derive(Debug, Default, Deserialize)]
struct State {
    #[serde(default)]
    state: String,
}

impl From<Listed> for Said {
    fn from(listed: Listed) -> Self {
        Self {
            fingerprint: listed.fingerprint,
            firing: true,
            silenced: Some(listed.status.state == "suppressed"),
            starts_at: time(listed.starts_at),
            ends_at: None,
            labels: listed.labels,
            annotations: listed.annotations,
            generator_url: listed.generator_url,
        }
    }
}

/// A time; Go's zero time (the year 1) stands for none.
fn time(text: Option<String>) -> Option<Timestamp> {
    let text = text.filter(|text| !text.starts_with("0001-"))?;
    Timestamp::parse(&text).ok()
}
