//! Opens the store, makes it where there is none, and refuses what another program made.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableHandle};
use thiserror::Error;
use trueup_engine::FOLD_REVISION;

use super::medium::Medium;
use super::tables::{CHECKPOINTS, EVENTS, FILE_FORMAT, FORMAT_KEY, LEDGERS, META, REVISION_KEY};
use crate::limits::VERIFIED_BYTES;

/// Another process, or another part of this one, has the file open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "ledger file `{}` is in use by another process; stop that one, or name another file",
    path.display()
)]
pub struct Locked {
    pub path: PathBuf,
}

/// The file is of a later format than this program's, which must not write into it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "ledger file `{}` has format {found}, this program knows {wanted}; run the version of trueup \
     that made it, or a later one",
    path.display()
)]
pub struct NewerFile {
    pub path: PathBuf,
    pub found: u64,
    pub wanted: u64,
}

/// The ledgers in the file were folded by other rules than this program's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "ledger file `{}` was folded by revision {found}, this program has {wanted}; run the version \
     of trueup that wrote it",
    path.display()
)]
pub struct OtherRevision {
    pub path: PathBuf,
    pub found: u64,
    pub wanted: u64,
}

/// The file is something else, or damaged. It is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{}` is no ledger file, or a damaged one: {reason}; name another file: what the log still \
     holds is folded into it anew",
    path.display()
)]
pub struct NotALedger {
    pub path: PathBuf,
    pub reason: String,
}

/// The file could not be opened, made or read. Says nothing about what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("ledger file `{}` cannot be opened: {reason}", path.display())]
pub struct Unopened {
    pub path: PathBuf,
    pub reason: String,
}

/// Why an embedded store could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenFault {
    #[error(transparent)]
    Locked(#[from] Locked),
    #[error(transparent)]
    NewerFile(#[from] NewerFile),
    #[error(transparent)]
    OtherRevision(#[from] OtherRevision),
    #[error(transparent)]
    NotALedger(#[from] NotALedger),
    #[error(transparent)]
    Unopened(#[from] Unopened),
}

/// Opens what is on `medium`; `path` is what it is called in faults.
///
/// With `verified`, every page is read and its checksum compared: redb trusts a file otherwise, and
/// where somebody else changed it can end the process. Only small files are worth that at a start.
pub(crate) fn open(
    medium: &dyn Medium,
    path: &Path,
    cache_bytes: usize,
    verified: bool,
) -> Result<Database, OpenFault> {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes);
    builder.set_check_integrity_on_open(verified && medium.bytes() <= VERIFIED_BYTES);
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = medium
            .open(&builder)
            .map_err(|error| refused(path, error))?;
        check(&database, path)?;
        Ok(database)
    }));
    opened.unwrap_or_else(|panic| Err(not_a_ledger(path, said(panic.as_ref()))))
}

fn refused(path: &Path, error: DatabaseError) -> OpenFault {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => Locked {
            path: path.to_owned(),
        }
        .into(),
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            not_a_ledger(path, error)
        }
        DatabaseError::Storage(StorageError::Corrupted(reason)) => not_a_ledger(path, reason),
        error @ DatabaseError::UpgradeRequired(_) => not_a_ledger(path, error),
        error => unopened(path, error),
    }
}

/// The tables of a file that has any are this program's; one that has none gets them.
fn check(database: &Database, path: &Path) -> Result<(), OpenFault> {
    let faulty = |error: redb::Error| refused_table(path, error);
    let transaction = database
        .begin_read()
        .map_err(|error| faulty(error.into()))?;
    let mut names = Vec::new();
    for table in transaction
        .list_tables()
        .map_err(|error| faulty(error.into()))?
    {
        names.push(table.name().to_owned());
    }
    if names.is_empty() {
        return make(database).map_err(faulty);
    }
    if !names.iter().any(|name| name == META.name()) {
        let reason = format!("it has other tables, `{}` among them", names.join("`, `"));
        return Err(not_a_ledger(path, reason));
    }
    let read = |key| -> Result<Option<u64>, redb::Error> {
        let meta = transaction.open_table(META)?;
        Ok(meta.get(key)?.map(|held| held.value()))
    };
    match read(FORMAT_KEY).map_err(faulty)? {
        Some(FILE_FORMAT) => {}
        Some(found) if found > FILE_FORMAT => {
            return Err(NewerFile {
                path: path.to_owned(),
                found,
                wanted: FILE_FORMAT,
            }
            .into());
        }
        found => {
            let reason = found.map_or_else(
                || "it does not tell its format".to_owned(),
                |found| format!("there is no format {found}"),
            );
            return Err(not_a_ledger(path, reason));
        }
    }
    match read(REVISION_KEY).map_err(faulty)? {
        Some(FOLD_REVISION) => {}
        Some(found) => {
            return Err(OtherRevision {
                path: path.to_owned(),
                found,
                wanted: FOLD_REVISION,
            }
            .into());
        }
        None => return Err(not_a_ledger(path, "it does not tell its fold revision")),
    }
    let tables = || -> Result<(), redb::Error> {
        transaction.open_table(LEDGERS)?;
        transaction.open_table(EVENTS)?;
        transaction.open_table(CHECKPOINTS)?;
        Ok(())
    };
    tables().map_err(faulty)
}

/// Makes all tables at once, so that a file has all of them or none.
fn make(database: &Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT_KEY, FILE_FORMAT)?;
        meta.insert(REVISION_KEY, FOLD_REVISION)?;
        transaction.open_table(LEDGERS)?;
        transaction.open_table(EVENTS)?;
        transaction.open_table(CHECKPOINTS)?;
    }
    transaction.commit()?;
    Ok(())
}

fn refused_table(path: &Path, error: redb::Error) -> OpenFault {
    match error {
        redb::Error::Io(_) | redb::Error::Backend(_) | redb::Error::PreviousIo => {
            unopened(path, error)
        }
        error => not_a_ledger(path, error),
    }
}

fn not_a_ledger(path: &Path, reason: impl ToString) -> OpenFault {
    NotALedger {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
    .into()
}

fn unopened(path: &Path, reason: impl ToString) -> OpenFault {
    Unopened {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
    .into()
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it cannot be read".to_owned())
}
