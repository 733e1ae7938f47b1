//! What is counted of entries, for a story and for a time alike: types, broken rules, what roles spend.

use std::collections::{BTreeMap, HashMap};

use super::bounded::Capped;
use super::said::{line, maybe};
use super::timeline::{Answer, LlmRequest, RoleSpend, Spend, TypeCount, Violation};
use crate::model::{Join, Message, Record, Resolved, Text};

/// Most of each that are told apart.
const MAX_RULES: usize = 200;
const MAX_TYPES: usize = 200;
const MAX_ROLES: usize = 100;

#[derive(Debug)]
pub(super) struct Tally {
    pub(super) all: TypeCount,
    types: HashMap<Text, TypeCount>,
    other_types: u64,
    rules: HashMap<(Text, Text), Violation>,
    other_rules: u64,
    spend: Spend,
    roles: BTreeMap<(String, String), RoleSpend>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            all: TypeCount::new(""),
            types: HashMap::new(),
            other_types: 0,
            rules: HashMap::new(),
            other_rules: 0,
            spend: Spend::default(),
            roles: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// Counts an entry.
    pub(super) fn add(&mut self, record: &Record, message: &Message, resolved: &Resolved) {
        self.all.add(resolved.severity);
        let room = self.types.len() < MAX_TYPES;
        match self.types.get_mut(&message.event_type) {
            Some(count) => count.add(resolved.severity),
            None if room => {
                let mut count = TypeCount::new(&line(&message.event_type));
                count.add(resolved.severity);
                self.types.insert(message.event_type.clone(), count);
            }
            None => self.other_types += 1,
        }
        for rule in &resolved.violations {
            let key = (rule.clone(), message.event_type.clone());
            let room = self.rules.len() < MAX_RULES;
            match self.rules.get_mut(&key) {
                Some(violation) => violation.events += 1,
                None if room => {
                    let violation = Violation {
                        rule: line(rule),
                        kind: line(&message.event_type),
                        producer: maybe(message.producer.as_ref()),
                        events: 1,
                        first_seq: record.seq,
                        first: record.at,
                    };
                    self.rules.insert(key, violation);
                }
                None => self.other_rules += 1,
            }
        }
    }

    /// What a role spends with a model. Beyond so many they are one.
    fn role(&mut self, role: Option<&str>, model: Option<&str>) -> &mut RoleSpend {
        let name = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        let mut key = (name(role), name(model));
        if self.roles.len() >= MAX_ROLES && !self.roles.contains_key(&key) {
            key = ("other".to_owned(), "other".to_owned());
        }
        let (role, model) = key.clone();
        self.roles.entry(key).or_insert_with(|| RoleSpend { role, model, ..RoleSpend::default() })
    }

    /// An answer counts for its role.
    pub(super) fn credit(&mut self, answer: &Answer) {
        let role = self.role(answer.role.as_deref(), answer.model.as_deref());
        role.answers += 1;
        role.failed += u64::from(!answer.ok);
        role.tokens += answer.tokens.unwrap_or(0);
        role.agent_ms += answer.duration_ms.unwrap_or(0);
        self.spend.answer_tokens += answer.tokens.unwrap_or(0);
        self.spend.agent_ms += answer.duration_ms.unwrap_or(0);
    }

    /// So does a request to a language model.
    pub(super) fn request(&mut self, request: &LlmRequest, join: Join, inference: Option<f64>) {
        let (input, output) = (request.input_tokens.unwrap_or(0), request.output_tokens.unwrap_or(0));
        let role = self.role(request.role.as_deref(), request.model.as_deref());
        role.requests += 1;
        role.input_tokens += input;
        role.output_tokens += output;
        self.spend.requests += 1;
        self.spend.input_tokens += input;
        self.spend.output_tokens += output;
        self.spend.inferred_requests += u64::from(join == Join::Inferred);
        self.spend.gpu_seconds += inference.filter(|seconds| seconds.is_finite()).unwrap_or(0.0);
    }

    /// What could not be told apart.
    pub(super) fn left_out(&self) -> Vec<String> {
        let types = (self.other_types, "events of further types are not counted by type");
        let rules = (self.other_rules, "further contract violations are not listed");
        [types, rules].into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect()
    }

    /// The most frequent first.
    pub(super) fn types(&self) -> Capped<TypeCount> {
        let mut types: Vec<_> = self.types.values().cloned().collect();
        types.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.kind.cmp(&b.kind)));
        Capped::of(types, MAX_TYPES)
    }

    /// The most frequent first.
    pub(super) fn violations(&self) -> Capped<Violation> {
        let mut rules: Vec<_> = self.rules.values().cloned().collect();
        rules.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| (&a.rule, &a.kind).cmp(&(&b.rule, &b.kind))));
        Capped::of(rules, MAX_RULES)
    }

    /// What all took, and each role, the most tokens first.
    pub(super) fn spend(self) -> Spend {
        let mut by_role: Vec<_> = self.roles.into_values().collect();
        let weight = |role: &RoleSpend| role.tokens.max(role.input_tokens + role.output_tokens);
        by_role.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| (&a.role, &a.model).cmp(&(&b.role, &b.model))));
        Spend { by_role, ..self.spend }
    }
}
