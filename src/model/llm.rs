//! A request to a language model, as its server tells it, and what it is joined to.

use serde::{Deserialize, Serialize};

use super::ids::{SpanId, TraceId};
use super::text::Text;
use super::time::Timestamp;

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LlmStatus {
    /// With an answer.
    #[default]
    Completed,
    /// Refused, or broken by the server.
    Failed,
    /// The client went away.
    Aborted,
}

impl LlmStatus {
    /// Name in labels and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// How a request was found to belong to an agent's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Join {
    /// By an id it carries.
    Exact,
    /// By time, model and tokens, and nothing else would fit.
    Inferred,
    /// Not at all.
    #[default]
    None,
}

impl Join {
    /// Name in spans (`fleet.join`) and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Inferred => "inferred",
            Self::None => "none",
        }
    }
}

/// Where the server's own span stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LlmSpan {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The caller's span, where the caller sent a `traceparent`.
    pub parent: Option<SpanId>,
}

/// Seconds that parts of a request took, where told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is the time of that name")]
pub struct LlmTimes {
    /// From arrival to the first token, queueing included.
    #[serde(with = "super::exact::maybe_float")]
    pub first_token: Option<f64>,
    #[serde(with = "super::exact::maybe_float")]
    pub queue: Option<f64>,
    #[serde(with = "super::exact::maybe_float")]
    pub prefill: Option<f64>,
    #[serde(with = "super::exact::maybe_float")]
    pub decode: Option<f64>,
    #[serde(with = "super::exact::maybe_float")]
    pub inference: Option<f64>,
}

/// What the caller asked for besides the prompt, where told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is the parameter of that name")]
pub struct LlmParameters {
    #[serde(with = "super::exact::maybe_float")]
    pub temperature: Option<f64>,
    #[serde(with = "super::exact::maybe_float")]
    pub top_p: Option<f64>,
    pub max_tokens: Option<u64>,
    /// Answers asked for.
    pub n: Option<u64>,
}

/// A request to a language model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LlmRequest {
    /// The server's id of it: `chatcmpl-…`.
    pub request_id: Text,
    /// Model, where it is known.
    pub model: Option<Text>,
    /// Tokens of the prompt.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer.
    pub output_tokens: Option<u64>,
    /// Arrival.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// Where its time went.
    pub times: LlmTimes,
    /// What was asked for.
    pub parameters: LlmParameters,
    /// How it ended.
    pub status: LlmStatus,
    /// The error's type, where it failed.
    pub error: Option<Text>,
    /// The caller's address, where known.
    pub client: Option<Text>,
    /// Service of the server (`service.name`).
    pub service: Text,
    /// The server's own span, where there is one.
    pub span: Option<LlmSpan>,
}

impl LlmRequest {
    /// Prompt and answer together, where both are known.
    pub fn total_tokens(&self) -> Option<u64> {
        self.input_tokens?.checked_add(self.output_tokens?)
    }
}

/// What LLM requests took of a story, an agent or a council.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// Requests joined to it.
    pub requests: u64,
    /// Those of them joined by inference only.
    pub inferred_requests: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// Tokens, both ways, of requests joined by inference only.
    pub inferred_tokens: u64,
    /// Milliseconds of model inference: the GPU time at most, since a server works on several requests at once.
    pub gpu_ms: u64,
    /// Money in millionths of the currency of `[cost]`.
    pub micros: u64,
    /// Tokens for which `[cost]` names no price.
    pub unpriced_tokens: u64,
    /// What the money is in; `None` = nothing of it has a price.
    pub currency: Option<Text>,
}

impl Spend {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.inferred_requests = self.inferred_requests.saturating_add(other.inferred_requests);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.inferred_tokens = self.inferred_tokens.saturating_add(other.inferred_tokens);
        self.gpu_ms = self.gpu_ms.saturating_add(other.gpu_ms);
        self.micros = self.micros.saturating_add(other.micros);
        self.unpriced_tokens = self.unpriced_tokens.saturating_add(other.unpriced_tokens);
        if other.currency.is_some() {
            self.currency.clone_from(&other.currency);
        }
    }

    /// Share of the tokens that is joined by inference only, 0 to 1; `None` without tokens.
    pub fn inferred_share(&self) -> Option<f64> {
        let all = self.input_tokens + self.output_tokens;
        (all > 0).then(|| self.inferred_tokens as f64 / all as f64)
    }
}

/// A request as people see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlmView {
    /// The request.
    pub request: LlmRequest,
    /// How it was joined; `None` = it may still be.
    pub join: Option<Join>,
    /// The ids it was joined to.
    pub ids: super::ids::Ids,
    /// Its entry.
    pub seq: super::record::Seq,
}
