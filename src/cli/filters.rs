//! The fields of a filter as options, the same as the API's parameters.

use crate::model::{Filter, Timestamp};
use crate::sinks::feed::narrow;

/// Which entries. Repeat an option or separate values by commas to ask for any of them.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which entries (all, if none is given)")]
pub(super) struct Filters {
    /// Not before: a time ago such as `5m` or `24h`, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before: likewise.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// In the filter language: `story:US-1 -type:context.*` (docs/FILTER.md).
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Stories; each also stands for its plans, tasks and ceremonies.
    #[arg(long, value_name = "ID")]
    story: Vec<String>,
    /// Tasks.
    #[arg(long, value_name = "ID")]
    task: Vec<String>,
    /// Ceremonies.
    #[arg(long, value_name = "ID")]
    ceremony: Vec<String>,
    /// Plans.
    #[arg(long, value_name = "ID")]
    plan: Vec<String>,
    /// Roles, case ignored.
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// Agents.
    #[arg(long, value_name = "ID")]
    agent: Vec<String>,
    /// Event types; `*` stands for any run of characters.
    #[arg(long = "type", value_name = "GLOB")]
    types: Vec<String>,
    /// Publishing services.
    #[arg(long, value_name = "NAME")]
    producer: Vec<String>,
    /// Systems: NATS, Ray, Neo4j, ValKey, vLLM, K8s, GPU, Alert, Orchestrator, Fleet.
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// At least this: info, warning, error.
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// Text in payload, subject or summary, case ignored.
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
}

impl Filters {
    /// As the API's parameters.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let many = [
            ("story", &self.story),
            ("task", &self.task),
            ("ceremony", &self.ceremony),
            ("plan", &self.plan),
            ("role", &self.role),
            ("agent", &self.agent),
            ("type", &self.types),
            ("producer", &self.producer),
            ("source", &self.source),
        ];
        let one = [
            ("filter", &self.filter),
            ("since", &self.since),
            ("until", &self.until),
            ("severity", &self.severity),
            ("q", &self.q),
        ];
        let many = many.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.clone())));
        many.chain(one.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)))).collect()
    }
}

/// The filter that parameters stand for.
pub(super) fn filter(pairs: &[(&'static str, String)], now: Timestamp) -> anyhow::Result<Filter> {
    let mut filter = Filter::default();
    for (name, value) in pairs {
        let known = narrow(&mut filter, name, value, now).map_err(|wrong| anyhow::anyhow!("--{name}: {wrong}"))?;
        debug_assert!(known, "every option is a field of a filter");
    }
    if let (Some(since), Some(until)) = (filter.since, filter.until)
        && since > until
    {
        anyhow::bail!("--until: is before --since; write a later time");
    }
    Ok(filter)
}
