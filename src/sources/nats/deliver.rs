//! What an ordered consumer brings → messages in stream order, each once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use crate::model::{Text, Timestamp};

use super::api::Api;
use super::begin::Deliver;
use super::ending::{Ending, Step};
use super::error::ApiError;
use super::gap::Gaps;
use super::outlet::Outlet;
use super::pull::{Broken, Puller, Stored};
use super::read::{End, Stream, missed};
use super::signals::Denied;
use super::{Shared, shield, wire};
use crate::sources::decode::Raw;

/// The server says that there is more, yet nothing comes for this long: the consumer is stuck.
pub(super) const STUCK: Duration = Duration::from_secs(8);
/// A batch that waits for company is looked at again after this.
const COMPANY: Duration = Duration::from_millis(5);

/// Reads by a consumer until something changes or fails.
pub(super) async fn deliver(
    shared: &Shared,
    stream: &Stream,
    connect: u64,
    info: &wire::Stream,
    from: Deliver,
    gaps: &mut Gaps,
    outlet: &mut Outlet,
) -> Result<(), End> {
    let (overlapping, check) = overlap(stream, from);
    let mut puller = Puller::create(&shared.api, &stream.name, overlapping, shared.config.batch).await?;
    *stream.trouble.lock() = None;
    if shared.api.stream(&stream.name).await?.created != info.created {
        // Made anew between our look and our consumer.
        puller.remove().await;
        return Err(End::Again);
    }
    let ending = Ending::new(info, from);
    let ended = Delivery { shared, stream, connect, gaps, outlet, check, ending }.run(&mut puller).await;
    let denied = Denied::Publish(Api::pull_subject(&stream.name, puller.name()));
    let refused = shared.api.signals().is_denied(&denied);
    if !gaps.is_empty() {
        let asked = tokio::time::timeout(Duration::from_secs(1), shared.api.stream(&stream.name)).await;
        if let Ok(Ok(info)) = asked {
            missed(shared, &stream.name, gaps.judge(info.state.first_seq));
        }
    }
    puller.remove().await;
    match (ended, denied) {
        (Err(End::Broken(Broken::Silent)), Denied::Publish(subject)) if refused => {
            Err(ApiError::Denied(subject).into())
        }
        (ended, _) => ended,
    }
}

/// Begins with the last message read, where it is known: if another one stands there now, the stream lost its tail.
fn overlap(stream: &Stream, from: Deliver) -> (Deliver, Option<(u64, Timestamp)>) {
    match (from, *stream.last_read.lock()) {
        (Deliver::Seq(next), Some(last)) if last.0 > 0 && last.0 + 1 == next => (Deliver::Seq(last.0), Some(last)),
        _ => (from, None),
    }
}

struct Delivery<'a> {
    shared: &'a Shared,
    stream: &'a Stream,
    connect: u64,
    gaps: &'a mut Gaps,
    outlet: &'a mut Outlet,
    /// The message that must stand where it was read.
    check: Option<(u64, Timestamp)>,
    ending: Ending,
}

impl Delivery<'_> {
    async fn run(&mut self, puller: &mut Puller) -> Result<(), End> {
        let mut messages = Vec::new();
        let mut delivered = Instant::now();
        loop {
            if puller.pending == 0 {
                self.pass_over().await?;
            }
            let waiting = self.outlet.is_waiting();
            let came = tokio::select! {
                biased;
                () = self.stream.stop.cancelled() => return Ok(()),
                () = self.shared.api.signals().connected_after(self.connect) => return Err(End::Again),
                () = self.stream.look.notified() => return Err(End::Again),
                came = puller.next(&mut messages) => came,
                () = tokio::time::sleep(COMPANY), if waiting => Ok(()),
            };
            let busy = waiting || !messages.is_empty();
            self.take(&mut messages).await?;
            came?;
            self.outlet.rest().await?;
            if self.gaps.is_due() {
                let info = self.shared.api.stream(&self.stream.name).await?;
                missed(self.shared, &self.stream.name, self.gaps.judge(info.state.first_seq));
            }
            if busy {
                // Ingest may have made us wait: that is no silence of the server.
                delivered = Instant::now();
                puller.excuse();
            }
            let last_seq = self.stream.last_seq.load(Ordering::Relaxed);
            let more = puller.pending > 0 || last_seq > self.outlet.position().seq;
            if more && delivered.elapsed() > STUCK {
                if puller.pending > 0 || !self.ending.is_given_up(self.outlet.position().seq) {
                    return Err(End::Stuck);
                }
                self.skip().await?;
            }
        }
    }

    /// Passes over the end of the stream where the consumer has nothing left and the server says that it is gone.
    async fn pass_over(&mut self) -> Result<(), End> {
        let read = self.outlet.position().seq;
        let gone = match self.ending.next_step(read) {
            Step::Rest => false,
            Step::PassOver => true,
            Step::Ask => {
                let next = tokio::select! {
                    () = self.stream.stop.cancelled() => return Ok(()),
                    next = self.shared.api.next_message(&self.stream.name, read + 1) => next,
                };
                self.ending.answer(read, next.map(|message| message.seq))?
            }
        };
        if gone { self.skip().await } else { Ok(()) }
    }

    async fn skip(&mut self) -> Result<(), End> {
        self.note(self.ending.last_seq + 1);
        self.outlet.skip_to(self.ending.last_seq);
        Ok(self.outlet.commit().await?)
    }

    /// Notes what lies between the last message read and `next`.
    fn note(&mut self, next: u64) {
        let before = self.outlet.position().seq;
        if next > before + 1 && (before > 0 || self.ending.since.is_none()) {
            self.gaps.note(before, next);
        }
    }

    async fn take(&mut self, messages: &mut Vec<Stored>) -> Result<(), End> {
        let received = Timestamp::now();
        for Stored { seq, at, message } in messages.drain(..) {
            let before = self.outlet.position().seq;
            if seq <= before {
                if self.check.is_some_and(|(read, stored)| read == seq && stored != at) {
                    *self.stream.replaced.lock() = Some(self.outlet.position().incarnation);
                    return Err(End::Again);
                }
                continue;
            }
            self.note(seq);
            let raw = Raw {
                stream: Text::clone(&self.stream.name),
                incarnation: self.outlet.position().incarnation,
                stream_seq: seq,
                subject: &message.subject,
                headers: &headers(&message),
                body: message.payload.clone(),
                stored: at,
                received,
            };
            self.outlet.push(shield::message(raw, &self.shared.masker));
            *self.stream.last_read.lock() = Some((seq, at));
            if self.outlet.is_full() {
                self.outlet.flush().await?;
            }
        }
        Ok(())
    }
}

/// The headers as pairs; a name given twice is there twice.
pub(super) fn headers(message: &async_nats::Message) -> SmallVec<[(&str, &str); 4]> {
    let Some(headers) = &message.headers else { return SmallVec::new() };
    headers.iter().flat_map(|(name, values)| values.iter().map(move |v| (name.as_ref(), v.as_str()))).collect()
}
