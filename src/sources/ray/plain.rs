//! What processes write → text to show: no escapes, no secrets, short.
//! Takes: logs, error messages. Gives: lines, and the one that says what went wrong.

use crate::model::{Text, printable, shorten};
use crate::privacy::Masker;

/// Longest line of a log, and longest error message, in characters.
const MAX_LINE: usize = 2_000;
const MAX_ERROR: usize = 300;

/// The text without the escape sequences that colour a terminal or move its cursor.
pub(super) fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            // CSI: parameters, then one final byte.
            Some('[') => {
                let _ = rest.find(|c| ('\u{40}'..='\u{7e}').contains(c));
            }
            // OSC: up to BEL, or ESC and a backslash.
            Some(']') => {
                while let Some(c) = rest.next() {
                    if c == '\u{7}' || (c == '\u{1b}' && rest.next().is_some()) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    plain
}

/// The last lines of a log, masked, oldest first.
pub(super) fn last_lines(log: &str, most: usize, masker: &Masker) -> Vec<String> {
    // A progress bar writes one line again and again: what it showed last counts.
    let shown = |line: &str| {
        let line = line.trim_end_matches('\r');
        line.rsplit('\r').next().unwrap_or(line).to_owned()
    };
    let plain = without_escapes(log);
    let plain = plain.trim_end_matches('\n');
    // Secrets may span lines, so some more are looked through than are shown.
    let start = plain.rmatch_indices('\n').nth(most.saturating_add(50)).map_or(0, |(at, _)| at + 1);
    let hidden = masker.text(&plain[start..]);
    let lines: Vec<&str> = hidden.lines().collect();
    let skipped = lines.len().saturating_sub(most);
    lines[skipped..].iter().map(|line| shorten(&printable(&shown(line)), MAX_LINE)).collect()
}

/// One line that says what went wrong: the exception that ended it, else how the message begins.
pub(super) fn error_line(message: &str, masker: &Masker) -> Text {
    let plain = without_escapes(message);
    let hidden = masker.text(&plain);
    let lines = || hidden.lines().map(str::trim).filter(|line| !line.is_empty());
    let exception = lines().rfind(|line: &&str| is_exception(line));
    let line = exception.or_else(|| lines().next()).unwrap_or("no reason given");
    shorten(&printable(line), MAX_ERROR).into()
}

/// `ValueError: it is so`, `ray.exceptions.RayTaskError(ValueError): …`.
fn is_exception(line: &str) -> bool {
    let Some((name, _)) = line.split_once(": ") else { return false };
    let last = name.split('(').next().unwrap_or(name).rsplit('.').next().unwrap_or(name);
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || "._()".contains(c));
    is_name && ["Error", "Exception", "Exit", "Interrupt", "Timeout"].iter().any(|end| last.ends_with(end))
}

/// Foreign text on one line, masked and cut.
pub(super) fn short(text: &str, most: usize, masker: &Masker) -> Text {
    shorten(&printable(&masker.text(&without_escapes(text))), most).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    fn masker() -> Masker {
        Masker::new(Content::Summary, 1 << 16)
    }

    #[test]
    fn escapes_go_and_text_stays() {
        for (text, plain) in [
            ("\u{1b}[36mray::boom()\u{1b}[39m (pid=1)", "ray::boom() (pid=1)"),
            ("\u{1b}[1m\u{1b}[32mhttp://x \u{1b}[39m\u{1b}[22m", "http://x "),
            ("\u{1b}]0;title\u{7}text\u{1b}]8;;u\u{1b}\\link", "textlink"),
            ("cut \u{1b}[3", "cut "),
            ("é\u{1b}", "é"),
        ] {
            assert_eq!(without_escapes(text), plain);
        }
    }

    #[test]
    fn the_last_lines_are_given_masked() {
        let log: String =
            (0..100).map(|n| format!("\u{1b}[36mline\u{1b}[0m {n}")).collect::<Vec<_>>().join("\n") + "\n";
        assert_eq!(last_lines(&log, 3, &masker()), ["line 97", "line 98", "line 99"]);
        assert_eq!(last_lines("only\n", 20, &masker()), ["only"]);
        assert_eq!(last_lines("", 20, &masker()), Vec::<String>::new());
        assert_eq!(last_lines("a\r10%\r20%\r\nb", 2, &masker()), ["20%", "b"]);
        let told = last_lines("a\nexport OPENAI_API_KEY=sk-proj-1234567890abcdefghijklmnop\n", 20, &masker());
        assert!(!told.concat().contains("1234567890"), "{told:?}");
    }

    #[test]
    fn the_exception_is_found_in_what_ray_says() {
        let failed = include_str!("../../../tests/fixtures/ray/jobs.json");
        let jobs: Vec<serde_json::Value> = serde_json::from_str(failed).expect("a list");
        let lines: Vec<_> = jobs
            .iter()
            .filter(|job| job["status"] == "FAILED")
            .map(|job| error_line(job["message"].as_str().expect("a text"), &masker()).to_string())
            .collect();
        assert!(lines.contains(&"ValueError: LLM returned invalid JSON".to_owned()), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.starts_with("Job entrypoint command failed with exit code 3")),
            "{lines:?}"
        );
    }
}
