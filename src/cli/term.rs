//! What commands print. Colour only where a person reads.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Prints a line to standard output. A reader that went away ends the printing quietly.
pub(super) fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}

/// Prints a line to standard error: what is said beside what was asked for.
pub(super) fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints an error with its causes to standard error.
pub(super) fn complain(error: &anyhow::Error) {
    let head = if std::io::stderr().is_terminal() { "\u{1b}[31merror:\u{1b}[0m" } else { "error:" };
    let _ = writeln!(std::io::stderr(), "{head} {}", chain(error));
}

/// An error and its causes. Some libraries tell the cause in their own text as well: it is told once.
fn chain(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for text in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = text;
        } else if !told.ends_with(&format!(": {text}")) {
            told = format!("{told}: {text}");
        }
    }
    told
}

/// A mark for a state, coloured on a terminal.
pub(super) fn mark(ok: bool, warn: bool) -> String {
    let (text, colour) = match (ok, warn) {
        (true, false) => ("ok  ", "32"),
        (true, true) => ("warn", "33"),
        (false, _) => ("FAIL", "31"),
    };
    if std::io::stdout().is_terminal() { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// How often progress is told where nobody sees a line written over.
const PACE: Duration = Duration::from_secs(10);

/// How far a long work is: on a terminal one line that is written over, otherwise a line now and then.
#[derive(Debug, Default)]
pub(super) struct Progress {
    told: Option<Instant>,
}

impl Progress {
    pub(super) fn tell(&mut self, line: &str) {
        if std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K{line}");
            let _ = std::io::stderr().flush();
            self.told = Some(Instant::now());
        } else if self.due(Instant::now()) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    fn due(&mut self, now: Instant) -> bool {
        let begin = *self.told.get_or_insert(now);
        let due = now.duration_since(begin) >= PACE;
        if due {
            self.told = Some(now);
        }
        due
    }

    /// Ends the line that was written over.
    pub(super) fn done(&self) {
        if self.told.is_some() && std::io::stderr().is_terminal() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("IO error: refused")]
        struct Outer(#[source] std::io::Error);
        let error = anyhow::Error::new(Outer(std::io::Error::other("refused"))).context("cannot connect to h");
        assert_eq!(chain(&error), "cannot connect to h: IO error: refused");
        assert_eq!(chain(&anyhow::anyhow!("b").context("a")), "a: b");
    }

    #[test]
    fn where_nobody_watches_progress_is_told_every_ten_seconds() {
        let (mut progress, begin) = (Progress::default(), Instant::now());
        let told = (0..=30).filter(|second| progress.due(begin + Duration::from_secs(*second)));
        assert_eq!(told.collect::<Vec<_>>(), [10, 20, 30]);
    }
}
