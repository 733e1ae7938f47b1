//! From the thread that writes to the connection that takes.
//! Takes: bytes, as they are written. Gives: them in pieces, at the client's pace. Never: more than a few pieces at once.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use http::HeaderMap;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::export::PARQUET;

/// Bytes of a piece, and pieces that wait: half a megabyte for each client.
const PIECE: usize = 64 << 10;
const WAITING: usize = 8;

/// Packs by `Accept-Encoding`.
pub(super) fn compression() -> CompressionLayer<impl Predicate> {
    let packs = DefaultPredicate::new().and(NotForContentType::const_new(PARQUET));
    let layer = CompressionLayer::new().gzip(true).zstd(true).quality(tower_http::CompressionLevel::Fastest);
    layer.compress_when(packs)
}

/// How an export ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    Complete = 1,
    ClientGone,
    Stalled,
    TooLong,
    Revoked,
    Stopped,
    Failed,
    Refused,
}

impl Outcome {
    const ALL: [Self; 8] = [
        Self::Complete,
        Self::ClientGone,
        Self::Stalled,
        Self::TooLong,
        Self::Revoked,
        Self::Stopped,
        Self::Failed,
        Self::Refused,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::Stalled => "stalled",
            Self::TooLong => "too_long",
            Self::Revoked => "revoked",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// What is taken.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    End(HeaderMap),
}

/// Both ends. The writing one must be used where blocking is allowed.
pub(super) fn pipe(patience: Duration, life: Duration) -> (Pipe, Taken) {
    let (to, from) = mpsc::channel(WAITING);
    let why = Arc::new(AtomicU8::new(0));
    let ends = Instant::now() + life;
    let pipe =
        Pipe { to, held: Vec::new(), bytes: 0, patience, ends, runtime: Handle::current(), why: Arc::clone(&why) };
    (pipe, Taken { from, why })
}

/// Where the export is written.
#[derive(Debug)]
pub(super) struct Pipe {
    to: mpsc::Sender<Piece>,
    held: Vec<u8>,
    bytes: u64,
    patience: Duration,
    ends: Instant,
    runtime: Handle,
    why: Arc<AtomicU8>,
}

impl Pipe {
    /// Bytes written so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Why writing failed, if it was the client or the daemon that ended it.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let why = self.why.load(Ordering::Acquire);
        Outcome::ALL.into_iter().find(|outcome| *outcome as u8 == why)
    }

    /// Sends what is left, and the end.
    pub(super) fn end(&mut self, trailers: HeaderMap) -> io::Result<()> {
        self.flush()?;
        self.send(Piece::End(trailers))
    }

    fn send(&self, piece: Piece) -> io::Result<()> {
        let sent = self.runtime.block_on(timeout(self.patience, self.to.send(piece)));
        let why = match sent {
            Ok(Ok(())) if Instant::now() < self.ends => return Ok(()),
            Ok(Ok(())) => Outcome::TooLong,
            Ok(Err(_)) => Outcome::ClientGone,
            Err(_) => Outcome::Stalled,
        };
        // A reason the taking end gave before is the true one.
        let _ = self.why.compare_exchange(0, why as u8, Ordering::AcqRel, Ordering::Acquire);
        Err(io::Error::other(why.name()))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.held.capacity() == 0 {
            self.held.reserve_exact(PIECE);
        }
        let taken = bytes.len().min(PIECE - self.held.len());
        self.held.extend_from_slice(&bytes[..taken]);
        self.bytes += taken as u64;
        if self.held.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.held);
        self.send(Piece::Data(piece.into()))
    }
}

/// Where the export is taken from. Dropping it ends the export.
#[derive(Debug)]
pub(super) struct Taken {
    from: mpsc::Receiver<Piece>,
    why: Arc<AtomicU8>,
}

impl Taken {
    /// The next piece; `None` = the writer gave up.
    pub(super) async fn next(&mut self) -> Option<Piece> {
        self.from.recv().await
    }

    /// Takes no more, and says why.
    pub(super) fn refuse(&mut self, why: Outcome) {
        let _ = self.why.compare_exchange(0, why as u8, Ordering::AcqRel, Ordering::Acquire);
        self.from.close();
    }
}
