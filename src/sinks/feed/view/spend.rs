//! What LLM requests took, as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::Spend;

/// What LLM requests took: tokens, time, money.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpendJson<'a> {
    /// Requests joined to it.
    requests: u64,
    /// Those of them joined by inference only.
    inferred_requests: u64,
    /// Tokens of prompts.
    input_tokens: u64,
    /// Tokens of answers.
    output_tokens: u64,
    /// Share of these tokens that is joined by inference only, 0 to 1; null without tokens.
    inferred_share: Option<f64>,
    /// Time of model inference: the GPU time at most, since a server works on several requests at once.
    gpu_seconds: f64,
    /// Money by the prices of `[cost]`; null where none of it has a price.
    cost: Option<f64>,
    /// What the money is in.
    currency: Option<&'a str>,
    /// Tokens for which `[cost]` names no price, and which `cost` leaves out.
    unpriced_tokens: u64,
}

impl<'a> From<&'a Spend> for SpendJson<'a> {
    fn from(spend: &'a Spend) -> Self {
        Self {
            requests: spend.requests,
            inferred_requests: spend.inferred_requests,
            input_tokens: spend.input_tokens,
            output_tokens: spend.output_tokens,
            inferred_share: spend.inferred_share(),
            gpu_seconds: spend.gpu_ms as f64 / 1e3,
            cost: spend.currency.is_some().then_some(spend.micros as f64 / 1e6),
            currency: spend.currency.as_deref(),
            unpriced_tokens: spend.unpriced_tokens,
        }
    }
}
