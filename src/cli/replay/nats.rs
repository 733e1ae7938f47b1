//! `replay --into-nats`: a history → a NATS server of somebody's choice.
//! Takes: a journal of its own, a filter, a pace. Gives: each message that came over NATS, as it was kept, on its subject
//! under a prefix; an account of them.
//! Never: publishes on a subject without the prefix, or into what looks like the fleet's own server unless told.

mod target;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishAckFuture;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use self::target::Target;
use crate::cli::term;
use crate::journal::{Embedded, Journal};
use crate::model::{Cursor, Filter, Message, Order, Query, Source, Text};
use crate::sinks::feed::{Clock, Pace};

/// Entries read at a time.
const PAGE: usize = 256;
/// Messages that may wait for the server's word.
const IN_FLIGHT: usize = 256;
/// How often one is sent that the server does not confirm. Its id keeps it from being stored twice.
const TRIES: u32 = 3;
/// Marks what is published as no event of a living fleet.
const MARK: &str = "Fleetscope-Replay";

/// Which server, and how to treat it.
#[derive(Debug, clap::Args)]
pub(super) struct IntoNats {
    /// Publish the messages into this NATS server, each on its subject under the prefix.
    #[arg(id = "into_nats", long = "into-nats", value_name = "URL", conflicts_with_all = ["serve", "json"])]
    url: Option<String>,
    /// What subjects begin with: `planning.story.created` becomes `replay.planning.story.created`.
    #[arg(long, value_name = "SUBJECT", requires = "into_nats", default_value = "replay", value_parser = prefix)]
    prefix: String,
    /// Credentials file (.creds) for it.
    #[arg(long, value_name = "FILE", requires = "into_nats")]
    creds: Option<std::path::PathBuf>,
    /// Make a stream for what is published, where none stores it.
    #[arg(long, value_name = "NAME", requires = "into_nats")]
    create_stream: Option<String>,
    /// Publish although the server looks like the fleet's own.
    #[arg(long, requires = "into_nats")]
    even_the_fleet: bool,
}

fn prefix(text: &str) -> Result<String, String> {
    let token = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let is_plain = text.len() <= 128 && text.split('.').all(token);
    is_plain
        .then(|| text.to_owned())
        .ok_or_else(|| "write tokens of letters, digits, - and _, parted by dots".to_owned())
}

/// What is in the history, as far as it matters to a server.
#[derive(Debug, Default)]
struct Contents {
    streams: BTreeSet<Text>,
    subjects: BTreeSet<Text>,
    messages: u64,
}

/// How it went.
#[derive(Debug, Default)]
struct Tally {
    published: u64,
    stored: u64,
    duplicates: u64,
    /// By why.
    skipped: BTreeMap<&'static str, u64>,
    refused: BTreeMap<String, u64>,
}

impl IntoNats {
    pub(super) const fn is_asked(&self) -> bool {
        self.url.is_some()
    }

    /// Publishes what fits the filter, at the pace.
    pub(super) async fn publish(
        &self,
        journal: &Embedded,
        filter: &Filter,
        (pace, longest): (Pace, Option<Duration>),
        stop: CancellationToken,
    ) -> anyhow::Result<ExitCode> {
        let mut contents = Contents::default();
        each(journal, filter, &mut |message| contents.add(message))?;
        if contents.messages == 0 {
            bail!("nothing that came over NATS fits: there is nothing to publish");
        }
        let first = |subject: &str| subject.split('.').next().map(str::to_owned);
        if let Some(subject) = contents.subjects.iter().find(|subject| first(subject) == first(&self.prefix)) {
            let prefix = &self.prefix;
            bail!("--prefix: the fleet itself publishes below `{prefix}` ({subject}); take another, such as replay");
        }
        let mut target = Target::connect(self.url.as_deref().unwrap_or_default(), self.creds.as_ref()).await?;
        if !self.even_the_fleet {
            target.refuse_fleet(&contents.streams, &contents.subjects)?;
        }
        target.provide(&self.prefix, self.create_stream.as_deref()).await?;
        let store = journal.store()?;
        let mut run = Run { into: self, target, store, waiting: VecDeque::new(), tally: Tally::default() };
        let stopped = run.all(journal, filter, Clock::new(pace), longest, &contents, &stop).await?;
        run.settle(0).await;
        run.target.flush().await?;
        Ok(run.tally.tell(contents.messages, stopped))
    }
}

/// A page of messages, and where the next begins.
fn page(journal: &Embedded, filter: &Filter, cursor: Option<Cursor>) -> anyhow::Result<(Vec<Message>, Option<Cursor>)> {
    let query = Query { filter: filter.clone(), order: Order::Asc, limit: PAGE, cursor };
    let page = journal.search(&query)?;
    let entries = page.items.iter().filter_map(|record| record.entry());
    let messages = entries.map(|(message, _)| message.clone()).filter(|m| m.source == Source::Nats).collect();
    Ok((messages, page.next))
}

fn each(journal: &Embedded, filter: &Filter, to: &mut dyn FnMut(&Message)) -> anyhow::Result<()> {
    let mut cursor = None;
    loop {
        let (messages, next) = page(journal, filter, cursor)?;
        messages.iter().for_each(&mut *to);
        if next.is_none() {
            return Ok(());
        }
        cursor = next;
    }
}

