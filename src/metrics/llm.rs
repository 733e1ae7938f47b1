//! Requests to language models.

use super::family::{LATENCY, families};

families! {
    /// Families about requests to language models, as their server tells them, with the council they were joined to.
    pub struct LlmMetrics {
        /// Requests to a language model.
        requests: counter = "fleet_llm_requests_total" ["model", "council", "outcome"],
        /// Time from a request's arrival to the end of its answer.
        duration: histogram = "fleet_llm_request_duration_seconds" ["model", "council", "outcome"] buckets LATENCY,
        /// Time from a request's arrival to the first token of its answer.
        first_token: histogram = "fleet_llm_time_to_first_token_seconds" ["model", "council"] buckets LATENCY,
        /// Tokens of requests: `input` are prompts, `output` answers.
        tokens: counter = "fleet_llm_tokens_total" ["model", "council", "direction"],
    }
}
