//! What failed in a story, chain by chain.

use crate::report::document::{Block, Cell, Section, Table, Tone, number, text};
use crate::report::timeline::Timeline;
use crate::report::words;

/// Most chains, and steps of each.
const MAX_CHAINS: usize = 40;
const MAX_STEPS: usize = 20;

pub(super) fn failures(story: &Timeline) -> Section {
    let columns = [
        number("No.", 0.5),
        text("Time", 1.3),
        text("Failed", 1.2),
        text("What", 3.6),
        text("Said to be", 3.2),
        text("Follows from", 1.8),
    ];
    let mut blocks = Vec::new();
    for chain in story.failures.items.iter().take(MAX_CHAINS) {
        let Some(first) = chain.steps.items.first() else { continue };
        let text = format!("{}: {}", words::time(first.at), first.what);
        blocks.push(Block::Heading { text, tone: Tone::Bad });
        blocks.push(Block::Table(Table::of(&columns, &chain.steps.items, chain.steps.more, MAX_STEPS, |step| {
            let said = step.error.as_ref().map(|error| match &error.kind {
                Some(kind) => format!("{kind}: {}", error.message),
                None => error.message.clone(),
            });
            let numbers: Vec<String> = step.because.iter().map(u32::to_string).collect();
            let follows = match step.known_by {
                Some(how) => format!("{} ({how})", numbers.join(", ")),
                None => "nothing known".to_owned(),
            };
            vec![
                Cell::text(step.number.to_string()),
                Cell::text(words::clock(step.at)),
                Cell::text(step.kind.replace('_', " ")).toned(Tone::Bad),
                Cell::text(&step.what),
                Cell::maybe(said.as_deref()),
                Cell::text(follows),
            ]
        })));
    }
    let all = story.failures.total();
    if all == 0 {
        blocks.push(Block::Text { text: "Nothing failed.".to_owned() });
    }
    if all > MAX_CHAINS as u64 {
        let more = words::count(all - MAX_CHAINS as u64);
        blocks.push(Block::Text { text: format!("and {more} more, not listed") });
    }
    let lead = "Each begins with what failed first. One failure is taken to follow from another that came earlier, \
                deeper in the same work; nobody in the fleet says so itself.";
    Section { title: "Failures and their causes", lead, blocks }
}
