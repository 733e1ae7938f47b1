//! Requests to language models → samples.

use super::Recorder;
use crate::model::Measure;

impl Recorder {
    /// A request that is settled.
    pub(super) fn llm_request(&self, measure: &Measure) {
        let Measure::LlmRequest { model, council, outcome, seconds, first_token, tokens } = measure else { return };
        let (m, cap) = (&self.metrics.llm, &self.metrics.cap);
        let model = cap.value("fleet_llm_requests_total", "model", model);
        let council = cap.value("fleet_llm_requests_total", "council", council);
        m.requests.with_label_values(&[&*model, &*council, *outcome]).inc();
        if let Some(seconds) = seconds {
            m.duration.with_label_values(&[&*model, &*council, *outcome]).observe(*seconds);
        }
        if let Some(seconds) = first_token {
            m.first_token.with_label_values(&[&*model, &*council]).observe(*seconds);
        }
        for (direction, tokens) in ["input", "output"].into_iter().zip(tokens) {
            m.tokens.with_label_values(&[&*model, &*council, direction]).inc_by(*tokens);
        }
    }
}
