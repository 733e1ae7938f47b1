//! Streams that no consumer may look into: work queues (a second consumer is refused or steals) and interest streams
//! (a consumer without acks holds or frees messages). They are read one message at a time by sequence, without a
//! consumer. Best effort: what a worker settles before we ask is gone, and is counted as missed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smallvec::SmallVec;

use crate::model::{Text, Timestamp};

use super::begin::{self, Deliver};
use super::outlet::Outlet;
use super::read::{End, Stream, missed};
use super::{Shared, shield};
use crate::sources::decode::Raw;

/// Between two looks at a stream that had nothing new…
const IDLE: Duration = Duration::from_millis(50);
/// …and at most: what its workers settle faster than that may be missed, which is worse than ten requests a second.
const MAX_IDLE: Duration = Duration::from_millis(100);

/// Walks until stopped, or until something changes or fails.
///
/// `from` a time: what was stored earlier is passed over, and what is gone before the first message was never missed.
pub(super) async fn walk(
    shared: &Shared,
    stream: &Stream,
    connect: u64,
    from: Deliver,
    outlet: &mut Outlet,
) -> Result<(), End> {
    let mut not_before = match from {
        Deliver::Time(time) => Some(time),
        Deliver::Seq(_) => None,
    };
    // What the server said to have stored before we asked for the next message in vain.
    let (mut gone_up_to, mut idle) = (0, IDLE);
    loop {
        let before = outlet.position().seq;
        let got = tokio::select! {
            biased;
            () = stream.stop.cancelled() => return Ok(()),
            () = shared.api.signals().connected_after(connect) => return Err(End::Again),
            () = stream.look.notified() => return Err(End::Again),
            got = shared.api.next_message(&stream.name, before + 1) => got,
        };
        match got {
            Ok(message) => {
                let stored = Timestamp::parse(&message.time).unwrap_or_else(|_| Timestamp::now());
                match not_before {
                    Some(time) if stored < time => {
                        outlet.skip_to(message.seq);
                        continue;
                    }
                    Some(_) => not_before = None,
                    None => missed(shared, &stream.name, message.seq.saturating_sub(before + 1)),
                }
                let headers = STANDARD.decode(&message.hdrs).unwrap_or_default();
                let headers = String::from_utf8_lossy(&headers);
                let raw = Raw {
                    stream: Text::clone(&stream.name),
                    incarnation: outlet.position().incarnation,
                    stream_seq: message.seq,
                    subject: &message.subject,
                    headers: &header_lines(&headers),
                    body: STANDARD.decode(&message.data).unwrap_or_default().into(),
                    stored,
                    received: Timestamp::now(),
                };
                outlet.push(shield::message(raw, &shared.masker));
                *stream.last_read.lock() = Some((message.seq, stored));
                outlet.rest().await?;
                idle = IDLE;
            }
            Err(error) if error.is_no_message() => {
                outlet.flush().await?;
                if gone_up_to > before {
                    // What is asked for from a time on was never missed before the first message of that time.
                    if not_before.is_none() {
                        missed(shared, &stream.name, gone_up_to - before);
                    }
                    outlet.skip_to(gone_up_to);
                    outlet.commit().await?;
                } else if stream.last_seq.load(Ordering::Relaxed) > before {
                    let info = shared.api.stream(&stream.name).await?;
                    if begin::created(&info).nanos() != outlet.position().created {
                        return Err(End::Again);
                    }
                    gone_up_to = info.state.last_seq;
                } else {
                    idle = rest(stream, idle).await;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until something may have come; gives how long to wait next. What stirs without end wakes no more often than
/// it would be looked for anyway.
async fn rest(stream: &Stream, idle: Duration) -> Duration {
    let stirred = async {
        tokio::time::sleep(IDLE).await;
        stream.stirred.notified().await;
    };
    tokio::select! {
        biased;
        () = stream.stop.cancelled() => idle,
        () = stirred => IDLE,
        () = tokio::time::sleep(idle) => (idle * 2).min(MAX_IDLE),
    }
}

/// `NATS/1.0\r\nName: value\r\n…`.
fn header_lines(text: &str) -> SmallVec<[(&str, &str); 4]> {
    let lines = text.lines().skip(1);
    lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_headers_are_read() {
        let pairs = header_lines("NATS/1.0\r\nNats-Msg-Id: a:b\r\nX:1\r\n\r\n");
        assert_eq!(pairs.as_slice(), [("Nats-Msg-Id", "a:b"), ("X", "1")]);
        assert!(header_lines("").is_empty());
    }

    #[tokio::test]
    async fn an_idle_walk_slows_down_until_something_stirs() {
        let stream = Stream::new("AGENT_WORK".into(), None);
        let (mut idle, mut pauses) = (IDLE, Vec::new());
        for _ in 0..5 {
            idle = rest(&stream, idle).await;
            pauses.push(idle.as_millis());
        }
        assert_eq!(pauses, [100, 100, 100, 100, 100]);
        // It wakes at once, also from what came before it lay down.
        stream.stirred.notify_one();
        let long = rest(&stream, Duration::from_hours(1));
        assert_eq!(tokio::time::timeout(Duration::from_secs(20), long).await, Ok(IDLE));
    }
}
