//! History → what people hand on: the timeline of a story, and printable reports of it and of a time.
//! Takes: records of the journal, one at a time. Gives: a timeline; HTML and PDF made of it.
//! Never: holds more than a bounded part of a story, or leaves something out without saying so.
//!
//! What a report holds is told in docs/REPORT.md.

mod bounded;
mod compare;
mod read;
mod timeline;

pub(crate) use compare::{Comparison, compare};
pub(crate) use read::story;
pub(crate) use timeline::{Known, Timeline, Told};
