//! `[cost]`: what tokens and GPU time cost.

use super::section::section;
use crate::model::Glob;

section! {
    /// What tokens and GPU time cost: money per story, agent and role.
    pub struct Cost = "cost", check check, {
        /// Prices of a million tokens, prompts and answers: `["Qwen/*=0.05/0.20"]`. The first that fits a model counts;
        /// `*` stands for any run of characters.
        prices: Vec<String> = Vec::new(),
        /// Price of a second of model inference: `"0.0006"`. A server works on several requests at once, so the sum over
        /// requests is the GPU time at most.
        gpu_second: String = "0".to_owned(),
        /// What the prices are in.
        currency: String = "USD".to_owned(),
    }
}

/// Highest price.
const MAX: f64 = 1e6;

/// A price in millionths.
fn micros(text: &str) -> Option<u64> {
    let price: f64 = text.trim().parse().ok()?;
    (0.0..=MAX).contains(&price).then(|| (price * 1e6).round() as u64)
}

fn price(text: &str) -> Option<(Glob, u64, u64)> {
    let (model, prices) = text.rsplit_once('=')?;
    let (input, output) = prices.split_once('/')?;
    let model = model.trim();
    (!model.is_empty()).then_some(())?;
    Some((Glob::new(model), micros(input)?, micros(output)?))
}

impl Cost {
    /// Models, and the price of a million tokens of prompts and of answers in millionths.
    pub fn table(&self) -> Vec<(Glob, u64, u64)> {
        self.prices.iter().filter_map(|text| price(text)).collect()
    }

    /// The price of a second of inference in millionths.
    pub fn gpu_second_micros(&self) -> u64 {
        micros(&self.gpu_second).unwrap_or(0)
    }
}

fn check(cost: &Cost) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    for text in &cost.prices {
        if price(text).is_none() {
            wrong.push((
                "prices",
                format!("`{text}`: write \"<model>=<input>/<output>\", such as \"Qwen/*=0.05/0.20\""),
            ));
        }
    }
    if micros(&cost.gpu_second).is_none() {
        wrong.push(("gpu_second", format!("`{}`: write a price such as \"0.0006\"", cost.gpu_second)));
    }
    if cost.currency.is_empty() || cost.currency.len() > 8 || !cost.currency.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        wrong.push(("currency", "write a short name such as \"USD\"".to_owned()));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_names_its_model_and_both_ways() {
        let cost = Cost { prices: vec!["a=b/c=0.05/0.2".into(), "*=1/2".into()], ..Cost::default() };
        assert!(check(&cost).is_empty());
        assert_eq!(cost.table(), [(Glob::new("a=b/c"), 50_000, 200_000), (Glob::new("*"), 1_000_000, 2_000_000)]);
        for wrong in ["", "=1/2", "m=1", "m=1/x", "m=-1/2", "m=1/NaN", "m=1/1e30"] {
            let cost = Cost { prices: vec![wrong.into()], ..Cost::default() };
            assert_eq!(super::check(&cost).len(), 1, "{wrong}");
        }
    }
}
