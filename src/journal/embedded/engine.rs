//! LMDB → tables of bytes.
//! Takes: a folder and a map size. Gives: transactions over the journal's tables, errors in the journal's words.
//! Never: knows what is in a table.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use heed::types::Bytes;
use heed::{CommitOrAbort, Env, EnvFlags, EnvOpenOptions, MdbError, RoTxn, RwTxn, WithoutTls};

use crate::journal::JournalError;

/// Key and value as bytes; integers in keys are big-endian, so their order is the tables' order.
pub(super) type Table = heed::Database<'static, Bytes, Bytes>;

/// Readers at one time: blocking threads of the API, sinks and exports.
const MAX_READERS: u32 = 1024;

/// The file LMDB keeps everything in, and the one that is locked by whoever has the journal.
const DATA: &str = "data.mdb";
const LOCK: &str = "fleetscope.lock";

const NAMES: [&str; 11] =
    ["meta", "frame", "origin", "post", "type", "block", "delivery", "story", "closed", "snapshot", "letter"];

/// The tables.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    /// Name → value: format, counters, positions.
    pub(super) meta: Table,
    /// First sequence → frame of records.
    pub(super) frame: Table,
    /// Stream and incarnation (hashed), first stream sequence in a frame → that frame.
    pub(super) origin: Table,
    /// Segment, term → rows.
    pub(super) post: Table,
    /// Event types seen.
    pub(super) types: Table,
    /// Block of sequences → earliest and latest time.
    pub(super) block: Table,
    /// Entry, consumer (hashed) → newest delivery record.
    pub(super) delivery: Table,
    /// Story id → closed story.
    pub(super) story: Table,
    /// Order of closing → story id.
    pub(super) closed: Table,
    /// Record, piece → piece of a snapshot.
    pub(super) snapshot: Table,
    /// Number → dead letter.
    pub(super) letter: Table,
}

impl Tables {
    /// In the order of their names.
    const fn of(tables: [Table; NAMES.len()]) -> Self {
        let [meta, frame, origin, post, types, block, delivery, story, closed, snapshot, letter] = tables;
        Self { meta, frame, origin, post, types, block, delivery, story, closed, snapshot, letter }
    }
}

/// An open environment, its tables, and the lock that keeps other processes out.
pub(super) struct Engine {
    env: Env<WithoutTls>,
    pub(super) tables: Tables,
    folder: PathBuf,
    _lock: Option<File>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("path", &self.env.path()).finish_non_exhaustive()
    }
}

