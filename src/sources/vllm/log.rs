//! The server's log → entries of aborted requests.
//! Takes: the log file. Gives: an entry for each request its caller gave up. Never: an entry for a line it does not know.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::entry::entry;
use super::line::{self, Line};
use super::tail::Tail;
use crate::model::{Event, LlmRequest, LlmStatus, Text, Timestamp};
use crate::privacy::Masker;
use crate::sources::failure::reason;
use crate::sources::watch::{Watcher, hand_over};
use crate::status::Health;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Requests under way whose begin is remembered.
const MAX_BEGUN: usize = 4_096;
/// The part's name in `/status`.
const PART: &str = "source/vllm-log";

/// Requests that began, oldest first.
#[derive(Debug, Default)]
pub(super) struct Begun(VecDeque<(Text, Timestamp)>);

impl Begun {
    /// The entries a line leads to.
    pub(super) fn events(&mut self, text: &str, now: Timestamp, masker: &Masker) -> Vec<Event> {
        match line::read(text) {
            Some(Line::Received(id)) => {
                if self.0.len() >= MAX_BEGUN {
                    self.0.pop_front();
                }
                self.0.push_back((id, now));
                Vec::new()
            }
            Some(Line::Aborted(ids)) => ids.into_iter().map(|id| self.aborted(id, now, masker)).collect(),
            None => Vec::new(),
        }
    }

    fn aborted(&mut self, id: Text, now: Timestamp, masker: &Masker) -> Event {
        let at = self.0.iter().rposition(|(begun, _)| *begun == id);
        let start = at.and_then(|at| self.0.remove(at)).map_or(now, |(_, start)| start);
        let request = LlmRequest {
            request_id: id,
            start,
            end: now,
            status: LlmStatus::Aborted,
            service: "vllm".into(),
            ..LlmRequest::default()
        };
        entry(request, now, masker)
    }
}

/// Follows the file until stopped.
pub(super) async fn follow(path: &Path, watcher: &Watcher) {
    let (mut tail, mut begun, mut told) = (Tail::new(path), Begun::default(), None);
    while !watcher.stop.is_cancelled() {
        let lines = tail.look().await;
        let well = lines.is_ok();
        if let Err(error) = &lines
            && told != Some(false)
        {
            watcher.metrics.sources.errors.with_label_values(&["vllm", reason::CONFIGURATION]).inc();
            let detail = format!("vllm.log_file: {} cannot be read: {error}", path.display());
            watcher.status.report(PART, Health::Down, detail);
        } else if well && told != Some(true) {
            watcher.status.report(PART, Health::Up, format!("follows {}", path.display()));
        }
        told = Some(well);
        let now = Timestamp::now();
        let lines = lines.unwrap_or_default();
        let events = lines.iter().flat_map(|line| begun.events(line, now, &watcher.masker)).collect();
        if hand_over(events, watcher).await.is_err() {
            return;
        }
        let _ = timeout(EVERY, watcher.stop.cancelled()).await;
    }
}
