//! What a client of the feed asks for.

use serde_json::{Map, Value};

use super::entry::Detail;
use super::plan;
use super::replay::{Control, Plan};
use super::selection::{FIELDS, Invalid, detail, narrow, time};
use crate::model::{Filter, Seq, Timestamp};

/// Where to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Since {
    /// With what comes next.
    #[default]
    Now,
    /// After this record: the last one the client has.
    Seq(Seq),
    /// At this time.
    Time(Timestamp),
}

impl Since {
    /// A sequence in digits, or a time.
    pub(crate) fn parse(value: &str, now: Timestamp) -> Result<Self, Invalid> {
        if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            let garbage = |_| Invalid::value("since", value, "the seq of the last event received");
            return value.parse().map(Self::Seq).map_err(garbage);
        }
        time("since", value, now).map(Self::Time)
    }
}

/// Kinds of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Agents,
    Councils,
    Stories,
    Deliberations,
    Consumers,
}

impl Topic {
    pub(crate) const ALL: [Self; 5] =
        [Self::Agents, Self::Councils, Self::Stories, Self::Deliberations, Self::Consumers];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::Councils => "councils",
            Self::Stories => "stories",
            Self::Deliberations => "deliberations",
            Self::Consumers => "consumers",
        }
    }
}

/// Which events a client wants, and how. Clients that want the same share their frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) filter: Filter,
    pub(crate) detail: Detail,
    /// Most events a second; what is beyond is counted and told.
    pub(crate) rate: Option<u32>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subscription {
    pub(crate) wanted: Wanted,
    pub(crate) since: Since,
    pub(crate) topics: Vec<Topic>,
}

impl Default for Subscription {
    fn default() -> Self {
        Self { wanted: Wanted::default(), since: Since::Now, topics: Topic::ALL.to_vec() }
    }
}

/// Most subscriptions that share a connection: a dashboard has fewer panels, and frames may wait for each of them.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 16;
/// Longest name of one.
const MAX_ID: usize = 32;

/// Its client's name for a subscription: the frames of a named one say to which they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubscriptionId(String);

impl SubscriptionId {
    /// The name as it is. No character of it has to be escaped in JSON.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn of(value: Option<&Value>) -> Result<Option<Self>, Invalid> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(id)) if (1..=MAX_ID).contains(&id.len()) && id.bytes().all(plain) => {
                Ok(Some(Self(id.clone())))
            }
            Some(_) => Err(Invalid::new("id", "is no name", format!("1 to {MAX_ID} letters, digits, - and _"))),
        }
    }
}

/// A message of a WebSocket client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClientMessage {
    pub(crate) ticket: Option<String>,
    pub(crate) said: Said,
}

/// What the message is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// Only brings the ticket.
    Ticket,
    /// Begins a subscription, in the place of the one of the same name.
    Subscribe(Box<Subscription>),
    /// Begins a replay, in the place of the subscription or replay of the same name.
    Replay(Box<Plan>),
    /// Is about the replay of this name.
    Control(Control),
    /// Ends it.
    Unsubscribe,
    /// Asks for the hello once more: a page cannot see pings, and this tells it that somebody is there.
    Hello,
}

const KEYS: &str = "type, id, filter, since, payload, topics, rate, ticket";

impl ClientMessage {
    /// Gives the name of the subscription it is about too, so that what is wrong with it can be told under that name.
    pub(crate) fn parse(text: &str, now: Timestamp) -> (Option<SubscriptionId>, Result<Self, Invalid>) {
        let shape =
            "{\"type\":\"subscribe\",\"filter\":{…},\"since\":seq|\"5m\"|null,\"payload\":\"summary\"|\"full\"}";
        let message: Map<String, Value> = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(e) => return (None, Err(Invalid::new("message", format!("is no JSON object ({e})"), shape))),
        };
        match SubscriptionId::of(message.get("id")) {
            Ok(id) => (id, Self::read(&message, now)),
            Err(invalid) => (None, Err(invalid)),
        }
    }

    fn read(message: &Map<String, Value>, now: Timestamp) -> Result<Self, Invalid> {
        let ticket = match message.get("ticket") {
            None | Some(Value::Null) => None,
            Some(Value::String(ticket)) => Some(ticket.clone()),
            Some(_) => return Err(Invalid::new("ticket", "is no text", "the ticket of GET /api/ticket")),
        };
        match message.get("type").and_then(Value::as_str) {
            Some("subscribe") => {
                let said = Said::Subscribe(Box::new(subscription(message, now)?));
                Ok(Self { ticket, said })
            }
            Some("replay") => Ok(Self { ticket, said: Said::Replay(Box::new(plan::plan(message, now)?)) }),
            Some("control") => Ok(Self { ticket, said: Said::Control(plan::control(message, now)?) }),
            Some("unsubscribe") => Ok(Self { ticket, said: Said::Unsubscribe }),
            Some("hello") => Ok(Self { ticket, said: Said::Hello }),
            Some("ticket") if ticket.is_some() => Ok(Self { ticket, said: Said::Ticket }),
            other => Err(Invalid::value(
                "type",
                other.unwrap_or(""),
                "subscribe, replay, control, unsubscribe, hello, ticket",
            )),
        }
    }
}

