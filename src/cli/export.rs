//! `export`: the history, or a part of it, as a file.
//! Takes: a daemon's address, or the folder of a journal no daemon has. Gives: a file that is whole, or none.
//! Never: a half file under the name that was asked for.

mod checked;
mod part;
mod remote;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args as ClapArgs;

use self::checked::Checked;
use self::part::{Out, Part};
use super::daemon::Address;
use super::filters::{Filters, filter};
use super::term;
use crate::export::{Format, Head, Told, write};
use crate::journal::{Embedded, Export, Scope};
use crate::model::{Seq, Timestamp};
use crate::sinks::feed::{Detail, Polls};

/// Write the history, or a part of it, to a file.
///
/// NDJSON and Parquet with payloads can be imported again by `fleetscope import`. The file gets its name once it is
/// whole; until then it is FILE.part, and `--resume` goes on with it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Exit status: 0 the file is whole, 1 it is not; what went wrong was told.\n\n\
    Examples:\n  fleetscope export --since 24h --output day.ndjson.zst\n  \
    fleetscope export --story US-12 --format json --payload full --output - | jq .\n  \
    fleetscope export --url https://fleetscope.example:8080 --token-file token --output all.ndjson\n  \
    fleetscope export --output all.ndjson --resume\n  \
    fleetscope export --journal /var/lib/fleetscope --output all.ndjson")]
pub(super) struct Args {
    #[command(flatten)]
    address: Address,
    /// Read this journal instead, which no daemon may have open.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Format. Without it, what the name of the file ends in, else ndjson.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Payloads: full (role debug) or summary. Without it, all that your role may see where the format can be imported,
    /// else the summary.
    #[arg(long, value_name = "DETAIL", value_parser = ["full", "summary"])]
    payload: Option<String>,
    /// File to write; `-` is standard output. One that ends in .gz or .zst is packed.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Go on with FILE.part (plain NDJSON).
    #[arg(long)]
    resume: bool,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    filters: Filters,
}

/// What a daemon has of some history, with payloads, in a file that can be imported.
pub(super) fn whole(address: &Address, filters: &Filters, output: &Path) -> anyhow::Result<ExitCode> {
    let asked = Args {
        address: address.clone(),
        journal: None,
        format: Some(Format::Ndjson),
        payload: Some("full".to_owned()),
        output: output.to_owned(),
        resume: false,
        force: false,
        filters: filters.clone(),
    };
    asked.run()
}

/// What is to be exported.
struct Job {
    format: Format,
    pairs: Vec<(&'static str, String)>,
    payload: Option<String>,
    from: Seq,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let to_stdout = self.output == Path::new("-");
        let format = self.format.or_else(|| of_name(&self.output)).unwrap_or(Format::Ndjson);
        if !to_stdout && !self.force && self.output.exists() {
            bail!("{} is there already: name another file, or write over it with --force", self.output.display());
        }
        let mut job = Job { format, pairs: self.filters.pairs(), payload: self.payload.clone(), from: 0 };
        let (part, expected) = match (to_stdout, self.resume) {
            (true, true) => bail!("--resume: standard output cannot be gone on with; name a file with --output"),
            (true, false) => (Part::stdout(), None),
            (false, false) => (Part::create(&self.output)?, None),
            (false, true) => {
                if format != Format::Ndjson {
                    bail!("--resume: only NDJSON can be gone on with; leave --resume out to begin anew");
                }
                match part::resume(&self.output)? {
                    part::Resumed::Whole(part) => {
                        part.finish()?;
                        term::note(&format!("{} was whole already", self.output.display()));
                        return Ok(ExitCode::SUCCESS);
                    }
                    part::Resumed::From(part, head, from) => {
                        job.go_on(&head, from);
                        (part, Some(head))
                    }
                }
            }
        };
        self.write(&job, part, expected)
    }

    fn write(&self, job: &Job, mut part: Part, expected: Option<Box<Head>>) -> anyhow::Result<ExitCode> {
        let resumed = expected.is_some();
        let mut progress = term::Progress::default();
        let mut checked = Checked::new(part.out()?, job.format == Format::Ndjson, expected);
        let written = match &self.journal {
            Some(folder) => local(folder, job, &mut checked, &mut progress),
            None => remote::fetch(&self.address, job, &mut checked, &mut progress),
        };
        progress.done();
        let written = written.and_then(|entries| checked.finish(entries));
        let (bytes, entries) = match written {
            Ok(done) => done,
            Err(error) => return Err(part.give_up(error, job.format == Format::Ndjson)),
        };
        let name = part.finish()?;
        let entries = entries.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
        let more = if resumed { "more " } else { "" };
        term::note(&format!("{entries} {more}entries, {:.1} MB, in {name}", bytes as f64 / 1e6));
        Ok(ExitCode::SUCCESS)
    }
}

impl Job {
    /// The same as in the file that is gone on with: times that were told as ages mean what they meant then.
    fn go_on(&mut self, head: &Head, from: Seq) {
        self.from = from;
        self.pairs.retain(|(name, _)| !matches!(*name, "since" | "until"));
        let full = |at: Timestamp| serde_json::to_value(at).ok()?.as_str().map(str::to_owned);
        self.pairs.extend(head.filter.since.and_then(full).map(|at| ("since", at)));
        self.pairs.extend(head.filter.until.and_then(full).map(|at| ("until", at)));
        self.payload.get_or_insert_with(|| if head.lossless { "full" } else { "summary" }.to_owned());
    }
}

/// The format a file's name tells.
fn of_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    Format::from_name(name.rsplit_once('.')?.1)
}

/// From a journal's folder. Gives the number of entries.
fn local(
    folder: &Path,
    job: &Job,
    to: &mut Checked<Out>,
    progress: &mut term::Progress,
) -> anyhow::Result<Option<u64>> {
    let at = Timestamp::now();
    let opened = Embedded::open_to_read(folder).with_context(|| {
        format!("--journal: {} cannot be read; while a daemon has it open, ask the daemon with --url", folder.display())
    })?;
    let Some(journal) = opened else { bail!("--journal: there is no journal in {}", folder.display()) };
    let full = job.payload.as_deref().map_or(job.format.can_be_whole(), |payload| payload == "full");
    let scope = if full && job.format.can_be_whole() { Scope::Records } else { Scope::Entries };
    let what = Export { filter: filter(&job.pairs, at)?, from: job.from, scope };
    let detail = if full { Detail::Full } else { Detail::Summary };
    let told = Told { format: job.format, detail, what: &what, polls: &Polls::default(), at };
    let mut told_records = 0;
    let end = write(&journal, &told, to, &mut |end| {
        if end.records >= told_records + 10_000 {
            told_records = end.records;
            progress.tell(&format!("{} entries", end.entries));
        }
    })?;
    Ok(Some(end.entries))
}
