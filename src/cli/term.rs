//! What commands print. Colour only where a person reads.

use std::io::{IsTerminal, Write};

/// Prints a line to standard output. A reader that went away ends the printing quietly.
pub(super) fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}

/// Prints an error with its causes to standard error.
pub(super) fn complain(error: &anyhow::Error) {
    let head = if std::io::stderr().is_terminal() { "\u{1b}[31merror:\u{1b}[0m" } else { "error:" };
    let _ = writeln!(std::io::stderr(), "{head} {error:#}");
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

/// Shows how far a long work is, on a terminal only: one line that is written over.
pub(super) fn progress(line: &str) {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r\u{1b}[K{line}");
        let _ = std::io::stderr().flush();
    }
}

/// Ends the line of progress.
pub(super) fn progress_done() {
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr());
    }
}
