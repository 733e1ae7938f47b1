//! A piece of history in a folder of its own, gone when it is dropped.
//! Takes: exported files, or a daemon's address. Gives: a journal that nobody else has.
//! Never: begins with a part of what was asked for without saying so.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use tempfile::TempDir;

use crate::cli::daemon::Address;
use crate::cli::filters::Filters;
use crate::cli::{demo, export, import};
use crate::journal::Embedded;

/// A folder with a journal.
pub(super) struct Held(TempDir);

impl Held {
    /// What the files hold.
    pub(super) fn files(files: &[PathBuf]) -> anyhow::Result<Self> {
        let held = Self(demo::temporary_folder()?);
        if !import::into(files, held.path(), false)?.holds_anything() {
            bail!("there is nothing to play in the files");
        }
        Ok(held)
    }

    /// What a daemon has of it, with payloads.
    pub(super) fn daemon(address: &Address, filters: &Filters) -> anyhow::Result<Self> {
        let folder = demo::temporary_folder()?;
        let file = folder.path().join("history.ndjson.zst");
        if export::whole(address, filters, &file)? != ExitCode::SUCCESS {
            bail!("the daemon's history did not come whole");
        }
        Self::files(&[file])
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Opens it to send from.
    pub(super) fn journal(&self) -> anyhow::Result<Embedded> {
        Ok(Embedded::open(self.path(), super::FOR_EVER, super::ROOM.0)?)
    }
}
