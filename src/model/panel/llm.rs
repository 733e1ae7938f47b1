//! Serving of language models, as the server's own metrics tell it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Text, Timestamp};

/// What a histogram told between the last two polls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spread {
    /// Mean, in seconds; null = nothing was observed.
    pub mean_seconds: Option<f64>,
    /// 95th percentile, in seconds, as near as the histogram's buckets allow.
    pub p95_seconds: Option<f64>,
}

/// One model at one server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LlmModel {
    /// Where it was asked: host and port.
    #[schema(value_type = String)]
    pub server: Text,
    /// Model.
    #[schema(value_type = String)]
    pub model: Text,
    /// Requests at work.
    pub running: Option<f64>,
    /// Requests waiting.
    pub waiting: Option<f64>,
    /// Share of the key-value cache in use, 0 to 1.
    pub kv_cache_usage_ratio: Option<f64>,
    /// Tokens of prompts since the server started.
    pub prompt_tokens: Option<f64>,
    /// Tokens of answers since the server started.
    pub generation_tokens: Option<f64>,
    /// Tokens a second of prompts, between the last two polls.
    pub prompt_tokens_per_second: Option<f64>,
    /// Tokens a second of answers, between the last two polls.
    pub generation_tokens_per_second: Option<f64>,
    /// Requests since the server started, by how they ended: `stop`, `length`, `abort`, `error`, ….
    #[schema(value_type = BTreeMap<String, f64>)]
    pub finished: BTreeMap<Text, f64>,
    /// Requests refused at the door since the server started.
    pub rejected: Option<f64>,
    /// Times a request had to give way since the server started.
    pub preemptions: Option<f64>,
    /// Time from arrival to the end of the answer.
    pub latency: Spread,
    /// Time from arrival to the first token.
    pub time_to_first_token: Spread,
    /// Time in the queue.
    pub queue: Spread,
}

/// All models at all servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LlmPanel {
    /// When they were asked.
    pub at: Timestamp,
    /// By server, then by model.
    pub models: Vec<LlmModel>,
}
