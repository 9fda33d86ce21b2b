//! The embedded store as tests use it: a directory of its own, and a clock that stands.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use trueup_domain::event::UnixMillis;
use trueup_ledger::{EmbeddedLedger, EmbeddedSettings};

pub(crate) const NOW: UnixMillis = 1_700_000_000_000;

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn file(directory: &Path) -> PathBuf {
    directory.join("ledger.redb")
}

pub(crate) fn settings(directory: &Path) -> EmbeddedSettings {
    EmbeddedSettings::new(file(directory), || NOW)
}

/// An open store, whose file goes with it.
pub(crate) struct Embedded {
    pub(crate) ledger: EmbeddedLedger,
    pub(crate) directory: TempDir,
}

impl Embedded {
    pub(crate) fn new() -> Self {
        let directory = directory();
        let ledger = EmbeddedLedger::open(settings(directory.path())).unwrap();
        Self { ledger, directory }
    }
}
