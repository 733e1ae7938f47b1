//! The course of a story: a chart, its work, its deliberations with their answers, and what Ray and models did.

use crate::model::Timestamp;
use crate::report::document::{Axis, Bar, Block, Cell, Chart, MAX_LABEL, Section, Table, Tone, number, text};
use crate::report::timeline::{Deliberation, Timeline};
use crate::report::words;

use super::or_none;

/// Most bars, and of each kind.
const MAX_BARS: usize = 70;
const MAX_PHASES: usize = 24;
const MAX_WORK: usize = 150;
const MAX_DELIBERATIONS: usize = 80;
const MAX_ANSWERS: usize = 12;
const MAX_RAY: usize = 100;
const MAX_LLM: usize = 120;

pub(super) fn course(story: &Timeline) -> Section {
    let columns = [
        text("Kind", 1.1),
        text("Id", 3.0),
        text("Title", 3.4),
        text("Role", 1.1),
        text("Agent", 1.6),
        text("State", 1.3),
        number("Took", 1.2),
    ];
    let work = Table::of(&columns, &story.work.items, story.work.more, MAX_WORK, |work| {
        let (state, tone) = state(work.state.as_deref().unwrap_or("open"), work.error.is_some());
        vec![
            Cell::text(work.kind),
            Cell::id(&work.id),
            Cell::maybe(work.title.as_deref()),
            Cell::maybe(work.role.as_deref()),
            Cell::maybe(work.agent_id.as_deref()),
            Cell::text(state).toned(tone),
            Cell::text(words::between(work.from, work.until)),
        ]
    });
    let lead = "Phases, work and deliberations over time.";
    let blocks = vec![
        Block::Chart(chart(story)),
        Block::Heading { text: "Tasks, reviews and derivations".to_owned(), tone: Tone::Work },
        or_none(work, "No work is known."),
    ];
    Section { title: "Course", lead, blocks }
}

fn state(state: &str, failed: bool) -> (String, Tone) {
    let tone = match state {
        _ if failed => Tone::Bad,
        "failed" | "timed_out" | "cancelled" => Tone::Bad,
        "completed" | "done" => Tone::Good,
        _ => Tone::Plain,
    };
    (state.replace('_', " "), tone)
}

fn chart(story: &Timeline) -> Chart {
    let axis = Axis::new(story.started, story.ended);
    let bar = |label: String, from: Timestamp, until: Timestamp, tone| Bar {
        label: words::middle(&label, MAX_LABEL),
        from: axis.place(from),
        to: axis.place(until),
        tone,
        took: words::between(from, until),
    };
    let mut bars: Vec<Bar> = Vec::new();
    let phases = story.phases.items.iter().take(MAX_PHASES);
    bars.extend(phases.map(|p| bar(p.phase.clone(), p.from, p.until.unwrap_or(story.ended), Tone::Phase)));
    let mut rest: Vec<(Timestamp, Bar)> = Vec::new();
    for work in &story.work.items {
        let label = work.title.clone().unwrap_or_else(|| format!("{} {}", work.kind, work.id));
        let tone = if work.error.is_some() { Tone::Bad } else { Tone::Work };
        rest.push((work.from, bar(label, work.from, work.until, tone)));
    }
    for d in &story.deliberations.items {
        let tone = if matches!(d.state, "failed" | "timed_out") { Tone::Bad } else { Tone::Talk };
        rest.push((d.started, bar(name(d), d.started, d.ended, tone)));
    }
    for job in &story.ray.items {
        let from = job.started.unwrap_or(job.ended);
        let tone = if job.error.is_some() { Tone::Bad } else { Tone::Ray };
        rest.push((from, bar(format!("Ray {}", job.job_id), from, job.ended, tone)));
    }
    rest.sort_by_key(|(from, _)| *from);
    let hidden = (bars.len() + rest.len()).saturating_sub(MAX_BARS) as u64
        + story.phases.total().saturating_sub(bars.len() as u64)
        + story.work.more
        + story.deliberations.more
        + story.ray.more;
    let room = MAX_BARS.saturating_sub(bars.len());
    bars.extend(rest.into_iter().take(room).map(|(_, bar)| bar));
    let used = |tone: Tone| bars.iter().any(|bar| bar.tone == tone);
    let legend = [
        ("Phase", Tone::Phase),
        ("Task, review, derivation", Tone::Work),
        ("Deliberation", Tone::Talk),
        ("Ray job", Tone::Ray),
        ("Failed", Tone::Bad),
    ];
    let note = (hidden > 0).then(|| format!("and {} more, not drawn", words::count(hidden)));
    let legend = legend.into_iter().filter(|(_, tone)| used(*tone)).collect();
    Chart { ticks: axis.ticks(), bars, legend, note }
}

/// A deliberation as a line.
fn name(d: &Deliberation) -> String {
    match (&d.role, &d.ceremony_id, &d.plan_id) {
        (Some(role), Some(ceremony), _) => format!("{role} on {ceremony}"),
        (Some(role), None, Some(plan)) => format!("{role} on {plan}"),
        (Some(role), ..) => format!("{role} on {}", d.deliberation_id),
        _ => d.deliberation_id.clone(),
    }
}

