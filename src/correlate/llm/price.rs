//! What a request costs.

use serde::{Deserialize, Serialize};

use crate::model::{Glob, Join, LlmRequest, Spend};

use super::LlmSettings;

/// What a model's tokens cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Models, `*` allowed.
    pub model: Glob,
    /// Millionths of the currency for a million tokens of prompts.
    pub input_micros: u64,
    /// The same for answers.
    pub output_micros: u64,
}

/// `per_million` for this many tokens, rounded.
fn of(tokens: u64, per_million: u64) -> u64 {
    let micros = (u128::from(tokens) * u128::from(per_million) + 500_000) / 1_000_000;
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// What a request took.
pub(super) fn spend(request: &LlmRequest, join: Join, settings: &LlmSettings) -> Spend {
    let (input, output) = (request.input_tokens.unwrap_or(0), request.output_tokens.unwrap_or(0));
    let inferred = join == Join::Inferred;
    let gpu_ms = request.times.inference.map_or(0, |seconds| (seconds * 1e3).round() as u64);
    let price = request.model.as_deref().and_then(|m| settings.prices.iter().find(|price| price.model.matches(m)));
    let tokens = price.map_or(0, |price| of(input, price.input_micros).saturating_add(of(output, price.output_micros)));
    let gpu = u128::from(gpu_ms) * u128::from(settings.gpu_second_micros) / 1_000;
    Spend {
        requests: 1,
        inferred_requests: u64::from(inferred),
        input_tokens: input,
        output_tokens: output,
        inferred_tokens: if inferred { input.saturating_add(output) } else { 0 },
        gpu_ms,
        micros: tokens.saturating_add(u64::try_from(gpu).unwrap_or(u64::MAX)),
        currency: (price.is_some() || gpu > 0).then(|| settings.currency.clone()).flatten(),
        unpriced_tokens: if price.is_none() { input.saturating_add(output) } else { 0 },
    }
}
