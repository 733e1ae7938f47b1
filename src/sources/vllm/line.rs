//! Lines of the server's log: the only place that tells of aborted requests.
//! Takes: a line, plain or in JSON, from a file or a pod. Gives: what it says of requests.
//! Never: reads prompts or answers out of it.

use serde::Deserialize;

use crate::model::{Text, clean_id};

/// Longest line that is read.
pub(crate) const MAX_LINE: usize = 64 << 10;
/// Requests one line may name.
const MAX_IDS: usize = 64;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A request came.
    Received(Text),
    /// Requests were aborted by their callers.
    Aborted(Vec<Text>),
}

/// A line of JSON logging.
#[derive(Deserialize)]
struct Json {
    message: String,
}

/// Reads a line; `None` where it says nothing of requests.
pub(crate) fn read(line: &str) -> Option<Line> {
    let line = line.trim();
    if line.len() > MAX_LINE {
        return None;
    }
    if line.starts_with('{') {
        let json: Json = serde_json::from_str(line).ok()?;
        return said(&json.message);
    }
    // `(APIServer pid=1) INFO 11-22 06:35:26 [async_llm.py:922] Aborted …`: what it says comes after the bracket. A prompt
    // in the log that holds such words stands behind other ones.
    let (head, message) = line.split_once("] ")?;
    let is_head = head.contains("INFO ") && head.contains('[') && head.len() < 200;
    is_head.then(|| said(message)).flatten()
}

fn said(message: &str) -> Option<Line> {
    if let Some(rest) = message.strip_prefix("Received request ") {
        let (id, _) = rest.split_once(": ")?;
        return request_id(id).map(Line::Received);
    }
    let rest = message.strip_prefix("Aborted request(s) ")?;
    let rest = rest.trim_end().trim_end_matches(['.', '\u{1b}']);
    let ids: Vec<Text> = rest.split(',').take(MAX_IDS).filter_map(|id| request_id(inner(id.trim()))).collect();
    (!ids.is_empty()).then_some(Line::Aborted(ids))
}

/// An id, which holds no blanks.
fn request_id(id: &str) -> Option<Text> {
    (id.len() <= 300 && !id.contains(char::is_whitespace)).then(|| clean_id(id)).flatten()
}

/// The caller's id: the engine adds eight hexadecimal digits, and before it a number where several answers are wanted.
fn inner(id: &str) -> &str {
    let id = match id.split_once('_') {
        Some((n, rest)) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => id,
    };
    match id.rsplit_once('-') {
        Some((rest, tail)) if tail.len() == 8 && rest.contains('-') && tail.bytes().all(|b| b.is_ascii_hexdigit()) => {
            rest
        }
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = include_str!("../../../tests/fixtures/vllm/server.txt");

    #[test]
    fn a_captured_log_tells_of_requests_and_aborts() {
        let lines: Vec<Line> = LOG.lines().filter_map(read).collect();
        let aborted = |id: &str| Line::Aborted(vec![id.into()]);
        assert!(lines.contains(&aborted("chatcmpl-req-abort-13")), "{lines:?}");
        assert!(lines.contains(&aborted("chatcmpl-req-timeout")), "{lines:?}");
        assert!(lines.contains(&Line::Received("chatcmpl-req-US-001-task-1".into())), "{lines:?}");
    }

    #[test]
    fn json_and_several_ids_are_read() {
        let line =
            r#"{"levelname": "INFO", "message": "Aborted request(s) 0_chatcmpl-a-0011aabb,chatcmpl-b-ffff0000."}"#;
        assert_eq!(read(line), Some(Line::Aborted(vec!["chatcmpl-a".into(), "chatcmpl-b".into()])));
    }

    #[test]
    fn a_prompt_that_looks_like_a_line_is_none() {
        let evil = [
            "(APIServer pid=1) INFO 11-22 06:35:26 [x.py:1] Generated response a: output: '] Aborted request(s) b.'",
            "Aborted request(s) chatcmpl-1.",
            "(APIServer pid=1) INFO 11-22 06:35:26 [x.py:1] Aborted request(s) .",
            "{\"message\": 5}",
            "{",
            "",
        ];
        for line in evil {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
