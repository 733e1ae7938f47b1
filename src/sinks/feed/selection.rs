//! Names and values → a filter: the same words in a query string and in a subscription.

use std::time::Duration;

use super::entry::Detail;
use crate::config::Setting;
use crate::model::{
    Clause, Filter, FilterError, Glob, MAX_TERMS, MAX_VALUE, MAX_VALUES, Severity, Source, Timestamp, WORDS,
};

/// What was asked for that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub(crate) struct Invalid {
    /// Its name.
    pub(crate) parameter: String,
    /// What is wrong with it.
    pub(crate) wrong: String,
    /// What would be right.
    pub(crate) allowed: String,
    /// Where in a filter, and how much of it, in characters.
    pub(crate) place: Option<(usize, usize)>,
}

impl Invalid {
    pub(crate) fn new(parameter: &str, wrong: impl Into<String>, allowed: impl Into<String>) -> Self {
        let parameter = crate::model::shorten(&crate::model::printable(parameter), 64);
        Self { parameter, wrong: wrong.into(), allowed: allowed.into(), place: None }
    }

    fn told(&self) -> String {
        match self.place {
            Some(_) => self.wrong.clone(),
            None => format!("`{}` {}; allowed: {}", self.parameter, self.wrong, self.allowed),
        }
    }

    /// A value that is not among what is allowed.
    pub(crate) fn value(parameter: &str, value: &str, allowed: impl Into<String>) -> Self {
        let shown = crate::model::shorten(&crate::model::printable(value), 64);
        Self::new(parameter, format!("is `{shown}`"), allowed)
    }
}

/// A filter that cannot be read: the place says more than its name.
impl From<FilterError> for Invalid {
    fn from(error: FilterError) -> Self {
        let allowed = format!("terms such as story:US-1 -role:DEV,QA \"free text\"; fields are {}", WORDS.join(", "));
        Self { place: Some((error.at, error.length)), ..Self::new("filter", error.detail, allowed) }
    }
}

/// The fields of a filter, as they are written.
pub(crate) const FIELDS: [&str; 14] = [
    "filter", "story", "task", "ceremony", "plan", "role", "agent", "type", "producer", "source", "severity", "q",
    "since", "until",
];

/// Adds a value to a field. Gives false for a name that is no field of a filter.
pub(crate) fn narrow(filter: &mut Filter, name: &str, value: &str, now: Timestamp) -> Result<bool, Invalid> {
    let list = match name {
        "story" => &mut filter.story,
        "task" => &mut filter.task,
        "ceremony" => &mut filter.ceremony,
        "plan" => &mut filter.plan,
        "role" => &mut filter.role,
        "agent" => &mut filter.agent,
        "producer" => &mut filter.producer,
        "type" => {
            let globs = values(name, value)?.map(Glob::new);
            filter.types.extend(globs);
            return within(name, filter.types.len());
        }
        "source" => {
            for value in values(name, value)? {
                let source = Source::from_name(value)
                    .ok_or_else(|| Invalid::value(name, value, Source::ALL.map(Source::name).join(", ")))?;
                filter.source.push(source);
            }
            return within(name, filter.source.len());
        }
        "filter" => {
            filter.and.extend(Clause::parse(value)?);
            return match filter.and.len() {
                0..=MAX_TERMS => Ok(true),
                n => Err(Invalid::new(name, format!("has {n} terms in all"), format!("at most {MAX_TERMS}"))),
            };
        }
        "severity" => {
            filter.severity = Some(severity(value)?);
            return Ok(true);
        }
        "q" => {
            if value.len() > MAX_VALUE {
                return Err(Invalid::new(name, format!("has {} bytes", value.len()), format!("at most {MAX_VALUE}")));
            }
            filter.q = (!value.is_empty()).then(|| value.to_owned());
            return Ok(true);
        }
        "since" => {
            filter.since = Some(time(name, value, now)?);
            return Ok(true);
        }
        "until" => {
            filter.until = Some(time(name, value, now)?);
            return Ok(true);
        }
        _ => return Ok(false),
    };
    list.extend(values(name, value)?.map(str::to_owned));
    within(name, list.len())
}

fn within(name: &str, len: usize) -> Result<bool, Invalid> {
    if len > MAX_VALUES {
        return Err(Invalid::new(name, format!("has {len} values"), format!("at most {MAX_VALUES}")));
    }
    Ok(true)
}

/// The values of a comma-separated list, empty ones left out.
fn values<'a>(name: &str, value: &'a str) -> Result<impl Iterator<Item = &'a str>, Invalid> {
    let parts = || value.split(',').map(str::trim).filter(|v| !v.is_empty());
    if let Some(long) = parts().find(|v| v.len() > MAX_VALUE) {
        return Err(Invalid::value(name, long, format!("values of at most {MAX_VALUE} bytes")));
    }
    Ok(parts())
}

fn severity(value: &str) -> Result<Severity, Invalid> {
    [Severity::Info, Severity::Warning, Severity::Error]
        .into_iter()
        .find(|s| s.name().eq_ignore_ascii_case(value))
        .ok_or_else(|| Invalid::value("severity", value, "info, warning, error"))
}

/// `summary` or `full`.
pub(crate) fn detail(value: &str) -> Result<Detail, Invalid> {
    match value {
        "summary" => Ok(Detail::Summary),
        "full" => Ok(Detail::Full),
        _ => Err(Invalid::value("payload", value, "summary, full")),
    }
}

/// A time ago, or a time.
pub(crate) fn time(name: &str, value: &str, now: Timestamp) -> Result<Timestamp, Invalid> {
    if let Ok(ago) = Duration::read_text(value) {
        return Ok(now.minus(ago));
    }
    Timestamp::parse(value).map_err(|_| {
        Invalid::value(name, value, "a time ago such as 5m or 24h, or RFC 3339 such as 2026-02-14T09:12:33Z")
    })
}
