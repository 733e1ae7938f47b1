//! What a reader wants to see: one filter for history, live feed and export.

mod clause;
mod language;
mod print;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::clause::{Clause, Column, Test};
pub use self::language::{FilterError, MAX_FILTER, MAX_TERMS, MAX_VALUE, MAX_VALUES, WORDS};

use super::message::{Message, Source};
use super::record::{Record, Resolved, Seq, Severity};
use super::time::Timestamp;

/// A pattern for event types: `*` stands for any run of characters, dots included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// A pattern.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// The pattern as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, if the pattern has no `*` and so matches nothing else.
    pub fn literal(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&*self.0)
    }

    /// Whether `text` fits, case ignored.
    pub fn matches(&self, text: &str) -> bool {
        glob(self.0.as_bytes(), text.as_bytes())
    }
}

/// Iterative matching with one point to fall back to: linear in practice, never exponential.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star, mut mark) = (0, 0, None, 0);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some(p);
            mark = t;
            p += 1;
        } else if p < pattern.len() && pattern[p].eq_ignore_ascii_case(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some(s) = star {
            p = s + 1;
            mark += 1;
            t = mark;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Which entries. Fields are combined by "and", the values of one field by "or"; empty = any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Stories. In history a story also stands for its plans, tasks, deliberations and ceremonies.
    pub story: Vec<String>,
    /// Tasks.
    pub task: Vec<String>,
    /// Ceremonies.
    pub ceremony: Vec<String>,
    /// Plans.
    pub plan: Vec<String>,
    /// Roles, case ignored.
    pub role: Vec<String>,
    /// Agents.
    pub agent: Vec<String>,
    /// Event types as patterns.
    #[serde(rename = "type")]
    pub types: Vec<Glob>,
    /// Publishing services.
    pub producer: Vec<String>,
    /// Sources by their API name.
    pub source: Vec<Source>,
    /// At least this severity.
    pub severity: Option<Severity>,
    /// Text that the payload, subject or summary holds, case ignored.
    pub q: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// The terms of the filter language: each must hold as well.
    pub and: Vec<Clause>,
}

impl Filter {
    /// Whether an entry fits. Records that are no entries never do. A story is compared literally: widening it to the
    /// story's plans and tasks is the journal's job.
    pub fn matches(&self, record: &Record) -> bool {
        self.matches_columns(record) && self.matches_text(record)
    }

    /// All but the text.
    pub fn matches_columns(&self, record: &Record) -> bool {
        let Some((message, resolved)) = record.entry() else { return false };
        let ids = &resolved.ids;
        any_of(&self.story, ids.story.as_deref())
            && any_of(&self.task, ids.task.as_deref())
            && any_of(&self.ceremony, ids.ceremony.as_deref())
            && any_of(&self.plan, ids.plan.as_deref())
            && any_of(&self.agent, ids.agent.as_deref())
            && any_of(&self.producer, message.producer.as_deref())
            && (self.role.is_empty()
                || ids.role.as_deref().is_some_and(|role| self.role.iter().any(|r| r.eq_ignore_ascii_case(role))))
            && (self.types.is_empty() || self.types.iter().any(|g| g.matches(&message.event_type)))
            && (self.source.is_empty() || self.source.contains(&message.source))
            && self.severity.is_none_or(|least| resolved.severity >= least)
            && self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at < until)
            && self.and.iter().all(|clause| clause.fits_columns(message, resolved))
    }

    /// Only the text: payload, subject and summary, ASCII case ignored.
    pub fn matches_text(&self, record: &Record) -> bool {
        let q = self.q.as_deref().filter(|q| !q.is_empty());
        if q.is_none() && !self.and.iter().any(Clause::is_text) {
            return true;
        }
        let Some((message, resolved)) = record.entry() else { return false };
        q.is_none_or(|q| says(message, resolved, q))
            && self.and.iter().all(|clause| clause.fits_text(message, resolved))
    }

    /// Whether all that narrows it down is the time.
    pub fn is_range(&self) -> bool {
        let Self { since: _, until: _, q, .. } = self;
        let whole = Self { since: self.since, until: self.until, q: q.clone(), ..Self::default() };
        q.as_deref().is_none_or(str::is_empty) && *self == whole
    }
}

/// Whether an entry's payload, subject or summary holds a text.
fn says(message: &Message, resolved: &Resolved, text: &str) -> bool {
    contains(&message.payload.bytes, text.as_bytes())
        || contains(message.subject.as_bytes(), text.as_bytes())
        || contains(resolved.summary.as_bytes(), text.as_bytes())
}

fn any_of(wanted: &[String], have: Option<&str>) -> bool {
    wanted.is_empty() || have.is_some_and(|have| wanted.iter().any(|w| w == have))
}

/// Substring search, ASCII case ignored.
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    if needle.len() > haystack.len() {
        return false;
    }
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let last = haystack.len() - needle.len();
    memchr::memchr2_iter(lower, upper, &haystack[..=last])
        .any(|at| haystack[at + 1..at + needle.len()].eq_ignore_ascii_case(rest))
}

/// Which end of the history comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Newest first.
    #[default]
    Desc,
    /// Oldest first.
    Asc,
}

/// Where a page ended: the last sequence looked at. Stays valid while entries are added or expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(pub Seq);

/// A question to the journal.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Which entries.
    pub filter: Filter,
    /// In which order (by `seq`).
    pub order: Order,
    /// At most so many.
    pub limit: usize,
    /// Go on after this.
    pub cursor: Option<Cursor>,
}

/// A page of the answer.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In the order asked for.
    pub items: Vec<Arc<Record>>,
    /// Where to go on; `None` = that was all.
    pub next: Option<Cursor>,
}
