//! The lines of a lossless file.
//! Takes: records, closed stories. Gives: a JSON document each, and back. Never: loses a bit between the two.

use serde::{Deserialize, Serialize};

use crate::journal::Picture;
use crate::model::{Body, Delivery, Filter, Link, Message, Record, Resolved, Seq, Span, StoryView, Text, Timestamp};

/// Changes when a reader of the one before could not read the file.
pub(crate) const VERSION: u32 = 1;

/// Longest line that is read. A record has a payload of `privacy.max_payload` at most, and what was found in it.
pub(crate) const MAX_LINE: usize = 64 << 20;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Version of the format.
    pub(crate) format: u32,
    /// Whether it can be imported.
    pub(crate) lossless: bool,
    /// Whose records these are.
    pub(crate) store: Text,
    /// Oldest record held at the time.
    pub(crate) oldest: Seq,
    /// Newest record at the time.
    pub(crate) newest: Seq,
    /// Not before this record.
    pub(crate) from: Seq,
    /// Which entries.
    pub(crate) filter: Filter,
    /// When it was made.
    pub(crate) at: Timestamp,
}

impl Head {
    pub(crate) fn new(picture: &Picture, lossless: bool, from: Seq, filter: Filter, at: Timestamp) -> Self {
        let Picture { store, first: oldest, head: newest } = picture.clone();
        Self { format: VERSION, lossless, store, oldest, newest, from, filter, at }
    }
}

/// What a file held, told at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    /// Not before this record.
    pub(crate) from: Seq,
    /// Records from there on.
    pub(crate) records: u64,
    /// Those of them that are entries.
    pub(crate) entries: u64,
    /// Closed stories.
    pub(crate) stories: u64,
    /// The last record; 0 = none.
    pub(crate) last: Seq,
    /// Deliveries that had to be left out.
    pub(crate) left_out: u64,
}

#[derive(Serialize)]
struct Out<'a> {
    seq: Seq,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<&'a Resolved>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'a Delivery>,
    #[serde(skip_serializing_if = "<[Span]>::is_empty")]
    spans: &'a [Span],
    #[serde(skip_serializing_if = "<[Link]>::is_empty")]
    links: &'a [Link],
}

/// What a checksum stands behind in a line.
const SEAL: &[u8] = b",\"crc\":";

/// Adds the checksum of a line that is an object, as its last member.
fn seal(line: &mut Vec<u8>) {
    line.pop();
    let crc = crc32fast::hash(line);
    line.extend_from_slice(SEAL);
    line.extend_from_slice(crc.to_string().as_bytes());
    line.push(b'}');
}

/// Whether a line is as it was written. One without a checksum was written by somebody else, who may.
fn is_sound(line: &[u8]) -> bool {
    let Some(at) = memchr::memmem::rfind(line, SEAL) else { return true };
    let crc = line[at + SEAL.len()..].trim_ascii_end().strip_suffix(b"}");
    let crc = crc.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    crc.is_none_or(|crc: u32| crc == crc32fast::hash(&line[..at]))
}

/// A record as a line, without its end. Nothing else may be in `to`.
pub(super) fn put_record(record: &Record, to: &mut Vec<u8>) -> serde_json::Result<()> {
    let Record { seq, at, body, spans, links } = record;
    let (message, resolved, delivery) = match body {
        Body::Message(message, resolved) => (Some(&**message), Some(&**resolved), None),
        Body::Delivery(delivery) => (None, None, Some(&**delivery)),
        Body::Tick => (None, None, None),
    };
    serde_json::to_writer(&mut *to, &Out { seq: *seq, at: *at, message, resolved, delivery, spans, links })?;
    seal(to);
    Ok(())
}

#[derive(Serialize)]
struct StoryOut<'a> {
    story: &'a StoryView,
}

/// A closed story as a line, without its end. Nothing else may be in `to`.
pub(super) fn put_story(story: &StoryView, to: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *to, &StoryOut { story })?;
    seal(to);
    Ok(())
}

#[derive(Serialize)]
struct HeadOut<'a> {
    fleetscope: &'a Head,
}

pub(super) fn put_head(head: &Head, to: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(to, &HeadOut { fleetscope: head })
}

#[derive(Serialize)]
struct EndOut<'a> {
    end: &'a End,
}

pub(super) fn put_end(end: &End, to: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(to, &EndOut { end })
}

/// A line that was read.
#[derive(Debug)]
pub(crate) enum Line {
    /// What the file is.
    Head(Box<Head>),
    /// A record.
    Record(Box<Record>),
    /// A closed story.
    Story(Box<StoryView>),
    /// What the file held.
    End(End),
}

#[derive(Deserialize)]
struct In {
    fleetscope: Option<Box<Head>>,
    story: Option<Box<StoryView>>,
    end: Option<End>,
    seq: Option<Seq>,
    at: Option<Timestamp>,
    message: Option<Box<Message>>,
    resolved: Option<Box<Resolved>>,
    delivery: Option<Box<Delivery>>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    links: Vec<Link>,
}

impl Line {
    /// Reads a line; an error says what is wrong with it.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        if !is_sound(line) {
            return Err("its checksum does not fit: it was damaged or changed".to_owned());
        }
        let line: In = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        match line {
            In { fleetscope: Some(head), .. } => Ok(Self::Head(head)),
            In { story: Some(story), .. } => Ok(Self::Story(story)),
            In { end: Some(end), .. } => Ok(Self::End(end)),
            In { seq: Some(seq), at: Some(at), message, resolved, delivery, spans, links, .. } => {
                let body = match (message, resolved, delivery) {
                    (Some(message), Some(resolved), None) => Body::Message(message, resolved),
                    (None, None, Some(delivery)) => Body::Delivery(delivery),
                    (None, None, None) => Body::Tick,
                    _ => return Err("it is neither an entry nor a delivery".to_owned()),
                };
                Ok(Self::Record(Box::new(Record { seq, at, body, spans, links })))
            }
            _ => Err("it has neither `seq` and `at`, nor is it a header, a story or an end".to_owned()),
        }
    }
}
