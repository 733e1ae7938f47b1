//! A timeline → the report of a story.
//! Takes: the timeline, the events to list. Gives: a document. Never: more rows than a printer should print.

mod failed;
mod work;

use super::bounded::Capped;
use super::document::{Block, Cell, Document, Figure, Section, Table, Tone, number, text};
use super::timeline::{Line, Outcome, Spend, Timeline, Told};
use super::words;
use crate::model::Severity;

/// Most rows of each table.
const MAX_CONSUMERS: usize = 50;
const MAX_TROUBLED: usize = 60;
const MAX_RULES: usize = 80;
const MAX_TYPES: usize = 60;
const MAX_ROLES: usize = 40;

/// Columns of consumers, in both reports.
pub(super) const CONSUMERS: [super::document::Column; 10] = [
    text("Consumer", 3.0),
    text("Stream", 2.0),
    number("Events", 0.9),
    number("Acked", 0.9),
    number("Naks", 0.8),
    number("Again", 0.8),
    number("Lost", 0.7),
    number("Half", 1.0),
    number("95 %", 1.0),
    number("Longest", 1.1),
];

/// The report of a story.
pub(crate) fn document(story: &Timeline, told: &Told) -> Document {
    let mut sections = vec![work::course(story), work::deliberations(story)];
    sections.push(failed::failures(story));
    sections.push(spend(&story.spend));
    sections.push(deliveries(story));
    sections.extend(work::systems(story));
    sections.push(violations(story));
    sections.push(events(story, told));
    Document {
        kind: "Story report",
        title: story.title.clone().unwrap_or_else(|| story.story_id.clone()),
        id: story.story_id.clone(),
        badge: (story.outcome.name().to_owned(), tone(story.outcome)),
        about: about(story),
        figures: figures(story),
        notes: story.left_out.clone(),
        sections,
        date: story.ended,
    }
}

const fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Completed => Tone::Good,
        Outcome::Rejected | Outcome::Cancelled => Tone::Bad,
        Outcome::Closed => Tone::Plain,
        Outcome::Open => Tone::Phase,
    }
}

fn about(story: &Timeline) -> Vec<(&'static str, String)> {
    let mut about = vec![("Story", story.story_id.clone())];
    about.extend(story.epic_id.clone().map(|epic| ("Epic", epic)));
    about.push(("Phase", story.phase.clone().unwrap_or_else(|| "not known".to_owned())));
    about.push(("First event", format!("{} UTC", words::time(story.started))));
    about.push(("Last event", format!("{} UTC", words::time(story.ended))));
    about.push(("Trace", story.trace_id.clone()));
    about
}

fn figures(story: &Timeline) -> Vec<Figure> {
    let spend = &story.spend;
    let answers: u64 = story.deliberations.items.iter().map(|d| d.answers.total()).sum();
    let tokens = spend.answer_tokens.max(spend.input_tokens + spend.output_tokens);
    let naks: u64 = story.consumers.items.iter().map(|consumer| consumer.naks).sum();
    vec![
        Figure::new("Duration", words::between(story.started, story.ended)),
        Figure::new("Events", words::count(story.events)),
        Figure::new("Deliberations", words::count(story.deliberations.total())),
        Figure::new("Answers", words::count(answers)),
        Figure::new("Tokens", words::count(tokens)),
        Figure::new("Cost", words::money(spend.cost, spend.currency.as_deref())),
        Figure::bad("Failures", story.failures.items.iter().map(|chain| chain.steps.total()).sum()),
        Figure::bad("Naks", naks),
    ]
}

/// What roles spend, in both reports.
pub(super) fn roles(spend: &Spend) -> Table {
    let columns = [
        text("Role", 1.8),
        text("Model", 2.2),
        number("Answers", 1.0),
        number("Failed", 0.9),
        number("Tokens told", 1.2),
        number("Working time", 1.4),
        number("Requests", 1.1),
        number("In", 1.0),
        number("Out", 1.0),
    ];
    Table::of(&columns, &spend.by_role, 0, MAX_ROLES, |role| {
        vec![
            Cell::text(&role.role),
            Cell::text(&role.model),
            Cell::count(role.answers),
            Cell::bad(role.failed),
            Cell::count(role.tokens),
            Cell::text(words::seconds(role.agent_ms as f64 / 1e3)),
            Cell::count(role.requests),
            Cell::count(role.input_tokens),
            Cell::count(role.output_tokens),
        ]
    })
}

fn spend(spend: &Spend) -> Section {
    let total = format!(
        "Agents tell of {} tokens and {} of work. Servers of language models tell of {} requests joined to this story \
         ({} by inference only), with {} tokens of prompts, {} tokens of answers and {} of inference. Cost: {}{}.",
        words::count(spend.answer_tokens),
        words::seconds(spend.agent_ms as f64 / 1e3),
        words::count(spend.requests),
        words::count(spend.inferred_requests),
        words::count(spend.input_tokens),
        words::count(spend.output_tokens),
        words::seconds(spend.gpu_seconds),
        words::money(spend.cost, spend.currency.as_deref()),
        if spend.unpriced_tokens > 0 {
            format!("; {} tokens have no price", words::count(spend.unpriced_tokens))
        } else {
            String::new()
        },
    );
    let lead = "What agents say they took, and what the servers of their models say.";
    Section {
        title: "Tokens and cost",
        lead,
        blocks: vec![Block::Text { text: total }, or_none(roles(spend), "No answers.")],
    }
}

