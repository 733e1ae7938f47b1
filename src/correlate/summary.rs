//! One line for people, and how much attention a message asks for.

use std::fmt::Write;

use crate::model::{Facts, Ids, Key, Message, Severity, Text, printable};

/// Longest summary, in characters.
const MAX: usize = 160;

/// How much a message asks for attention.
pub(super) fn severity(message: &Message) -> Severity {
    let facts = &message.facts;
    let kind = &*message.event_type;
    let says = |key: Key, words: &[&str]| {
        facts.text(key).is_some_and(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
    };
    if kind.ends_with(".failed")
        || kind == "deadletter"
        || facts.bool(Key::Success) == Some(false)
        || says(Key::Status, &["failed", "error"])
        || (kind.starts_with("observability.alert") && says(Key::Severity, &["critical", "error", "page"]))
    {
        return Severity::Error;
    }
    if message.undecodable.is_some()
        || kind.ends_with(".rejected")
        || kind.ends_with(".cancelled")
        || kind.ends_with(".denied")
        || kind.ends_with("tasks_not_ready")
        || kind.ends_with("reconcile.requested")
        || kind.starts_with("observability.alert")
        || says(Key::Status, &["denied", "timeout"])
        || facts.bool(Key::ChecksPassed) == Some(false)
        || says(Key::ToState, &["arch_rejected", "qa_failed", "cancelled"])
    {
        return Severity::Warning;
    }
    Severity::Info
}

/// A line under construction: stops growing at its limit.
struct Line {
    text: String,
    left: usize,
}

impl Line {
    fn add(&mut self, text: &str) -> &mut Self {
        if text.len() <= self.left && text.is_ascii() {
            self.left -= text.len();
            self.text.push_str(text);
            return self;
        }
        for c in text.chars() {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            self.text.push(c);
        }
        self
    }

    /// ` <before><value>`, if there is a value.
    fn with(&mut self, before: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.add(before).add(value);
        }
        self
    }

    fn number(&mut self, before: &str, value: Option<i64>, after: &str) -> &mut Self {
        if let Some(value) = value {
            let mut digits = String::new();
            // Writing to a string cannot fail.
            let _ = write!(digits, "{value}");
            self.add(before).add(&digits).add(after);
        }
        self
    }
}