impl Engine {
    pub(super) fn open(folder: &Path, map_size: usize) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder).map_err(of_io)?;
        let lock = lock(folder)?;
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(map_size).max_readers(MAX_READERS).max_dbs(NAMES.len() as u32);
        // SAFETY: the map is only sound while nothing else changes the file. The exclusive lock, taken above and held
        // as long as the environment, keeps every other Fleetscope out; heed itself refuses a second environment on
        // the path within this process. The folder is on a local disk, as the configuration demands.
        #[expect(unsafe_code, reason = "heed maps the file; the exclusive lock keeps other processes out")]
        let env = unsafe { options.open(folder) }?;
        let txn = env.write_txn()?;
        let made = env.create_databases_and_commit(txn, |opener, txn| {
            let mut made = Vec::with_capacity(NAMES.len());
            for name in NAMES {
                made.push(opener.create_database::<Bytes, Bytes>(txn, Some(name))?);
            }
            let made: [_; NAMES.len()] = made.try_into().unwrap_or_else(|_| unreachable!("one table per name"));
            heed::Result::Ok(CommitOrAbort::<_, ()>::Commit(made))
        })?;
        let tables = Tables::of(made.commit().expect("the closure above never aborts"));
        Ok(Self { env, tables, folder: folder.to_owned(), _lock: Some(lock) })
    }

    /// Opens what is there to be read only, without a trace in the folder; `None` = there is no journal.
    pub(super) fn open_to_read(folder: &Path) -> Result<Option<Self>, JournalError> {
        if !folder.join(DATA).exists() {
            return Ok(None);
        }
        let lock = shared_lock(folder)?;
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.max_dbs(NAMES.len() as u32);
        // SAFETY: LMDB's own lock file is left alone, so nothing but ours tells a writer of this reader. The shared lock,
        // taken above, keeps every writer out; where its file is missing no Fleetscope has ever opened this copy.
        #[expect(unsafe_code, reason = "heed maps the file; the shared lock keeps writers out")]
        let env = unsafe { options.flags(EnvFlags::READ_ONLY | EnvFlags::NO_LOCK).open(folder) }?;
        let txn = env.read_txn()?;
        let found = env.open_databases_and_commit(txn, |opener, txn| {
            let mut found = Vec::with_capacity(NAMES.len());
            for name in NAMES {
                match opener.open_database::<Bytes, Bytes>(txn, Some(name))? {
                    Some(table) => found.push(table),
                    None => return heed::Result::Ok(CommitOrAbort::Abort(())),
                }
            }
            let found: [_; NAMES.len()] = found.try_into().unwrap_or_else(|_| unreachable!("one table per name"));
            Ok(CommitOrAbort::Commit(found))
        })?;
        let Some(found) = found.commit() else { return Ok(None) };
        Ok(Some(Self { env, tables: Tables::of(found), folder: folder.to_owned(), _lock: lock }))
    }

    /// One consistent snapshot. Keep it short: pages it sees are not reused.
    pub(super) fn read(&self) -> Result<RoTxn<'_, WithoutTls>, JournalError> {
        Ok(self.env.read_txn()?)
    }

    /// The one writer; waits for the one before.
    pub(super) fn write(&self) -> Result<RwTxn<'_>, JournalError> {
        Ok(self.env.write_txn()?)
    }

    /// Bytes of the pages in use by all tables; freed pages, which will be used again, do not count.
    pub(super) fn bytes(&self, txn: &RoTxn<'_>) -> Result<u64, JournalError> {
        let t = &self.tables;
        let all =
            [t.meta, t.frame, t.origin, t.post, t.types, t.block, t.delivery, t.story, t.closed, t.snapshot, t.letter];
        let mut bytes = 0;
        for table in all {
            let stat = table.stat(txn)?;
            let pages = stat.branch_pages + stat.leaf_pages + stat.overflow_pages;
            bytes += pages as u64 * u64::from(stat.page_size);
        }
        Ok(bytes)
    }

    /// Tells a full disk from a broken one. LMDB reports a write cut short by a full disk as an I/O error, so such an
    /// error is looked into by writing a little file.
    pub(super) fn judge(&self, error: JournalError) -> JournalError {
        const EIO: i32 = 5;
        let JournalError::Engine(cause) = error else { return error };
        let is_io = cause
            .downcast_ref::<heed::Error>()
            .is_some_and(|e| matches!(e, heed::Error::Io(e) if e.raw_os_error() == Some(EIO)));
        if is_io && let Err(JournalError::Full(_)) = probe(&self.folder) {
            return JournalError::Full(cause);
        }
        JournalError::Engine(cause)
    }
}

/// Writes, syncs and removes a file of a few pages.
fn probe(folder: &Path) -> Result<(), JournalError> {
    let path = folder.join("probe.tmp");
    let write = || {
        use std::io::Write as _;
        let mut file = File::create(&path)?;
        file.write_all(&vec![0; 256 * 1024])?;
        file.sync_all()
    };
    let written = write();
    let removed = std::fs::remove_file(&path);
    written.and(removed).map_err(of_io)
}

fn lock(folder: &Path) -> Result<File, JournalError> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK)).map_err(of_io)?;
    let locked = file.try_lock();
    held(folder, file, locked)
}

/// A lock that keeps writers out, on a file that is there.
fn shared_lock(folder: &Path) -> Result<Option<File>, JournalError> {
    match File::open(folder.join(LOCK)) {
        Ok(file) => {
            let locked = file.try_lock_shared();
            held(folder, file, locked).map(Some)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(of_io(e)),
    }
}

fn held(folder: &Path, file: File, locked: Result<(), TryLockError>) -> Result<File, JournalError> {
    match locked {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse(folder.display().to_string())),
        Err(TryLockError::Error(e)) => Err(of_io(e)),
    }
}

fn of_io(error: io::Error) -> JournalError {
    heed::Error::Io(error).into()
}

impl From<heed::Error> for JournalError {
    fn from(error: heed::Error) -> Self {
        use io::ErrorKind as Kind;
        match &error {
            heed::Error::Mdb(MdbError::MapFull) => Self::Full(error.into()),
            heed::Error::Io(e) => match e.kind() {
                Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full(error.into()),
                Kind::ReadOnlyFilesystem | Kind::PermissionDenied => Self::ReadOnly(error.into()),
                _ => Self::Engine(error.into()),
            },
            heed::Error::Mdb(MdbError::Corrupted | MdbError::PageNotFound | MdbError::Invalid) => {
                Self::Damaged { seq: 0, what: error.to_string() }
            }
            _ => Self::Engine(error.into()),
        }
    }
}

impl From<postcard::Error> for JournalError {
    fn from(error: postcard::Error) -> Self {
        Self::Engine(error.into())
    }
}
