//! The end of a pod's log, while somebody waits.
//! Takes: namespace, pod, container, lines. Gives: lines, masked, without escapes. Never: follows a log, or reads a
//! namespace that is not watched.

use std::sync::Arc;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, Client};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::connect::failure;
use crate::lookup::{Answerer, LookupError, Question};
use crate::model::{printable, shorten};
use crate::privacy::Masker;
use crate::sources::failure::reason;

/// Most bytes taken of a log.
const MAX_BYTES: i64 = 1 << 20;
/// Longest line shown.
const MAX_LINE: usize = 4096;

/// Answers with the client of the watches, once there is one.
#[derive(Clone)]
pub struct Logs {
    client: Arc<Mutex<Option<Client>>>,
    namespaces: Arc<[String]>,
    masker: Arc<Masker>,
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logs").field("namespaces", &self.namespaces).finish_non_exhaustive()
    }
}

impl Logs {
    /// For pods of these namespaces.
    pub fn new(namespaces: &[String], masker: Arc<Masker>) -> Self {
        Self { client: Arc::default(), namespaces: namespaces.into(), masker }
    }

    pub(super) fn ask_with(&self, client: Client) {
        *self.client.lock() = Some(client);
    }

    async fn log(&self, asked: Asked) -> Result<Value, LookupError> {
        let Asked { namespace, pod, container, lines, previous } = asked;
        if !self.namespaces.contains(&namespace) {
            return Err(LookupError::Unknown(format!("namespace {namespace} is not watched")));
        }
        if !is_name(&pod) || container.as_deref().is_some_and(|name| !is_name(name)) {
            return Err(LookupError::Unknown("no pod can have such a name".to_owned()));
        }
        let client = self.client.lock().clone();
        let client = client.ok_or_else(|| LookupError::Failed("the API server was not reached yet".to_owned()))?;
        let params = LogParams {
            container: container.clone(),
            previous,
            tail_lines: Some(i64::from(lines)),
            limit_bytes: Some(MAX_BYTES),
            ..LogParams::default()
        };
        let text = Api::<Pod>::namespaced(client, &namespace).logs(&pod, &params).await.map_err(|error| {
            let failed = failure(&error);
            match failed.reason {
                reason::NOT_FOUND => LookupError::Unknown(format!("there is no pod {namespace}/{pod}")),
                _ => LookupError::Failed(failed.to_string()),
            }
        })?;
        let shown: Vec<String> = last(&text, lines as usize).map(|line| self.line(line)).collect();
        Ok(json!({
            "namespace": namespace, "pod": pod, "container": container, "previous": previous, "lines": shown,
        }))
    }

    fn line(&self, line: &str) -> String {
        shorten(&printable(&self.masker.text(&plain(line))), MAX_LINE)
    }
}

struct Asked {
    namespace: String,
    pod: String,
    container: Option<String>,
    lines: u32,
    previous: bool,
}

impl Answerer for Logs {
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Value, LookupError>> {
        Box::pin(async move {
            match question {
                Question::PodLog { namespace, pod, container, lines, previous } => {
                    self.log(Asked { namespace, pod, container, lines, previous }).await
                }
                _ => Err(LookupError::Unknown("Kubernetes knows logs of pods only".to_owned())),
            }
        })
    }
}

/// Names go into a path: only what Kubernetes itself allows.
fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    !name.is_empty() && name.len() <= 253 && name.bytes().all(fits) && !name.starts_with('.')
}

fn last(text: &str, lines: usize) -> impl Iterator<Item = &str> {
    let from = text.lines().count().saturating_sub(lines);
    text.lines().skip(from)
}

/// Without the sequences that colour a terminal, or retitle it.
fn plain(line: &str) -> String {
    let (mut out, mut chars) = (String::with_capacity(line.len()), line.chars().peekable());
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        match chars.next() {
            // CSI: up to a letter or one of @[\]^_`{|}~.
            Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            // OSC: up to BEL, or ESC and a backslash.
            Some(']') => {
                while let Some(c) = chars.next() {
                    if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Content;

    #[test]
    fn lines_are_plain_and_masked() {
        let logs = Logs::new(&[], Arc::new(Masker::new(Content::Summary, 1 << 16)));
        assert_eq!(logs.line("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}and plain"), "red and plain");
        assert_eq!(logs.line("\u{1b}]8;;http://x\u{1b}\\link"), "link");
        let secret = logs.line("connecting with password=\u{1b}[1mhunter2-hunter2");
        assert!(!secret.contains("hunter2"), "{secret}");
        assert_eq!(last("a\nb\nc\n", 2).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[tokio::test]
    async fn only_pods_of_watched_namespaces_are_asked_for() {
        let logs = Logs::new(&["fleet".to_owned()], Arc::new(Masker::new(Content::Summary, 1 << 16)));
        let ask = |namespace: &str, pod: &str| {
            let (namespace, pod) = (namespace.to_owned(), pod.to_owned());
            logs.answer(Question::PodLog { namespace, pod, container: None, lines: 1, previous: false })
        };
        assert!(matches!(ask("kube-system", "a").await, Err(LookupError::Unknown(_))));
        assert!(matches!(ask("fleet", "../secrets/x").await, Err(LookupError::Unknown(_))));
        assert!(matches!(ask("fleet", "a").await, Err(LookupError::Failed(_))));
    }
}
