//! Filter → the terms to look up, and the test each candidate must pass.
//! Takes: a filter, the types seen, the links of its stories. Gives: clauses ("or" within, "and" between) and the test.
//! Never: lets a hash decide.

use std::collections::HashSet;

use regex::bytes::{Regex, RegexBuilder};

use super::engine::Engine;
use super::links;
use super::live::Live;
use super::term::{Field, Term};
use crate::journal::JournalError;
use crate::model::{Filter, LinkKind, Record, Severity, Source, Text};
use heed::RoTxn;

/// What to look up and what to check.
#[derive(Debug)]
pub(super) struct Plan {
    /// Every clause must hit; a clause hits where any of its terms does. None = all entries are candidates.
    pub(super) clauses: Vec<Vec<Term>>,
    /// The filter without its stories.
    pub(super) filter: Filter,
    /// Finds what the filter's text may be in.
    pub(super) text: Option<Regex>,
    story: Option<Widened>,
}

/// Stories with the ids linked to them.
#[derive(Debug, Default)]
struct Widened {
    stories: HashSet<Text>,
    tasks: HashSet<Text>,
    plans: HashSet<Text>,
    deliberations: HashSet<Text>,
    ceremonies: HashSet<Text>,
}

impl Plan {
    pub(super) fn new(engine: &Engine, txn: &RoTxn<'_>, live: &Live, filter: &Filter) -> Result<Self, JournalError> {
        let mut clauses = Vec::new();
        let mut story = None;
        if !filter.story.is_empty() {
            let (widened, terms) = widen(engine, txn, live, &filter.story)?;
            story = Some(widened);
            clauses.push(terms);
        }
        let texts = [
            (Field::Task, &filter.task),
            (Field::Ceremony, &filter.ceremony),
            (Field::Plan, &filter.plan),
            (Field::Agent, &filter.agent),
            (Field::Producer, &filter.producer),
        ];
        for (field, values) in texts.into_iter().filter(|(_, values)| !values.is_empty()) {
            clauses.push(values.iter().map(|value| Term::new(field, value.as_bytes())).collect());
        }
        if !filter.role.is_empty() {
            clauses.push(filter.role.iter().map(|role| Term::role(role)).collect());
        }
        // A pattern that fits everything, or the source nearly all come from, narrows nothing down.
        if !filter.types.is_empty() && !filter.types.iter().any(|glob| glob.as_str() == "*") {
            let mut terms = Vec::new();
            filter.types.iter().for_each(|glob| live.types.matching(glob, &mut terms));
            clauses.push(terms);
        }
        if !filter.source.is_empty() && !filter.source.contains(&Source::Nats) {
            clauses.push(filter.source.iter().filter_map(|source| Term::source(*source)).collect());
        }
        if let Some(least) = filter.severity.filter(|least| *least > Severity::Info) {
            let some = [Severity::Warning, Severity::Error].into_iter().filter(|severity| *severity >= least);
            clauses.push(some.filter_map(Term::severity).collect());
        }
        for clause in &mut clauses {
            clause.sort_unstable();
            clause.dedup();
        }
        let text = filter.q.as_deref().filter(|q| !q.is_empty()).map(finder).transpose()?;
        Ok(Self { clauses, filter: Filter { story: Vec::new(), ..filter.clone() }, text, story })
    }

    /// Whether a candidate is what was asked for, its text not yet looked at.
    pub(super) fn matches(&self, record: &Record) -> bool {
        self.filter.matches_columns(record) && self.story.as_ref().is_none_or(|story| story.holds(record))
    }
}

impl Widened {
    fn holds(&self, record: &Record) -> bool {
        let Some((_, resolved)) = record.entry() else { return false };
        let ids = &resolved.ids;
        let within = |set: &HashSet<Text>, id: &Option<Text>| id.as_ref().is_some_and(|id| set.contains(id));
        within(&self.stories, &ids.story)
            || within(&self.tasks, &ids.task)
            || within(&self.plans, &ids.plan)
            || within(&self.deliberations, &ids.deliberation)
            || ids.story.is_none() && within(&self.ceremonies, &ids.ceremony)
    }
}

fn widen(
    engine: &Engine,
    txn: &RoTxn<'_>,
    live: &Live,
    stories: &[String],
) -> Result<(Widened, Vec<Term>), JournalError> {
    let (mut widened, mut terms) = (Widened::default(), Vec::new());
    for story in stories {
        terms.push(Term::new(Field::Story, story.as_bytes()));
        widened.stories.insert(story.as_str().into());
        for (kind, id) in links::of_story(engine, txn, live, story)? {
            terms.push(Term::link(kind, &id));
            match kind {
                LinkKind::Task => widened.tasks.insert(id),
                LinkKind::Plan => widened.plans.insert(id),
                LinkKind::Deliberation => widened.deliberations.insert(id),
                LinkKind::Ceremony => widened.ceremonies.insert(id),
            };
        }
    }
    Ok((widened, terms))
}

/// Finds a text in bytes, ASCII case ignored.
fn finder(text: &str) -> Result<Regex, JournalError> {
    RegexBuilder::new(&regex::escape(text))
        .unicode(false)
        .case_insensitive(true)
        .size_limit(64 << 20)
        .build()
        .map_err(|e| JournalError::Engine(e.into()))
}
