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
use crate::model::{Column, Filter, Glob, LinkKind, Record, Severity, Source, Test, Text};
use heed::RoTxn;

/// What to look up and what to check.
#[derive(Debug)]
pub(super) struct Plan {
    /// Every clause must hit; a clause hits where any of its terms does. None = all entries are candidates.
    pub(super) clauses: Vec<Vec<Term>>,
    /// The filter without its stories, which are looked up together with what is linked to them.
    pub(super) filter: Filter,
    /// Finds what the filter's text may be in.
    pub(super) text: Option<Regex>,
    /// Stories, each wanted or not.
    stories: Vec<(bool, Widened)>,
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
        let (mut clauses, mut stories) = (Vec::new(), Vec::new());
        if !filter.story.is_empty() {
            let (widened, terms) = widen(engine, txn, live, &filter.story)?;
            stories.push((false, widened));
            clauses.push(terms);
        }
        for clause in &filter.and {
            match clause.stories() {
                Some(named) => {
                    let (widened, terms) = widen(engine, txn, live, named)?;
                    stories.push((clause.not, widened));
                    clauses.extend((!clause.not).then_some(terms));
                }
                // What is not wanted is found out entry by entry: a hash alone must not keep one away.
                None if clause.not => {}
                None => clauses.extend(terms_of(&clause.test, live)),
            }
        }
        let lists = [
            (Column::Task, &filter.task),
            (Column::Ceremony, &filter.ceremony),
            (Column::Plan, &filter.plan),
            (Column::Agent, &filter.agent),
            (Column::Producer, &filter.producer),
            (Column::Role, &filter.role),
        ];
        for (column, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
            clauses.push(exact(column, values));
        }
        if !filter.types.is_empty() {
            clauses.extend(types(&filter.types, live));
        }
        if !filter.source.is_empty() {
            clauses.extend(sources(&filter.source));
        }
        clauses.extend(filter.severity.and_then(severities));
        for clause in &mut clauses {
            clause.sort_unstable();
            clause.dedup();
        }
        let and = filter.and.iter().filter(|clause| clause.stories().is_none()).cloned().collect();
        let text = rarest(filter).map(|texts| finder(&texts)).transpose()?;
        Ok(Self { clauses, filter: Filter { story: Vec::new(), and, ..filter.clone() }, text, stories })
    }

    /// Whether a candidate is what was asked for, its text not yet looked at.
    pub(super) fn matches(&self, record: &Record) -> bool {
        self.filter.matches_columns(record) && self.stories.iter().all(|(not, story)| story.holds(record) != *not)
    }
}

/// What to look up for a term; `None` = all entries are candidates.
fn terms_of(test: &Test, live: &Live) -> Option<Vec<Term>> {
    match test {
        Test::Is(column, values) => Some(exact(*column, values)),
        Test::Type(globs) => types(globs, live),
        Test::Source(named) => sources(named),
        Test::Severity(least) => severities(*least),
        Test::Text(_) => None,
    }
}

fn exact(column: Column, values: &[String]) -> Vec<Term> {
    values.iter().map(|value| column_term(column, value)).collect()
}

/// The term of a column's value.
pub(super) fn column_term(column: Column, value: &str) -> Term {
    let field = match column {
        Column::Story => Field::Story,
        Column::Task => Field::Task,
        Column::Ceremony => Field::Ceremony,
        Column::Plan => Field::Plan,
        Column::Agent => Field::Agent,
        Column::Producer => Field::Producer,
        Column::Role => return Term::role(value),
    };
    Term::new(field, value.as_bytes())
}

/// A pattern that fits everything narrows nothing down.
fn types(globs: &[Glob], live: &Live) -> Option<Vec<Term>> {
    if globs.iter().any(|glob| glob.as_str().bytes().all(|c| c == b'*')) {
        return None;
    }
    let mut terms = Vec::new();
    for glob in globs {
        live.types.matching(glob, &mut terms);
    }
    Some(terms)
}

/// Nor does the source nearly all come from.
fn sources(named: &[Source]) -> Option<Vec<Term>> {
    named.iter().map(|source| Term::source(*source)).collect()
}

fn severities(least: Severity) -> Option<Vec<Term>> {
    let some = [Severity::Info, Severity::Warning, Severity::Error].into_iter().filter(|severity| *severity >= least);
    some.map(Term::severity).collect()
}

/// The texts to search frames for: one of them must be in each entry wanted. The longest are the rarest.
fn rarest(filter: &Filter) -> Option<Vec<&str>> {
    let asked = filter.q.as_deref().filter(|q| !q.is_empty()).map(|q| vec![q]);
    let terms = filter.and.iter().filter_map(|clause| match &clause.test {
        Test::Text(texts) if !clause.not => Some(texts.iter().map(String::as_str).collect()),
        _ => None,
    });
    asked.into_iter().chain(terms).max_by_key(|texts: &Vec<&str>| texts.iter().map(|text| text.len()).min())
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

/// Finds any of the texts in bytes, ASCII case ignored.
fn finder(texts: &[&str]) -> Result<Regex, JournalError> {
    let any: Vec<_> = texts.iter().map(|text| regex::escape(text)).collect();
    RegexBuilder::new(&any.join("|"))
        .unicode(false)
        .case_insensitive(true)
        .size_limit(64 << 20)
        .build()
        .map_err(|e| JournalError::Engine(e.into()))
}
