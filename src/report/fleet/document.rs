//! What a time saw, as a document.

use super::{Cause, Fleet, StoryLine};
use crate::report::document::{
    Axis, Bar, Block, Cell, Chart, Document, Figure, MAX_LABEL, Section, Table, Tone, number, text,
};
use crate::report::story::{consumer, or_none, roles, rules, types};
use crate::report::timeline::Outcome;
use crate::report::words;

/// Most rows and bars.
pub(crate) const MAX_LISTED: usize = 60;
const MAX_BARS: usize = 60;
const MAX_CAUSES: usize = 60;
const MAX_CONSUMERS: usize = 80;

/// The report.
pub(crate) fn document(mut fleet: Fleet) -> Document {
    let listed: Vec<StoryLine> =
        fleet.listed(MAX_LISTED).iter().filter_map(|id| fleet.stories.get(id).cloned()).collect();
    let range = format!("{} to {} UTC", words::time(fleet.since), words::time(fleet.until));
    let figures = figures(&fleet);
    let mut notes = std::mem::take(&mut fleet.left_out);
    notes.extend(fleet.tally.left_out());
    for (n, what) in [
        (fleet.others, "events belong to further stories, which are not told apart"),
        (fleet.other_causes, "failures have further causes, which are not told apart"),
    ] {
        if n > 0 {
            notes.push(format!("{} {what}", words::count(n)));
        }
    }
    let errors = fleet.tally.all.errors;
    let badge = match errors {
        0 => ("no failures".to_owned(), Tone::Good),
        n => (format!("{} failures", words::count(n)), Tone::Bad),
    };
    let about = vec![
        ("From", format!("{} UTC", words::time(fleet.since))),
        ("To", format!("{} UTC", words::time(fleet.until))),
    ];
    let (types, rules) = (types(&fleet.tally.types()), rules(&fleet.tally.violations()));
    let (stories, talks) = (stories(&fleet, &listed), talks(&fleet));
    let (causes, deliveries) = (causes(&mut fleet), deliveries(&mut fleet));
    let date = fleet.until;
    let spend = fleet.tally.spend();
    let sections = vec![
        stories,
        talks,
        causes,
        Section {
            title: "Tokens by role",
            lead: "What agents say they took, and what the servers of their models say.",
            blocks: vec![or_none(roles(&spend), "No answers.")],
        },
        deliveries,
        Section {
            title: "Contract violations",
            lead: "Events that did not keep to the fleet's wire contract.",
            blocks: vec![rules],
        },
        Section {
            title: "Busiest types",
            lead: "Events by type, the most frequent first.",
            blocks: vec![or_none(types, "No events.")],
        },
    ];
    Document {
        kind: "Fleet report",
        title: "What the fleet did".to_owned(),
        id: range,
        badge,
        about,
        figures,
        notes,
        sections,
        date,
    }
}

fn figures(fleet: &Fleet) -> Vec<Figure> {
    let ended = |outcome: Outcome| fleet.ended.get(outcome.name()).copied().unwrap_or(0);
    let naks: u64 = fleet.consumers.values().map(|(consumer, _)| consumer.naks).sum();
    let talks = fleet.asked.len() as u64;
    vec![
        Figure::new("Events", words::count(fleet.tally.all.events)),
        Figure::new("Stories seen", words::count(fleet.stories.len() as u64)),
        Figure::new("Stories begun", words::count(fleet.begun)),
        Figure::new("Stories completed", words::count(ended(Outcome::Completed))),
        Figure::bad("Rejected or cancelled", ended(Outcome::Rejected) + ended(Outcome::Cancelled)),
        Figure::new("Deliberations", words::count(talks)),
        Figure::new("Answers", words::count(fleet.answers)),
        Figure::bad("Failed answers", fleet.failed_answers),
        Figure::bad("Failures", fleet.tally.all.errors),
        Figure::bad("Naks", naks),
        Figure::new("Warnings", words::count(fleet.tally.all.warnings)),
        Figure::new("Consumers", words::count(fleet.consumers.len() as u64)),
    ]
}

fn stories(fleet: &Fleet, listed: &[StoryLine]) -> Section {
    let columns = [
        text("Story", 3.5),
        text("Title", 3.0),
        text("Ended", 1.2),
        number("Events", 0.9),
        number("Failures", 1.0),
        number("Answers", 1.0),
        number("Tokens", 1.1),
        number("Cost", 0.9),
    ];
    let more = (fleet.stories.len() - listed.len()) as u64;
    let table = Table::of(&columns, listed, more, MAX_LISTED, |story| {
        let (ended, tone) = match story.ended {
            Some(outcome @ (Outcome::Rejected | Outcome::Cancelled)) => (outcome.name(), Tone::Bad),
            Some(outcome) => (outcome.name(), Tone::Good),
            None => ("–", Tone::Plain),
        };
        let cost = story.cost.as_ref().map_or_else(|| "–".to_owned(), |(n, of)| words::money(Some(*n), of.as_deref()));
        vec![
            Cell::id(&story.id),
            Cell::maybe(story.title.as_deref()),
            Cell::text(ended).toned(tone),
            Cell::count(story.events),
            Cell::bad(story.errors),
            Cell::count(story.answers),
            Cell::count(story.tokens),
            Cell::text(cost),
        ]
    });
    let mut blocks = Vec::new();
    if !listed.is_empty() {
        blocks.push(Block::Chart(chart(fleet, listed)));
    }
    blocks.push(or_none(table, "No event of any story."));
    let lead = "The stories of this time, those with the most tokens first; cost is of the whole story, where `[cost]` \
                names prices.";
    Section { title: "Stories", lead, blocks }
}

