//! Two stories side by side: what is told of both, one figure a row.
//! Takes: two timelines. Gives: rows, in the order of sections, each with both figures where both are known.
//! Never: calls a figure nought that is not known.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::timeline::{Outcome, Timeline};
use crate::model::Timestamp;

/// Most rows of a section: what is rarer in both is counted in `left_out`.
const MAX_ROWS: usize = 200;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Ms,
    /// Tokens.
    Tokens,
    /// Seconds.
    S,
    /// Money, in the currency beside it.
    Money,
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Row {
    /// `story`, `phase`, `deliberation`, `role`, `consumer`, `llm`, `failure` or `violation`.
    pub(crate) section: &'static str,
    /// Phase, role, consumer, ….
    pub(crate) name: String,
    /// Which figure of it.
    pub(crate) figure: &'static str,
    /// What it is counted in.
    pub(crate) unit: Unit,
    /// Of the left one; null = there is none.
    pub(crate) left: Option<f64>,
    /// Of the right one; null = there is none.
    pub(crate) right: Option<f64>,
    /// Right less left, where both are known.
    pub(crate) difference: Option<f64>,
    /// Right by left, where both are known and left is not nought.
    pub(crate) ratio: Option<f64>,
}

/// A side in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Side {
    /// Story.
    pub(crate) story_id: String,
    /// Title.
    pub(crate) title: Option<String>,
    /// How it stands.
    pub(crate) outcome: Outcome,
    /// First event.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started: Timestamp,
    /// Last event.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ended: Timestamp,
    /// Currency of its cost.
    pub(crate) currency: Option<String>,
    /// Why its figures are not of all there was. Empty = they are.
    pub(crate) left_out: Vec<String>,
}

/// Two stories side by side.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Comparison {
    /// What is compared.
    pub(crate) left: Side,
    /// With what.
    pub(crate) right: Side,
    /// All figures.
    pub(crate) rows: Vec<Row>,
    /// What is not compared.
    pub(crate) left_out: Vec<String>,
}

/// A row's place among all, in the order sections and figures are told.
type Place = (usize, String, usize);

/// The figures of one side.
#[derive(Debug, Default)]
struct Figures(BTreeMap<Place, (&'static str, &'static str, Unit, f64)>);

const SECTIONS: [&str; 8] = ["story", "phase", "deliberation", "role", "consumer", "llm", "failure", "violation"];

impl Figures {
    fn add(&mut self, section: &'static str, name: &str, figures: &[(&'static str, Unit, f64)]) {
        let at = SECTIONS.iter().position(|known| *known == section).unwrap_or(SECTIONS.len());
        for (n, (figure, unit, value)) in figures.iter().enumerate() {
            let place = (at, name.to_owned(), n);
            self.0.entry(place).or_insert((section, figure, *unit, 0.0)).3 += value;
        }
    }

    fn of(told: &Timeline) -> Self {
        let mut figures = Self::default();
        figures.story(told);
        for phase in &told.phases.items {
            let until = phase.until.unwrap_or(told.ended);
            let took = until.since(phase.from).as_secs_f64() * 1e3;
            figures.add("phase", &phase.phase, &[("duration", Unit::Ms, took), ("stays", Unit::Count, 1.0)]);
        }
        for deliberation in &told.deliberations.items {
            let took = deliberation.ended.since(deliberation.started).as_secs_f64() * 1e3;
            let role = deliberation.role.as_deref().unwrap_or("unknown");
            let answers = deliberation.answers.total() as f64;
            let missing = deliberation.missing.len() as f64;
            figures.add(
                "deliberation",
                role,
                &[
                    ("deliberations", Unit::Count, 1.0),
                    ("duration", Unit::Ms, took),
                    ("answers", Unit::Count, answers),
                    ("missing answers", Unit::Count, missing),
                ],
            );
        }
        for spent in &told.spend.by_role {
            let name = format!("{} · {}", spent.role, spent.model);
            figures.add(
                "role",
                &name,
                &[
                    ("answers", Unit::Count, spent.answers as f64),
                    ("failed answers", Unit::Count, spent.failed as f64),
                    ("tokens", Unit::Tokens, spent.tokens as f64),
                    ("working time", Unit::Ms, spent.agent_ms as f64),
                ],
            );
        }
        for consumer in &told.consumers.items {
            let name = format!("{}/{}", consumer.stream, consumer.consumer);
            let counted = [
                ("events", Unit::Count, consumer.events as f64),
                ("naks", Unit::Count, consumer.naks as f64),
                ("redeliveries", Unit::Count, consumer.redeliveries as f64),
                ("given up", Unit::Count, (consumer.terminated + consumer.max_deliveries) as f64),
            ];
            let latency = consumer.latency.iter().flat_map(|latency| {
                [("latency p50", Unit::Ms, latency.p50_ms), ("latency p95", Unit::Ms, latency.p95_ms)]
            });
            figures.add("consumer", &name, &counted.into_iter().chain(latency).collect::<Vec<_>>());
        }
        for request in &told.llm.items {
            let took = request.ended.since(request.started).as_secs_f64() * 1e3;
            let failed = f64::from(u8::from(request.status != "completed"));
            let model = request.model.as_deref().unwrap_or("unknown");
            figures.add(
                "llm",
                model,
                &[("requests", Unit::Count, 1.0), ("failed", Unit::Count, failed), ("duration", Unit::Ms, took)],
            );
        }
        for step in told.failures.items.iter().flat_map(|chain| &chain.steps.items) {
            figures.add("failure", step.kind, &[("failures", Unit::Count, 1.0)]);
        }
        for violation in &told.violations.items {
            let name = format!("{} · {}", violation.rule, violation.kind);
            figures.add("violation", &name, &[("events", Unit::Count, violation.events as f64)]);
        }
        figures
    }

    fn story(&mut self, told: &Timeline) {
        let spend = &told.spend;
        let (failures, deliberations) = (told.failures.total() as f64, told.deliberations.total() as f64);
        let mut all = vec![
            ("duration", Unit::Ms, told.duration_ms),
            ("events", Unit::Count, told.events as f64),
            ("warnings", Unit::Count, told.warnings as f64),
            ("errors", Unit::Count, told.errors as f64),
            ("work items", Unit::Count, told.work.total() as f64),
            ("deliberations", Unit::Count, deliberations),
            ("chains of failures", Unit::Count, failures),
            ("tokens of answers", Unit::Tokens, spend.answer_tokens as f64),
            ("LLM requests", Unit::Count, spend.requests as f64),
            ("prompt tokens", Unit::Tokens, spend.input_tokens as f64),
            ("completion tokens", Unit::Tokens, spend.output_tokens as f64),
            ("inference time", Unit::S, spend.gpu_seconds),
        ];
        all.extend(spend.cost.map(|cost| ("cost", Unit::Money, cost)));
        self.add("story", "", &all);
    }
}

