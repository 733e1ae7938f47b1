//! `import`: exported files → a journal that a daemon can be started on.
//! Takes: NDJSON, plain or packed. Gives: the same records under the same sequences.
//! Never: mixes two histories, or loses what is whole because something else is not.

mod fill;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args as ClapArgs;

use self::fill::{Fill, Fitted};
use super::term;
use crate::export::{Bad, End, Found, Line, VERSION, open};
use crate::journal::{Embedded, Journal};

/// Room in the address space for what is imported; the disk sets the real limit.
const ROOM: u64 = 256 << 30;
/// Wrong lines that are told one by one.
const TOLD: usize = 20;

/// Read exported files into a journal.
///
/// Records keep their sequences, so links to events stay true. What a filter left out is filled by empty records, which
/// nothing shows. Only an empty journal takes a file; `--append` adds to one that has records of the same store:
/// records it has already are passed over, and must be the same. What is wrong in a file is told, with its line; the
/// rest is kept.
///
/// Export and import keep no positions of sources: start a daemon on the journal without `nats.url` to look at it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Exit status: 0 all of it is in the journal, 1 nothing is, 2 what is whole is.\n\n\
    Examples:\n  fleetscope import run.ndjson --journal ./run\n  \
    FLEETSCOPE_JOURNAL__PATH=./run FLEETSCOPE_JOURNAL__RETAIN_AGE=3650d fleetscope run\n  \
    fleetscope import monday.ndjson.zst tuesday.ndjson.zst --journal ./week\n  \
    fleetscope import rest.ndjson --journal ./run --append")]
pub(super) struct Args {
    /// Files, the oldest history first.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Folder of the journal; made where there is none.
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    /// Add to a journal that holds records of the same store.
    #[arg(long)]
    append: bool,
}

/// What came of the files.
#[derive(Debug, Default)]
pub(super) struct Sum {
    records: u64,
    entries: u64,
    stories: u64,
    known: u64,
    bad: u64,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Sum { records, known, bad, .. } = into(&self.files, &self.journal, self.append)?;
        Ok(match (bad, records + known) {
            (0, _) => ExitCode::SUCCESS,
            (_, 0) => ExitCode::FAILURE,
            _ => ExitCode::from(2),
        })
    }
}

impl Sum {
    /// Whether any record of the files is in the journal.
    pub(super) const fn holds_anything(&self) -> bool {
        self.records + self.known > 0
    }
}

/// Imports files, the oldest history first, and says what came of it.
pub(super) fn into(files: &[PathBuf], folder: &Path, append: bool) -> anyhow::Result<Sum> {
    for file in files {
        let is_file = std::fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?.is_file();
        if !is_file {
            bail!("{} is no file", file.display());
        }
    }
    let journal = Embedded::open(folder, Duration::MAX, ROOM)
        .with_context(|| format!("--journal: {} cannot be opened", folder.display()))?;
    let held = journal.stats()?.last_seq;
    if held > 0 && !append {
        let folder = folder.display();
        bail!("--journal: {folder} holds records already: name another folder, or add to it with --append");
    }
    let (mut sum, mut progress) = (Sum::default(), term::Progress::default());
    let mut fill = Fill::new(&journal)?;
    for file in files {
        let read = Import { name: file.display().to_string(), sum: &mut sum, progress: &mut progress };
        let read = read.file(file, &journal, &mut fill);
        progress.done();
        read.with_context(|| file.display().to_string())?;
    }
    fill.finish()?;
    let Sum { records, entries, stories, known, bad } = &sum;
    let filled = fill.filled();
    // Beside what is played, which goes to standard output.
    term::note(&format!(
        "{entries} entries ({records} records, {stories} closed stories) imported; {known} were there already, {filled} \
         sequences are filled"
    ));
    if *bad > 0 {
        term::note(&format!("{bad} lines could not be read: they were told above, the rest is in the journal"));
    }
    Ok(sum)
}

struct Import<'a> {
    name: String,
    sum: &'a mut Sum,
    progress: &'a mut term::Progress,
}

impl Import<'_> {
    fn file(mut self, path: &std::path::Path, journal: &Embedded, fill: &mut Fill<'_>) -> anyhow::Result<()> {
        let mut source = open(path).context("it cannot be read")?;
        let mut end: Option<End> = None;
        let mut seen = End::default();
        begin(source.next(), journal, fill)?;
        let mut bad = 0;
        while let Some(found) = source.next() {
            match found {
                Found::Bad(Bad { line, why }) => {
                    bad += 1;
                    self.wrong(line, &why);
                }
                Found::Line(_, Line::End(told)) => end = Some(told),
                Found::Line(line, Line::Head(_)) => {
                    bad += 1;
                    self.wrong(line, "a second header: give two exports as two files");
                }
                Found::Line(_, Line::Story(story)) => {
                    seen.stories += 1;
                    self.sum.stories += 1;
                    fill.story(*story)?;
                }
                Found::Line(line, Line::Record(record)) => {
                    let is_entry = record.entry().is_some();
                    seen.records += 1;
                    seen.last = record.seq;
                    match fill.record(*record)? {
                        Fitted::Added => {
                            self.sum.records += 1;
                            self.sum.entries += u64::from(is_entry);
                        }
                        Fitted::Known => self.sum.known += 1,
                        Fitted::Not(why) => {
                            bad += 1;
                            self.wrong(line, &why);
                        }
                    }
                    if seen.records.is_multiple_of(10_000) {
                        self.progress.tell(&format!("{}: {} records", self.name, seen.records));
                    }
                }
            }
        }
        self.whole(end, &seen, bad);
        Ok(())
    }

    fn wrong(&mut self, line: u64, why: &str) {
        self.sum.bad += 1;
        if self.sum.bad <= TOLD as u64 {
            self.progress.done();
            term::note(&format!("{}:{line}: {why}", self.name));
        }
    }

    /// Tells what the file's end says is missing.
    fn whole(&mut self, end: Option<End>, seen: &End, bad: u64) {
        let missing = match end {
            None => format!(
                "the file ends too early, after record {}: fetch the rest with `fleetscope export --resume`",
                seen.last
            ),
            // A file that was gone on with tells the end of its last piece, which is part of all that was seen.
            Some(end) if bad == 0 && (end.last > seen.last || end.records > seen.records) => {
                format!("{} records were exported and {} are in the file", end.records, seen.records)
            }
            Some(end) if end.left_out > 0 => {
                term::note(&format!("{}: {} deliveries were left out when it was made", self.name, end.left_out));
                return;
            }
            Some(_) => return,
        };
        self.sum.bad += 1;
        self.progress.done();
        term::note(&format!("{}: {missing}", self.name));
    }
}

/// Looks at the header: whose records these are, and whether they can be imported.
fn begin(first: Option<Found>, journal: &Embedded, fill: &mut Fill<'_>) -> anyhow::Result<()> {
    let Some(Found::Line(_, Line::Head(head))) = first else {
        bail!("it does not begin with the header of a Fleetscope export; NDJSON and Parquet can be imported")
    };
    if head.format > VERSION {
        bail!("it has version {} of the format, this Fleetscope reads {VERSION}: use a newer one", head.format);
    }
    if !head.lossless {
        bail!("it was exported without payloads, so there is nothing to import: export it with --payload full");
    }
    if fill.is_empty() {
        return journal.adopt(&head.store).context("the journal cannot be written");
    }
    let own = journal.store()?;
    if own != head.store {
        bail!("it is of another store ({}) than the journal ({own}): import it into a folder of its own", head.store);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