fn deliveries(story: &Timeline) -> Section {
    let all = Table::of(&CONSUMERS, &story.consumers.items, story.consumers.more, MAX_CONSUMERS, consumer);
    let columns = [
        number("Event", 0.9),
        text("Type", 2.6),
        text("Consumer", 2.6),
        text("State", 1.3),
        number("Tries", 0.7),
        number("Naks", 0.7),
        number("Took", 1.0),
        text("Reason", 2.0),
    ];
    let troubled = Table::of(&columns, &story.troubled.items, story.troubled.more, MAX_TROUBLED, |delivery| {
        let lost = matches!(delivery.state, "terminated" | "max_deliveries");
        vec![
            Cell::text(delivery.seq.to_string()),
            Cell::id(&delivery.kind),
            Cell::id(&delivery.consumer),
            Cell::text(delivery.state.replace('_', " ")).toned(if lost { Tone::Bad } else { Tone::Warn }),
            Cell::count(delivery.attempts),
            Cell::count(delivery.naks),
            Cell::text(words::millis(delivery.latency_ms)),
            Cell::maybe(delivery.reason.as_deref()),
        ]
    });
    let mut blocks = vec![or_none(all, "No acknowledgement of its events was seen.")];
    if !troubled.rows.is_empty() {
        blocks.push(Block::Heading { text: "Deliveries that did not go well".to_owned(), tone: Tone::Warn });
        blocks.push(Block::Table(troubled));
    }
    let lead = "How long each consumer took, from stored to acknowledged; the slowest first.";
    Section { title: "Deliveries", lead, blocks }
}

/// A consumer's row, in both reports.
pub(super) fn consumer(consumer: &super::timeline::Consumer) -> Vec<Cell> {
    let latency =
        |part: fn(&super::bounded::Spread) -> f64| Cell::text(words::millis(consumer.latency.as_ref().map(part)));
    let naks = if consumer.naks > 0 { Tone::Warn } else { Tone::Plain };
    vec![
        Cell::id(&consumer.consumer),
        Cell::id(&consumer.stream),
        Cell::count(consumer.events),
        Cell::count(consumer.acked + consumer.settled),
        Cell::count(consumer.naks).toned(naks),
        Cell::count(consumer.redeliveries),
        Cell::bad(consumer.terminated + consumer.max_deliveries),
        latency(|spread| spread.p50_ms),
        latency(|spread| spread.p95_ms),
        latency(|spread| spread.max_ms),
    ]
}

fn violations(story: &Timeline) -> Section {
    let lead = "Events that did not keep to the fleet's wire contract.";
    Section { title: "Contract violations", lead, blocks: vec![rules(&story.violations)] }
}

/// Broken rules, in both reports.
pub(super) fn rules(violations: &Capped<super::timeline::Violation>) -> Block {
    let columns = [
        text("Rule", 2.6),
        text("Type of event", 3.0),
        text("First sent by", 2.0),
        number("Events", 0.9),
        number("First", 0.9),
        text("When", 1.9),
    ];
    let table = Table::of(&columns, &violations.items, violations.more, MAX_RULES, |violation| {
        vec![
            Cell::id(&violation.rule),
            Cell::id(&violation.kind),
            Cell::maybe(violation.producer.as_deref()),
            Cell::bad(violation.events),
            Cell::text(violation.first_seq.to_string()),
            Cell::text(words::time(violation.first)),
        ]
    });
    or_none(table, "None.")
}

/// Counts by type, in both reports.
pub(super) fn types(types: &Capped<super::timeline::TypeCount>) -> Table {
    let columns = [text("Type", 5.0), number("Events", 1.0), number("Warnings", 1.0), number("Errors", 1.0)];
    Table::of(&columns, &types.items, types.more, MAX_TYPES, |count| {
        let warned = if count.warnings > 0 { Tone::Warn } else { Tone::Plain };
        vec![
            Cell::id(&count.kind),
            Cell::count(count.events),
            Cell::count(count.warnings).toned(warned),
            Cell::bad(count.errors),
        ]
    })
}

fn events(story: &Timeline, told: &Told) -> Section {
    let columns =
        [number("Event", 0.9), text("Time", 1.9), text("Type", 3.0), text("Producer", 1.7), text("What", 4.6)];
    let listed = |lines: &[&Line]| {
        Table::of(&columns, lines, 0, usize::MAX, |line| {
            let tone = match line.severity {
                Severity::Info => Tone::Plain,
                Severity::Warning => Tone::Warn,
                Severity::Error => Tone::Bad,
            };
            vec![
                Cell::text(line.seq.to_string()),
                Cell::text(format!("{} {}", &words::time(line.at)[5..10], words::clock(line.at))),
                Cell::id(&line.kind),
                Cell::maybe(line.producer.as_deref()),
                Cell::text(&line.summary).toned(tone),
            ]
        })
    };
    let mut blocks = vec![
        or_none(types(&story.types), "No events."),
        Block::Heading { text: "In order".to_owned(), tone: Tone::Plain },
        Block::Table(listed(&told.first.iter().collect::<Vec<_>>())),
    ];
    if told.between > 0 {
        let hidden = words::count(told.between);
        let text = format!("{hidden} events here are not listed: this appendix has the first and the last ones.");
        blocks.push(Block::Text { text });
    }
    if !told.last.is_empty() {
        blocks.push(Block::Table(listed(&told.last.iter().collect::<Vec<_>>())));
    }
    let lead = "Every kind of event and how often it came, then the events themselves.";
    Section { title: "Appendix: events", lead, blocks }
}

/// A table, or a sentence where it would be empty.
pub(super) fn or_none(table: Table, none: &str) -> Block {
    if table.rows.is_empty() { Block::Text { text: none.to_owned() } } else { Block::Table(table) }
}