/// Compares two stories.
pub(crate) fn compare(left: &Timeline, right: &Timeline) -> Comparison {
    let (mut ours, mut theirs) = (Figures::of(left), Figures::of(right));
    let mut left_out = Vec::new();
    if left.spend.currency != right.spend.currency && left.spend.cost.is_some() && right.spend.cost.is_some() {
        left_out.push("the costs are in two currencies".to_owned());
        for side in [&mut ours, &mut theirs] {
            side.0.retain(|_, (_, _, unit, _)| *unit != Unit::Money);
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    let places: std::collections::BTreeSet<&Place> = ours.0.keys().chain(theirs.0.keys()).collect();
    let mut omitted = [0_u64; SECTIONS.len() + 1];
    let mut listed = [0_usize; SECTIONS.len() + 1];
    for place in places {
        let (mine, other) = (ours.0.get(place), theirs.0.get(place));
        let Some((section, figure, unit, _)) = mine.or(other) else { continue };
        if listed[place.0] == MAX_ROWS {
            omitted[place.0] += 1;
            continue;
        }
        listed[place.0] += 1;
        rows.push(Row::new(section, &place.1, figure, *unit, (mine.map(|f| f.3), other.map(|f| f.3))));
    }
    let omitted = SECTIONS.iter().zip(omitted).filter(|(_, count)| *count > 0);
    left_out.extend(omitted.map(|(section, count)| format!("{count} figures of {section} are not listed")));
    Comparison { left: Side::of(left), right: Side::of(right), rows, left_out }
}

impl Row {
    fn new(
        section: &'static str,
        name: &str,
        figure: &'static str,
        unit: Unit,
        (left, right): (Option<f64>, Option<f64>),
    ) -> Self {
        let both = left.zip(right);
        let tidy = |value: f64| (value * 1e6).round() / 1e6;
        Self {
            section,
            name: name.to_owned(),
            figure,
            unit,
            left: left.map(tidy),
            right: right.map(tidy),
            difference: both.map(|(left, right)| tidy(right - left)),
            ratio: both.filter(|(left, _)| *left != 0.0).map(|(left, right)| tidy(right / left)),
        }
    }
}

impl Side {
    fn of(told: &Timeline) -> Self {
        let lists = [
            ("phases", told.phases.more),
            ("deliberations", told.deliberations.more),
            ("consumers", told.consumers.more),
            ("LLM requests", told.llm.more),
            ("chains of failures", told.failures.more),
            ("violations", told.violations.more),
        ];
        let cut = lists.into_iter().filter(|(_, more)| *more > 0);
        let cut = cut.map(|(what, more)| format!("{more} further {what} are not in the figures of their section"));
        Self {
            story_id: told.story_id.clone(),
            title: told.title.clone(),
            outcome: told.outcome,
            started: told.started,
            ended: told.ended,
            currency: told.spend.currency.clone(),
            left_out: told.left_out.iter().cloned().chain(cut).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(left: Option<f64>, right: Option<f64>) -> Row {
        Row::new("story", "", "events", Unit::Count, (left, right))
    }

    #[test]
    fn what_is_not_known_is_not_nought() {
        let both = row(Some(4.0), Some(6.0));
        assert_eq!((both.difference, both.ratio), (Some(2.0), Some(1.5)));
        let one = row(None, Some(6.0));
        assert_eq!((one.left, one.difference, one.ratio), (None, None, None));
        let from_nought = row(Some(0.0), Some(6.0));
        assert_eq!((from_nought.difference, from_nought.ratio), (Some(6.0), None));
    }

    #[test]
    fn figures_of_one_name_are_added_up_and_told_in_order() {
        let mut figures = Figures::default();
        figures.add("phase", "REVIEW", &[("duration", Unit::Ms, 5.0)]);
        figures.add("story", "", &[("events", Unit::Count, 1.0)]);
        figures.add("phase", "REVIEW", &[("duration", Unit::Ms, 7.0)]);
        let told: Vec<_> = figures.0.values().map(|(section, _, _, value)| (*section, *value)).collect();
        assert_eq!(told, [("story", 1.0), ("phase", 12.0)]);
    }
}
