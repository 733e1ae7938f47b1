//! `report`: a story, or the fleet over a time, on paper.
//! Takes: a daemon's address, or the folder of a journal no daemon has. Gives: an HTML or PDF file that is whole.
//! Never: half a file under the name that was asked for.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args as ClapArgs, Subcommand};
use tokio::time::timeout;

use super::daemon::{Address, Daemon};
use super::filters::filter;
use super::term;
use crate::journal::Embedded;
use crate::model::Timestamp;
use crate::report::{self, Document, Format, Known};

/// Longest a report may take.
const TIMEOUT: Duration = Duration::from_mins(3);
/// Largest report that is taken.
const MAX_BYTES: usize = 256 << 20;

/// Write a printable report.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope report story US-12\n  \
    fleetscope report story US-12 --format html -o US-12.html\n  \
    fleetscope report fleet --since 24h -o yesterday.pdf\n  \
    fleetscope report fleet --since 2026-02-14T00:00:00Z --until 2026-02-15T00:00:00Z --url https://fleet.example:8080")]
pub(super) struct Args {
    #[command(subcommand)]
    of: Of,
}

#[derive(Debug, Subcommand)]
enum Of {
    /// A story: course, deliberations, failures with their causes, tokens and cost, deliveries, events.
    Story {
        /// Its id.
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        how: How,
    },
    /// The fleet over a time: stories, deliberations, failures by cause, consumers, tokens by role.
    Fleet {
        /// Not before: a time ago such as `5m` or `24h`, or RFC 3339.
        #[arg(long, value_name = "TIME", default_value = "24h")]
        since: String,
        /// Before: likewise. Without it: now.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Debug, ClapArgs)]
struct How {
    #[command(flatten)]
    address: Address,
    /// Read this journal instead, which no daemon may have open.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Format. Without it, what the name of the file ends in, else pdf.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// File to write; `-` is standard output. Without it, a name made of what the report is of.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

/// What is asked for.
struct Asked {
    path: String,
    query: Vec<(&'static str, String)>,
    /// Of which story; none = of the fleet.
    story: Option<String>,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (asked, how) = match self.of {
            Of::Story { id, how } => {
                anyhow::ensure!(!id.is_empty(), "ID: is empty; `fleetscope events` shows the ids of stories");
                (Asked { path: path_of(&id), query: Vec::new(), story: Some(id) }, how)
            }
            Of::Fleet { since, until, how } => {
                let mut query = vec![("since", since)];
                query.extend(until.map(|until| ("until", until)));
                (Asked { path: "api/report".to_owned(), query, story: None }, how)
            }
        };
        let named = how.output.as_deref().and_then(Path::extension).and_then(|e| Format::from_name(e.to_str()?));
        let format = how.format.or(named).unwrap_or(Format::Pdf);
        if let Some(path) = &how.output {
            refuse(path, how.force)?;
        }
        let (name, file) = match &how.journal {
            Some(folder) => local(folder, &asked, format)?,
            None => fetch(&how.address, &asked, format)?,
        };
        let path = how.output.clone().unwrap_or_else(|| name.into());
        refuse(&path, how.force)?;
        if path == Path::new("-") {
            std::io::stdout().write_all(&file).context("standard output cannot be written")?;
            return Ok(ExitCode::SUCCESS);
        }
        put(&path, &file)?;
        term::note(&format!("{:.1} MB in {}", file.len() as f64 / 1e6, path.display()));
        Ok(ExitCode::SUCCESS)
    }
}

fn refuse(path: &Path, force: bool) -> anyhow::Result<()> {
    if !force && path != Path::new("-") && path.exists() {
        bail!("{} is there already: name another file with --output, or write over it with --force", path.display());
    }
    Ok(())
}

/// The route of a story, whatever its id is made of.
fn path_of(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    // A plus sign is a space in a query alone.
    format!("api/stories/{}/report", id.replace('+', "%20"))
}

/// Writes the file beside, and gives it its name once the disk has it.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = || format!("--output: {} cannot be written", path.display());
    let mut make = tempfile::Builder::new();
    #[cfg(unix)]
    make.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = make.prefix(".fleetscope-report").tempfile_in(folder).with_context(cannot)?;
    file.write_all(bytes).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}

/// Of a daemon. Gives the name it gives the file, and the file.
fn fetch(address: &Address, asked: &Asked, format: Format) -> anyhow::Result<(String, Vec<u8>)> {
    // First: it brings what TLS needs.
    let runtime = super::runtime()?;
    let daemon = Daemon::new(address)?;
    let fetched = runtime.block_on(async {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        let (begin, mut progress) = (Instant::now(), term::Progress::default());
        let answer = timeout(TIMEOUT, answer(&daemon, asked, format));
        tokio::pin!(answer);
        let fetched = loop {
            tokio::select! {
                fetched = &mut answer => break fetched,
                _ = ticks.tick() => {
                    progress.tell(&format!("the daemon writes the report, {} s", begin.elapsed().as_secs()));
                }
            }
        };
        progress.done();
        fetched.context("the daemon took too long; ask for a shorter time, or for --format html")?
    });
    runtime.shutdown_timeout(super::LEAVE);
    fetched
}

async fn answer(daemon: &Daemon, asked: &Asked, format: Format) -> anyhow::Result<(String, Vec<u8>)> {
    let mut query = asked.query.clone();
    query.push(("format", format.name().to_owned()));
    let mut response = daemon.ask(&asked.path, &query, "*/*").await?;
    let told = response.headers().get("content-disposition").and_then(|value| value.to_str().ok());
    let name = told.and_then(|told| told.split('"').nth(1)).filter(|name| is_plain(name));
    let name = name.map_or_else(|| format!("fleetscope-report.{}", format.name()), str::to_owned);
    let mut file = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(reqwest::Error::without_url).context("it broke off")? {
        file.extend_from_slice(&bytes);
        anyhow::ensure!(file.len() <= MAX_BYTES, "the daemon's report has no end");
    }
    Ok((name, file))
}

/// Whether a name somebody else gives may be that of a file here.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.len() < 200
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Of a journal's folder.
fn local(folder: &Path, asked: &Asked, format: Format) -> anyhow::Result<(String, Vec<u8>)> {
    let opened = Embedded::open_to_read(folder).with_context(|| {
        format!("--journal: {} cannot be read; while a daemon has it open, ask the daemon with --url", folder.display())
    })?;
    let Some(journal) = opened else { bail!("--journal: there is no journal in {}", folder.display()) };
    let document: Document = if let Some(id) = &asked.story {
        let told = report::story(&journal, id, Known::default(), &mut || true)?;
        let (timeline, events) = told.with_context(|| format!("story `{id}` is not known"))?;
        report::story_document(&timeline, &events)
    } else {
        let now = Timestamp::now();
        let range = filter(&asked.query, now)?;
        let until = range.until.unwrap_or(now);
        report::fleet(&journal, (range.since.unwrap_or(until), until), &|_| None, &mut || true)?
    };
    let of = asked.story.as_deref().unwrap_or("fleet");
    Ok((report::file_name(of, document.date, format), format.write(&document)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_of_any_name_is_one_part_of_the_path() {
        assert_eq!(path_of("US-12"), "api/stories/US-12/report");
        assert_eq!(path_of("a/b ?c+"), "api/stories/a%2Fb%20%3Fc%2B/report");
    }

    #[test]
    fn a_daemon_does_not_choose_where_a_file_goes() {
        assert!(is_plain("fleetscope-US-12-2026-02-14.pdf"));
        for name in ["../x.pdf", ".bashrc", "a/b.pdf", "", "x\u{202e}fdp"] {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.pdf");
        put(&path, b"one").expect("written");
        assert!(refuse(&path, false).is_err() && refuse(&path, true).is_ok() && refuse(Path::new("-"), false).is_ok());
        put(&path, b"two").expect("written over");
        assert_eq!(std::fs::read(&path).expect("there"), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert!(put(&folder.path().join("none/r.pdf"), b"x").is_err());
    }
}