fn chart(fleet: &Fleet, listed: &[StoryLine]) -> Chart {
    let axis = Axis::new(fleet.since, fleet.until);
    let mut stories: Vec<&StoryLine> = listed.iter().take(MAX_BARS).collect();
    stories.sort_by(|a, b| (a.first, &a.id).cmp(&(b.first, &b.id)));
    let bar = |story: &StoryLine| Bar {
        label: words::middle(story.title.as_deref().unwrap_or(&story.id), MAX_LABEL),
        from: axis.place(story.first),
        to: axis.place(story.last),
        tone: match (story.ended, story.errors) {
            (Some(Outcome::Completed), _) => Tone::Good,
            (Some(Outcome::Rejected | Outcome::Cancelled), _) => Tone::Bad,
            (_, 0) => Tone::Work,
            _ => Tone::Warn,
        },
        took: words::between(story.first, story.last),
    };
    let legend = vec![
        ("Completed", Tone::Good),
        ("At work", Tone::Work),
        ("At work, with failures", Tone::Warn),
        ("Rejected or cancelled", Tone::Bad),
    ];
    let hidden = fleet.stories.len() - stories.len();
    let note = (hidden > 0).then(|| format!("and {} more, not drawn", words::count(hidden as u64)));
    Chart { ticks: axis.ticks(), bars: stories.into_iter().map(bar).collect(), legend, note }
}

fn talks(fleet: &Fleet) -> Section {
    let columns = [
        text("Role", 2.0),
        number("Completed", 1.0),
        number("Failed", 1.0),
        number("Timed out", 1.0),
        number("Half took", 1.2),
        number("95 % took", 1.2),
        number("Longest", 1.2),
    ];
    let all: Vec<_> = fleet.talks.iter().collect();
    let table = Table::of(&columns, &all, 0, usize::MAX, |(role, talks)| {
        let spread = talks.took.spread();
        let took = |part: fn(&super::Spread) -> f64| Cell::text(words::millis(spread.as_ref().map(part)));
        vec![
            Cell::text(role.as_str()),
            Cell::count(talks.completed),
            Cell::bad(talks.failed),
            Cell::bad(talks.timed_out),
            took(|spread| spread.p50_ms),
            took(|spread| spread.p95_ms),
            took(|spread| spread.max_ms),
        ]
    });
    let failed = words::share(fleet.failed_answers, fleet.answers);
    let text = format!("{} answers, of which {failed} failed.", words::count(fleet.answers));
    Section {
        title: "Deliberations",
        lead: "Those that ended in this time, by the role that was asked.",
        blocks: vec![Block::Text { text }, or_none(table, "None ended.")],
    }
}

fn causes(fleet: &mut Fleet) -> Section {
    let columns = [
        text("What failed", 2.8),
        text("Kind of error", 1.8),
        number("Times", 0.8),
        number("First", 0.9),
        text("For example", 4.2),
    ];
    let mut causes: Vec<Cause> = std::mem::take(&mut fleet.causes).into_values().collect();
    causes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.what, &a.kind).cmp(&(&b.what, &b.kind))));
    let table = Table::of(&columns, &causes, 0, MAX_CAUSES, |cause| {
        vec![
            Cell::id(&cause.what),
            Cell::text(&cause.kind),
            Cell::bad(cause.count),
            Cell::text(cause.seq.to_string()),
            Cell::text(&cause.example),
        ]
    });
    let lead = "Events that tell of a failure, by their type and the kind of error they name.";
    Section { title: "Failures by cause", lead, blocks: vec![or_none(table, "Nothing failed.")] }
}

fn deliveries(fleet: &mut Fleet) -> Section {
    let more = u64::from(fleet.other_consumers > 0);
    let consumers = fleet.consumers();
    let table = Table::of(&crate::report::story::CONSUMERS, &consumers, more, MAX_CONSUMERS, consumer);
    let lead = "How each consumer did, from stored to acknowledged; those with losses and naks first.";
    Section { title: "Consumers", lead, blocks: vec![or_none(table, "No acknowledgement was seen.")] }
}