fn subscription(message: &Map<String, Value>, now: Timestamp) -> Result<Subscription, Invalid> {
    let mut asked = Subscription::default();
    for (key, value) in message {
        match (key.as_str(), value) {
            ("type" | "id" | "ticket", _) | (_, Value::Null) => {}
            ("filter", value) => asked.wanted.filter = filter(value, now)?,
            ("since", Value::Number(n)) => {
                let seq = n.as_u64().ok_or_else(|| Invalid::value("since", &n.to_string(), "a seq from 0 on"))?;
                asked.since = Since::Seq(seq);
            }
            ("since", Value::String(text)) => asked.since = Since::parse(text, now)?,
            ("since", _) => return Err(Invalid::new("since", "is neither", "a seq, a time such as \"5m\", or null")),
            ("payload", Value::String(text)) => asked.wanted.detail = detail(text)?,
            ("payload", _) => return Err(Invalid::new("payload", "is no text", "summary, full")),
            ("rate", value) => asked.wanted.rate = Some(rate(value)?),
            ("topics", Value::Array(names)) => asked.topics = topics(names)?,
            ("topics", _) => return Err(Invalid::new("topics", "is no list", "a list of topics")),
            (other, _) => return Err(Invalid::new(other, "is unknown", KEYS)),
        }
    }
    Ok(asked)
}

fn rate(value: &Value) -> Result<u32, Invalid> {
    let rate = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=100_000).contains(n));
    rate.ok_or_else(|| Invalid::value("rate", &value.to_string(), "1 to 100000 events a second"))
}

fn topics(names: &[Value]) -> Result<Vec<Topic>, Invalid> {
    let allowed = || Topic::ALL.map(Topic::name).join(", ");
    let mut topics = Vec::new();
    for name in names {
        let name = name.as_str().unwrap_or("");
        let topic = Topic::ALL.into_iter().find(|t| t.name() == name);
        let topic = topic.ok_or_else(|| Invalid::value("topics", name, allowed()))?;
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    Ok(topics)
}

/// Each field is a text or a list of texts.
pub(super) fn filter(value: &Value, now: Timestamp) -> Result<Filter, Invalid> {
    let mut filter = Filter::default();
    let fields = match value {
        Value::Object(fields) => fields,
        Value::String(text) => {
            narrow(&mut filter, "filter", text, now)?;
            return Ok(filter);
        }
        _ => {
            let allowed = "a text such as \"story:US-1\", or an object such as {\"story\":\"US-1\"}";
            return Err(Invalid::new("filter", "is neither a text nor an object", allowed));
        }
    };
    for (name, value) in fields {
        if name == "since" || name == "until" {
            return Err(Invalid::new(name, "does not belong into the filter", "`since` beside the filter"));
        }
        let texts: Vec<&str> = match value {
            Value::Null => Vec::new(),
            Value::String(text) => vec![text],
            Value::Array(items) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).collect()
            }
            _ => {
                return Err(Invalid::new(
                    name,
                    "is neither a text nor a list of texts",
                    "such as \"a\" or [\"a\",\"b\"]",
                ));
            }
        };
        if texts.is_empty() && !FIELDS.contains(&name.as_str()) {
            return Err(Invalid::new(name, "is unknown", FIELDS.join(", ")));
        }
        for text in texts {
            if !narrow(&mut filter, name, text, now)? {
                return Err(Invalid::new(name, "is unknown", FIELDS.join(", ")));
            }
        }
    }
    Ok(filter)
}