/// One line for people, at most 160 characters.
pub(super) fn summary(message: &Message, ids: &Ids) -> Text {
    let mut line = Line { text: String::with_capacity(96), left: MAX };
    if let Some(reason) = &message.undecodable {
        line.add("undecodable: ").add(reason);
        return finish(line);
    }
    let facts = &message.facts;
    let text = |key: Key| facts.text(key);
    let count = |key: Key| facts.int(key).or_else(|| facts.items(key).map(i64::from));
    let why = facts.first_text(&[Key::Error, Key::ErrorReason, Key::Reason, Key::RejectionReason, Key::Feedback]);
    match &*message.event_type {
        "planning.project.created" => line.add("project created").with(": ", text(Key::Name)),
        "planning.epic.created" => line.add("epic created").with(": ", text(Key::Title)),
        "planning.story.created" => {
            line.add("story created").with(": ", text(Key::Title)).with(" by ", text(Key::CreatedBy))
        }
        "planning.story.transitioned" => line
            .add("story moved")
            .with(" from ", facts.first_text(&[Key::FromState, Key::FromPhase]))
            .with(" to ", facts.first_text(&[Key::ToState, Key::ToPhase]))
            .with(" by ", text(Key::TransitionedBy)),
        "planning.story.tasks_not_ready" => line.add("tasks not ready").with(": ", why),
        "planning.task.created" => {
            line.add("task created").with(": ", text(Key::Title)).with(" for ", text(Key::AssignedTo))
        }
        "planning.tasks.derived" | "task.derivation.completed" => {
            line.add("tasks derived").number(": ", count(Key::TaskCount), "")
        }
        "planning.plan.approved" => line.add("plan approved").with(" by ", text(Key::ApprovedBy)).number(
            ", ",
            count(Key::TasksCreated).or_else(|| count(Key::TasksOutline)),
            " tasks",
        ),
        "planning.plan.rejected" => line.add("plan rejected").with(" by ", text(Key::RejectedBy)).with(": ", why),
        "planning.decision.approved" => line.add("decision approved").with(" by ", text(Key::ApprovedBy)),
        "planning.decision.rejected" => {
            line.add("decision rejected").with(" by ", text(Key::RejectedBy)).with(": ", why)
        }
        "planning.backlog_review.created" => {
            line.add("backlog review created").number(", ", count(Key::StoryIds), " stories")
        }
        "planning.backlog_review.ceremony.started" => line
            .add("backlog review started")
            .number(": ", count(Key::TotalStories), " stories")
            .number(", ", count(Key::DeliberationsSubmitted), " deliberations"),
        "planning.backlog_review.ceremony.completed" => line
            .add("backlog review completed")
            .number(": ", count(Key::ApprovedCount), " approved")
            .number(", ", count(Key::RejectedCount), " rejected"),
        "planning.backlog_review.deliberations.complete" => {
            line.add("all roles reviewed").number(", ", count(Key::AgentDeliberations), " answers")
        }
        "orchestration.task.dispatched" => {
            line.add("task dispatched").with(" to ", ids.agent.as_deref()).with(" for ", ids.role.as_deref())
        }
        "workflow.state.changed" => line
            .add("workflow")
            .with(" from ", text(Key::FromState))
            .with(" to ", text(Key::ToState))
            .with(" by ", text(Key::ActorRole))
            .with(": ", text(Key::Feedback)),
        "workflow.task.assigned" => {
            line.add("task assigned").with(" to ", text(Key::Role)).with(" for ", text(Key::ActionRequired))
        }
        "task.derivation.requested" => line.add("task derivation requested").with(" by ", text(Key::RequestedBy)),
        "agent.response.progress" => line
            .with("", ids.agent.as_deref())
            .number(" at ", count(Key::ProgressPct), "%")
            .with(": ", text(Key::Message)),
        kind if kind.starts_with("agent.response.") => answer(&mut line, facts, ids, kind, why),
        kind => generic(&mut line, facts, ids, kind, why),
    };
    finish(line)
}

fn answer<'l>(line: &'l mut Line, facts: &Facts, ids: &Ids, kind: &str, why: Option<&str>) -> &'l mut Line {
    line.add(ids.agent.as_deref().unwrap_or("agent"));
    let failed = kind.ends_with(".failed");
    line.add(if failed { " failed" } else { " answered" });
    if let Some(ms) = facts.int(Key::DurationMs).filter(|ms| *ms > 0) {
        let mut took = String::new();
        let _ = write!(took, " in {:.1} s", ms as f64 / 1e3);
        line.add(&took);
    }
    if failed {
        return line.with(": ", why);
    }
    line.number(", ", facts.int(Key::ProposalTokens), " tokens").number(
        ", ",
        facts.items(Key::Tasks).map(i64::from),
        " tasks",
    )
}

fn generic<'l>(line: &'l mut Line, facts: &Facts, ids: &Ids, kind: &str, why: Option<&str>) -> &'l mut Line {
    const ABOUT: [Key; 6] = [Key::AlertName, Key::ToolName, Key::Title, Key::Name, Key::Summary, Key::OperationType];
    // `planning.plan.approved` → `plan approved`: the subject's last two words say what happened.
    let mut words = kind.rsplit('.').take(2);
    let (last, before) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    for (at, word) in [before, last].into_iter().filter(|w| !w.is_empty() && *w != "*").enumerate() {
        line.add(if at == 0 { "" } else { " " });
        for part in word.split(['_', '-']) {
            if !line.text.is_empty() && !line.text.ends_with(' ') {
                line.add(" ");
            }
            line.add(part);
        }
    }
    line.with(": ", facts.first_text(&ABOUT));
    let status = facts.text(Key::Status).filter(|status| !kind.ends_with(*status));
    line.with(" by ", ids.agent.as_deref()).with(", ", status).with(": ", why)
}

fn finish(mut line: Line) -> Text {
    if line.left == 0 {
        line.text.pop();
        line.text.push('…');
    }
    // Ids and reasons come from outside.
    if line.text.bytes().all(|b| (0x20..0x7f).contains(&b)) { line.text.into() } else { printable(&line.text).into() }
}