impl Contents {
    fn add(&mut self, message: &Message) {
        self.messages += 1;
        if !message.stream.is_empty() {
            self.streams.insert(message.stream.clone());
        }
        // Those with ids in them stand for their like.
        self.subjects.insert(message.subject.clone());
        if self.subjects.len() > 10_000 {
            self.subjects.pop_last();
        }
    }
}

/// Waits for the server's word on it.
struct Waiting {
    subject: String,
    message: Message,
    tries: u32,
    ack: PublishAckFuture,
}

struct Run<'a> {
    into: &'a IntoNats,
    target: Target,
    store: Text,
    waiting: VecDeque<Waiting>,
    tally: Tally,
}

impl Run<'_> {
    /// Gives whether it was stopped before the end.
    async fn all(
        &mut self,
        journal: &Embedded,
        filter: &Filter,
        mut clock: Clock,
        longest: Option<Duration>,
        contents: &Contents,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        let (mut progress, mut cursor) = (term::Progress::default(), None);
        loop {
            let (messages, next) = page(journal, filter, cursor)?;
            for message in messages {
                let due = clock.due(message.stored, longest);
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(true),
                    () = sleep_until(due) => {}
                }
                self.one(message).await;
                progress.tell(&format!("{} of {} messages", self.tally.published, contents.messages));
            }
            if next.is_none() {
                progress.done();
                return Ok(false);
            }
            cursor = next;
        }
    }

    async fn one(&mut self, message: Message) {
        let why = match () {
            () if message.payload.truncated => Some("only a part of the payload was kept"),
            () if !is_subject(&message.subject) => Some("the subject cannot be published on"),
            () => None,
        };
        if let Some(why) = why {
            *self.tally.skipped.entry(why).or_default() += 1;
            return;
        }
        let subject = format!("{}.{}", self.into.prefix, message.subject);
        self.send(subject, message, 1).await;
        self.settle(IN_FLIGHT).await;
    }

    async fn send(&mut self, subject: String, message: Message, tries: u32) {
        let (headers, payload) = (self.headers(&message), message.payload.bytes.clone());
        let sent = self.target.publish(subject.clone(), headers, payload).await;
        match sent {
            Ok(Some(ack)) => self.waiting.push_back(Waiting { subject, message, tries, ack }),
            Ok(None) => self.tally.published += 1,
            Err(why) => *self.tally.refused.entry(why).or_default() += 1,
        }
    }

    /// Hears the server until at most `most` messages wait for its word.
    async fn settle(&mut self, most: usize) {
        while self.waiting.len() > most {
            let Some(Waiting { subject, message, tries, ack }) = self.waiting.pop_front() else { return };
            match ack.await {
                Ok(ack) => {
                    self.tally.published += 1;
                    *if ack.duplicate { &mut self.tally.duplicates } else { &mut self.tally.stored } += 1;
                }
                Err(_) if tries < TRIES => Box::pin(self.send(subject, message, tries + 1)).await,
                Err(error) => *self.tally.refused.entry(error.kind().to_string()).or_default() += 1,
            }
        }
    }

    fn headers(&self, message: &Message) -> HeaderMap {
        let (origin, stored) = (message.origin(), message.stored.to_string());
        let mut headers = HeaderMap::new();
        headers.insert(MARK, "1");
        headers.insert("Nats-Msg-Id", format!("{}:{origin}:{}", self.store, self.into.prefix).as_str());
        headers.insert("Fleetscope-Origin", origin.as_str());
        headers.insert("Fleetscope-Time", stored.as_str());
        if let Some(parent) = &message.traceparent {
            headers.insert("traceparent", &**parent);
        }
        if message.payload.masked > 0 {
            headers.insert("Fleetscope-Masked", message.payload.masked.to_string().as_str());
        }
        headers
    }
}

/// Whether a subject is one, and not only its printable likeness.
fn is_subject(subject: &str) -> bool {
    let token = |t: &str| !t.is_empty() && !t.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\u{fffd}');
    subject.split('.').all(token) && !subject.contains(['*', '>'])
}

impl Tally {
    fn tell(&self, of: u64, stopped: bool) -> ExitCode {
        let Self { published, stored, duplicates, .. } = self;
        let early = if stopped { "; it was stopped before the end" } else { "" };
        term::note(&format!(
            "{published} of {of} messages published, {stored} of them stored, {duplicates} were there already{early}"
        ));
        for (why, count) in &self.skipped {
            term::note(&format!("{count} left out: {why}"));
        }
        for (why, count) in &self.refused {
            term::note(&format!("{count} refused: {why}"));
        }
        if stopped || !self.refused.is_empty() { ExitCode::from(2) } else { ExitCode::SUCCESS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_plain_tokens() {
        for good in ["replay", "a.b-c", "x_1"] {
            assert_eq!(prefix(good).as_deref(), Ok(good));
        }
        for bad in ["", ".", "a.", "a..b", "$JS", "a.>", "*", "a b", &"x".repeat(200)] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_made_printable_is_no_subject() {
        assert!(is_subject("planning.story.created"));
        for bad in ["", "a b", "a..b", "a.\u{fffd}", "a.*", "a.>", "a\u{7}"] {
            assert!(!is_subject(bad), "{bad:?}");
        }
    }
}
