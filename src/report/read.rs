//! The journal → what reports are made of.
//! Takes: a journal, a story. Gives: its timeline. Never: reads on once it is told that it takes too long.

use std::sync::Arc;

use super::fleet::{self, Fleet, MAX_LISTED};
use super::timeline::{Fold, Known, Told};
use super::{Document, Timeline, words};
use crate::journal::{Export, Journal, JournalError, Receiver, Scope};
use crate::model::{Delivery, Filter, Record, StoryView, Timestamp};

/// Takes entries first, spans later.
struct Taker<'a> {
    fold: &'a mut Fold,
    go_on: &'a mut dyn FnMut() -> bool,
    entries: bool,
    cut: bool,
}

impl Receiver for Taker<'_> {
    fn record(&mut self, record: Arc<Record>, deliveries: &[Delivery]) -> bool {
        if self.entries {
            self.fold.entry(&record, deliveries);
        } else {
            record.spans.iter().for_each(|span| self.fold.span(span));
        }
        self.cut = !(self.go_on)();
        !self.cut
    }

    fn story(&mut self, _: StoryView) -> bool {
        false
    }
}

/// A story's timeline, and its events as far as they are listed. `None` where nothing is known of it.
///
/// `go_on` is asked after each record; what there is when it says no is given, and says so.
pub(crate) fn story(
    journal: &dyn Journal,
    story: &str,
    mut known: Known,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Option<(Timeline, Told)>, JournalError> {
    let mut fold = Fold::new(story);
    let mut left_out = 0;
    for (scope, what) in [(Scope::Entries, "events"), (Scope::Records, "spans")] {
        let filter = Filter { story: vec![story.to_owned()], ..Filter::default() };
        let mut taker = Taker { fold: &mut fold, go_on: &mut *go_on, entries: scope == Scope::Entries, cut: false };
        left_out += journal.export(&Export { filter, from: 0, scope }, &mut taker)?;
        if taker.cut {
            let events = fold.events();
            known.left_out.push(format!("reading took too long: it ended after {events} events, within its {what}"));
            break;
        }
    }
    if left_out > 0 {
        known.left_out.push(format!("{left_out} records of its trace had to be left out, to keep memory bounded"));
    }
    if known.story.is_none() {
        known.story = journal.story(story)?.map(Arc::new);
    }
    Ok(fold.finish(known))
}

/// Takes entries of a time first, spans later.
struct Watcher<'a> {
    fleet: &'a mut Fleet,
    go_on: &'a mut dyn FnMut() -> bool,
    entries: bool,
    cut: bool,
}

impl Receiver for Watcher<'_> {
    fn record(&mut self, record: Arc<Record>, deliveries: &[Delivery]) -> bool {
        if self.entries {
            self.fleet.entry(&record, deliveries);
        } else {
            record.spans.iter().for_each(|span| self.fleet.span(span));
        }
        self.cut = !(self.go_on)();
        !self.cut
    }

    fn story(&mut self, _: StoryView) -> bool {
        false
    }
}

/// The report of a time. `live` gives what is known of a story that is still live.
pub(crate) fn fleet(
    journal: &dyn Journal,
    (since, until): (Timestamp, Timestamp),
    live: &dyn Fn(&str) -> Option<Arc<StoryView>>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Document, JournalError> {
    let mut fleet = Fleet::new(since, until);
    let oldest = journal.stats()?.oldest;
    if let Some(oldest) = oldest.filter(|oldest| *oldest > since) {
        fleet.leaves_out(format!(
            "what was before {} UTC: the journal does not reach further back",
            words::time(oldest)
        ));
    }
    for (scope, what) in [(Scope::Entries, "events"), (Scope::Records, "spans")] {
        let filter = Filter { since: Some(since), until: Some(until), ..Filter::default() };
        let mut watcher =
            Watcher { fleet: &mut fleet, go_on: &mut *go_on, entries: scope == Scope::Entries, cut: false };
        journal.export(&Export { filter, from: 0, scope }, &mut watcher)?;
        if watcher.cut {
            let events = words::count(fleet.events());
            fleet.leaves_out(format!("reading took too long: it ended after {events} events, within its {what}"));
            break;
        }
    }
    for id in fleet.listed(MAX_LISTED) {
        let view = match live(&id) {
            Some(view) => Some(view),
            None => journal.story(&id)?.map(Arc::new),
        };
        if let Some(view) = view {
            fleet.know(&view);
        }
    }
    Ok(fleet::document(fleet))
}
