//! Searches: pages of any filter hold what looking at every record would find.

use std::collections::HashSet;
use std::sync::Arc;

use super::history::History;
use super::{append, exports};
use crate::journal::Journal;
use crate::model::{Clause, Cursor, Filter, Link, LinkKind, Order, Query, Record, Seq, Text, TraceKey, spans_of};

pub(super) fn all(make: &dyn Fn() -> Box<dyn Journal>) {
    for seed in 0..8 {
        let (journal, mut history) = (make(), History::new(seed));
        for _ in 0..history.rng().usize(1..20) {
            let size = history.rng().usize(1..60);
            append(&*journal, &history.more(size));
        }
        for _ in 0..50 {
            check(&*journal, &mut history);
        }
        traces(&*journal, &history);
        finds(&*journal, &history);
    }
    let (journal, mut history) = (make(), History::new(99));
    for _ in 0..2 {
        append(&*journal, &history.more(2500));
    }
    for _ in 0..30 {
        check(&*journal, &mut history);
    }
    cursors_stay_valid(&*journal, &mut history);
}

/// One random filter, order and page size, and an export.
pub(in crate::journal) fn check(journal: &dyn Journal, history: &mut History) {
    let filter = history.filter();
    let order = if history.rng().bool() { Order::Asc } else { Order::Desc };
    let most = history.records().len().clamp(80, 1000);
    let limit = history.rng().usize(most / 80..most);
    let mut expected = by_hand(history.records(), &filter);
    assert_eq!(exports::entries(journal, &filter, 0), expected, "export of {filter:?}");
    if order == Order::Desc {
        expected.reverse();
    }
    let paged = pages(journal, &filter, order, limit);
    assert_eq!(paged, expected, "{order:?} by {limit}: {filter:?}");
}

fn pages(journal: &dyn Journal, filter: &Filter, order: Order, limit: usize) -> Vec<Seq> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let query = Query { filter: filter.clone(), order, limit, cursor };
        let page = journal.search(&query).expect("searches");
        assert!(page.items.len() <= limit);
        found.extend(page.items.iter().map(|r| r.seq));
        match page.next {
            None => return found,
            next => cursor = next,
        }
    }
}

/// What looking at every record finds, ascending.
pub(super) fn by_hand(records: &[Arc<Record>], filter: &Filter) -> Vec<Seq> {
    let links: HashSet<&Link> = records.iter().flat_map(|r| &r.links).collect();
    let linked = |story: &str, kind, id: &Option<Text>| {
        id.as_ref().is_some_and(|id| links.contains(&Link { story: story.into(), kind, id: id.clone() }))
    };
    let (stories, and) = filter.and.iter().cloned().partition(|clause| clause.stories().is_some());
    let (stories, alone): (Vec<Clause>, _) = (stories, Filter { story: Vec::new(), and, ..filter.clone() });
    let of_story = |record: &Record, story: &str| {
        let Some((_, resolved)) = record.entry() else { return false };
        let ids = &resolved.ids;
        ids.story.as_deref() == Some(story)
            || linked(story, LinkKind::Task, &ids.task)
            || linked(story, LinkKind::Plan, &ids.plan)
            || linked(story, LinkKind::Deliberation, &ids.deliberation)
            || (ids.story.is_none() && linked(story, LinkKind::Ceremony, &ids.ceremony))
    };
    let fits = |record: &Record| {
        let named = |clause: &Clause| clause.stories().unwrap_or(&[]).iter().any(|s| of_story(record, s)) != clause.not;
        alone.matches(record)
            && (filter.story.is_empty() || filter.story.iter().any(|s| of_story(record, s)))
            && stories.iter().all(named)
    };
    records.iter().filter(|r| fits(r)).map(|r| r.seq).collect()
}

/// A story's records are those with a span in its trace or a continuation of it.
fn traces(journal: &dyn Journal, history: &History) {
    for story in ["s-0", "s-3", "s-9"] {
        let key = TraceKey::story(story);
        let ids: Vec<_> = (0..4).map(|n| key.continuation(n).trace_id()).collect();
        let in_trace = |record: &Record| {
            let mut found = false;
            spans_of(record, &mut |span| found |= ids.contains(&span.trace_id));
            // A delivery that is not final has no span yet; it still tells where the message stands.
            found || record.delivery().is_some_and(|d| d.event.story.as_deref() == Some(story))
        };
        let expected: Vec<Seq> = history.records().iter().filter(|r| in_trace(r)).map(|r| r.seq).collect();
        let all = journal.story_records(story, usize::MAX, usize::MAX).expect("story");
        assert_eq!((super::seqs(&all.records), all.cut), (expected.clone(), false), "{story}");
        let some = journal.story_records(story, 3, usize::MAX).expect("story");
        assert_eq!(super::seqs(&some.records), expected[..expected.len().min(3)]);
        assert_eq!(some.cut, expected.len() > 3, "{story}");
        let exactly = journal.story_records(story, expected.len(), usize::MAX).expect("story");
        assert_eq!(exactly, all, "all there is is no cut");
        let few = journal.story_records(story, usize::MAX, 1).expect("story");
        assert_eq!((few.records.len(), few.cut), (expected.len().min(1), expected.len() > 1), "{story}");
        spans_are_whole(history, &all.records);
    }
}

/// Without their payloads, records make the spans they make with them.
fn spans_are_whole(history: &History, records: &[Arc<Record>]) {
    for bare in records {
        let whole = &history.records()[bare.seq as usize - 1];
        let spans = |record: &Record| {
            let mut spans = Vec::new();
            spans_of(record, &mut |span| spans.push(span.clone()));
            spans
        };
        assert_eq!(spans(bare), spans(whole));
        assert!(bare.entry().is_none_or(|(message, _)| message.payload.bytes.is_empty()));
    }
}

fn finds(journal: &dyn Journal, history: &History) {
    for record in history.records() {
        let Some((message, resolved)) = record.entry() else { continue };
        let found = journal.find(&message.stream, message.incarnation, message.stream_seq).expect("find");
        if message.stream.is_empty() {
            assert!(found.is_none(), "core subjects have no sequence to be found by");
            continue;
        }
        let found = found.expect("every stored message is found");
        assert_eq!((found.seq, found.stored, &found.story), (record.seq, message.stored, &resolved.ids.story));
        assert!(journal.find(&message.stream, message.incarnation, message.stream_seq + 1).expect("find").is_none());
        assert!(journal.find(&message.stream, message.incarnation + 7, message.stream_seq).expect("find").is_none());
    }
}

/// New entries between two pages neither repeat nor hide one.
fn cursors_stay_valid(journal: &dyn Journal, history: &mut History) {
    let filter = Filter { story: vec!["s-1".into()], ..Filter::default() };
    let query = |cursor| Query { filter: filter.clone(), order: Order::Desc, limit: 10, cursor };
    let before = by_hand(history.records(), &filter);
    let first = journal.search(&query(None)).expect("searches");
    append(journal, &history.more(50));
    let second = journal.search(&query(first.next)).expect("searches");
    let seen: Vec<Seq> = first.items.iter().chain(&second.items).map(|r| r.seq).collect();
    assert_eq!(seen, before.iter().rev().take(20).copied().collect::<Vec<_>>());
    let beyond = journal.search(&query(Some(Cursor(Seq::MAX)))).expect("searches");
    assert_eq!(beyond.items.len(), 10, "a cursor from the future is no error");
    assert!(journal.search(&query(Some(Cursor(0)))).expect("searches").items.is_empty());
}
