//! The journal → what reports are made of.
//! Takes: a journal, a story. Gives: its timeline. Never: reads on once it is told that it takes too long.

use std::sync::Arc;

use super::Timeline;
use super::timeline::{Fold, Known, Told};
use crate::journal::{Export, Journal, JournalError, Receiver, Scope};
use crate::model::{Delivery, Filter, Record, StoryView};

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
