//! A finished span, as it will be exported: a value, free of any SDK.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ids::{SpanId, TraceId};
use super::text::Text;
use super::time::Timestamp;

/// The OTLP span kinds in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "OpenTelemetry's own words")]
pub enum SpanKind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// Text.
    Text(Text),
    /// Integer.
    Int(i64),
    /// Floating point number.
    Float(#[serde(with = "super::exact::float")] f64),
    /// Boolean.
    Bool(bool),
    /// List of texts.
    Texts(Vec<Text>),
}

/// Name and value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// Name, by the semantic conventions or `fleet.…`.
    pub key: Cow<'static, str>,
    /// Value.
    pub value: AttributeValue,
}

impl Attribute {
    /// A text attribute.
    pub fn text(key: &'static str, value: impl Into<Text>) -> Self {
        Self { key: Cow::Borrowed(key), value: AttributeValue::Text(value.into()) }
    }

    /// An integer attribute.
    pub fn int(key: &'static str, value: i64) -> Self {
        Self { key: Cow::Borrowed(key), value: AttributeValue::Int(value) }
    }

    /// A floating point attribute.
    pub fn float(key: &'static str, value: f64) -> Self {
        Self { key: Cow::Borrowed(key), value: AttributeValue::Float(value) }
    }

    /// A boolean attribute.
    pub fn bool(key: &'static str, value: bool) -> Self {
        Self { key: Cow::Borrowed(key), value: AttributeValue::Bool(value) }
    }

    /// A list attribute.
    pub fn texts(key: &'static str, value: Vec<Text>) -> Self {
        Self { key: Cow::Borrowed(key), value: AttributeValue::Texts(value) }
    }
}

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub name: Text,
    /// More about it.
    pub attributes: Vec<Attribute>,
}

/// A reference to a span, perhaps of another trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanLink {
    /// Trace.
    pub trace_id: TraceId,
    /// Span.
    pub span_id: SpanId,
    /// Why it is linked.
    pub attributes: Vec<Attribute>,
}

/// How it ended. Success is left unset, as the conventions ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpanStatus {
    /// Nothing went wrong.
    #[default]
    Unset,
    /// Failed, with a description.
    Error(Text),
}

/// A finished span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Trace.
    pub trace_id: TraceId,
    /// Its own id, computed from what it is.
    pub span_id: SpanId,
    /// Parent in the same trace; `None` for a root.
    pub parent: Option<SpanId>,
    /// Name of low cardinality, by the conventions.
    pub name: Text,
    /// Kind.
    pub kind: SpanKind,
    /// Begin.
    pub start: Timestamp,
    /// End, never before the begin.
    pub end: Timestamp,
    /// The service it is shown under (`service.name` of its resource).
    pub service: Text,
    /// Attributes.
    pub attributes: Vec<Attribute>,
    /// Events.
    pub events: Vec<SpanEvent>,
    /// Links.
    pub links: Vec<SpanLink>,
    /// Status.
    pub status: SpanStatus,
}