pub(super) fn deliberations(story: &Timeline) -> Section {
    let columns = [
        text("Agent", 1.7),
        text("Model", 1.8),
        text("Outcome", 1.0),
        number("Took", 0.9),
        number("Tokens", 0.9),
        text("Answer", 5.2),
    ];
    let mut blocks = Vec::new();
    for d in story.deliberations.items.iter().take(MAX_DELIBERATIONS) {
        let (said, tone) = state(d.state, false);
        let of = d.expected.map_or_else(String::new, |expected| format!(" of {expected}"));
        let missing = if d.missing.is_empty() { String::new() } else { format!("; missing: {}", d.missing.join(", ")) };
        let text = format!(
            "{} — {said}, {}{of} answers in {}{missing}",
            name(d),
            d.answers.total(),
            words::between(d.started, d.ended)
        );
        blocks.push(Block::Heading { text, tone });
        let answers = Table::of(&columns, &d.answers.items, d.answers.more, MAX_ANSWERS, |answer| {
            let (outcome, tone) = if answer.ok { ("answered", Tone::Good) } else { ("failed", Tone::Bad) };
            let said = match (&answer.error, &answer.content) {
                (Some(error), _) => match &error.kind {
                    Some(kind) => format!("{kind}: {}", error.message),
                    None => error.message.clone(),
                },
                (None, Some(content)) => content.clone(),
                (None, None) => answer.summary.clone(),
            };
            vec![
                Cell::text(&answer.agent_id),
                Cell::maybe(answer.model.as_deref()),
                Cell::text(outcome).toned(tone),
                Cell::text(answer.duration_ms.map_or_else(|| "–".to_owned(), |ms| words::seconds(ms as f64 / 1e3))),
                Cell::text(words::maybe(answer.tokens)),
                Cell::text(said),
            ]
        });
        blocks.push(or_none(answers, "No answer yet."));
    }
    let all = story.deliberations.total();
    if all == 0 {
        blocks.push(Block::Text { text: "None.".to_owned() });
    }
    if all > MAX_DELIBERATIONS as u64 {
        let more = words::count(all - MAX_DELIBERATIONS as u64);
        blocks.push(Block::Text { text: format!("and {more} more deliberations, not listed") });
    }
    let lead = "Each question to a council, and what each agent said; answers are shortened.";
    Section { title: "Deliberations and agents", lead, blocks }
}

/// Ray and language models, where there was anything of them.
pub(super) fn systems(story: &Timeline) -> Vec<Section> {
    let mut sections = Vec::new();
    if !story.ray.items.is_empty() {
        sections.push(ray(story));
    }
    if !story.llm.items.is_empty() {
        sections.push(llm(story));
    }
    sections
}

fn ray(story: &Timeline) -> Section {
    let columns = [
        text("Job", 3.2),
        text("Status", 1.2),
        text("Agent", 1.6),
        text("Ended", 1.9),
        number("Took", 1.0),
        text("What went wrong", 3.0),
    ];
    let jobs = Table::of(&columns, &story.ray.items, story.ray.more, MAX_RAY, |job| {
        let tone = if job.error.is_some() { Tone::Bad } else { Tone::Good };
        let took = job.started.map_or_else(|| "–".to_owned(), |from| words::between(from, job.ended));
        vec![
            Cell::id(&job.job_id),
            Cell::text(&job.status).toned(tone),
            Cell::maybe(job.agent_id.as_deref()),
            Cell::text(words::time(job.ended)),
            Cell::text(took),
            Cell::maybe(job.error.as_ref().map(|error| error.message.as_str())),
        ]
    });
    Section { title: "Ray", lead: "Jobs of Ray that worked for this story.", blocks: vec![Block::Table(jobs)] }
}

fn llm(story: &Timeline) -> Section {
    let columns = [
        text("Request", 2.9),
        text("Model", 1.9),
        text("Agent", 1.6),
        text("Status", 1.1),
        number("In", 0.8),
        number("Out", 0.8),
        number("First token", 1.0),
        number("Took", 0.9),
        text("Joined", 0.9),
    ];
    let requests = Table::of(&columns, &story.llm.items, story.llm.more, MAX_LLM, |request| {
        let tone = if request.status == "completed" { Tone::Good } else { Tone::Bad };
        vec![
            Cell::id(&request.request_id),
            Cell::maybe(request.model.as_deref()),
            Cell::maybe(request.agent_id.as_deref()),
            Cell::text(request.status).toned(tone),
            Cell::text(words::maybe(request.input_tokens)),
            Cell::text(words::maybe(request.output_tokens)),
            Cell::text(words::millis(request.first_token_ms)),
            Cell::text(words::between(request.started, request.ended)),
            Cell::text(request.join),
        ]
    });
    let lead = "As the servers tell them. `inferred`: by time, model and tokens, as nothing else fits.";
    Section { title: "Requests to language models", lead, blocks: vec![Block::Table(requests)] }
}
