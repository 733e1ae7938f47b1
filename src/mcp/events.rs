//! Events: pages that fit, and one by its seq.

use serde_json::{Value, json};

use super::answer::Told;
use super::args::{GetEvent, SearchEvents};
use super::ask::{Answer, Ask, Refused, given};
use super::fit;

/// Events of a page: unasked, and most.
const LIMIT: usize = 20;
const MOST: usize = 200;
/// How often a page is asked for again with fewer events: each time it then is about as long as it may be.
const TRIES: usize = 3;

/// What a page of events is asked for by.
#[derive(Debug, Default)]
pub(super) struct Page<'a> {
    /// All must hold.
    pub(super) filters: Vec<&'a str>,
    pub(super) since: Option<&'a String>,
    pub(super) until: Option<&'a String>,
    pub(super) oldest_first: bool,
    pub(super) cursor: Option<&'a String>,
    pub(super) payload: bool,
}

/// How many events, if that many were asked for.
pub(super) fn limit(asked: Option<u32>, unasked: usize) -> Result<usize, Refused> {
    let limit = asked.map_or(unasked, |n| n as usize);
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(Refused::new(format!("limit: 1 to {MOST}"))) }
}

impl Page<'_> {
    /// Asks for at most so many.
    pub(super) async fn ask<A: Ask>(&self, ask: &A, limit: usize) -> Answer {
        let mut query: Vec<_> = self.filters.iter().map(|filter| ("filter", (*filter).to_owned())).collect();
        query.push(("order", if self.oldest_first { "asc" } else { "desc" }.to_owned()));
        query.push(("limit", limit.to_string()));
        query.extend(given("since", self.since));
        query.extend(given("until", self.until));
        query.extend(given("cursor", self.cursor));
        if self.payload {
            query.push(("payload", "full".to_owned()));
        }
        let answer = ask.get(&["api", "events"], &query).await;
        // The last one is the caller's own.
        answer.map_err(|refused| refused.of(self.filters.last().copied()))
    }

    /// Asks for as many as fit into `room`, and at least for one.
    pub(super) async fn fill<A: Ask>(&self, ask: &A, limit: usize, room: usize) -> Result<Told, Refused> {
        let mut limit = limit;
        let mut page = self.ask(ask, limit).await?;
        for _ in 1..TRIES {
            let items = compact(&page);
            let (size, count) = (fit::size(&items), items.as_array().map_or(0, Vec::len));
            if size <= room || count <= 1 {
                break;
            }
            // Some less than the share that fits: events differ in length.
            limit = (count * room / size * 9 / 10).max(1);
            page = self.ask(ask, limit).await?;
        }
        let next = page["next"].as_str().map(str::to_owned);
        Ok(Told { answer: json!({ "items": compact(&page), "as_of": page["as_of"] }), next })
    }
}

/// Events without what is empty, and without what `get_event` is for: a page then holds twice as many.
pub(super) fn compact(page: &Value) -> Value {
    const LATER: [&str; 6] = ["id", "received", "producer_inferred", "trace_id", "span_id", "size"];
    let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let brief = |event: &Value| -> Value {
        let fields = event.as_object().into_iter().flatten();
        let told = fields.filter(|(name, value)| {
            !LATER.contains(&name.as_str()) && !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
        });
        told.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    items.iter().map(brief).collect()
}

/// `search_events`.
pub(super) async fn search<A: Ask>(ask: &A, asked: SearchEvents, room: usize) -> Result<Told, Refused> {
    let oldest_first = match asked.order.as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(Refused::new("order: asc or desc")),
    };
    let page = Page {
        filters: asked.filter.iter().map(String::as_str).collect(),
        since: asked.since.as_ref(),
        until: asked.until.as_ref(),
        oldest_first,
        cursor: asked.cursor.as_ref(),
        payload: asked.payload,
    };
    page.fill(ask, limit(asked.limit, LIMIT)?, room).await
}

/// `get_event`.
pub(super) async fn one<A: Ask>(ask: &A, asked: &GetEvent) -> Result<Told, Refused> {
    ask.get(&["api", "events", &asked.seq.to_string()], &[]).await.map(Told::from)
}
