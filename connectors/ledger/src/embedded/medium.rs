//! Where the bytes of the store lie: a file. Tests put other things in its place.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError};

/// Can be opened again and again: after a fault the database has to be.
pub(crate) trait Medium: Debug + Send + Sync + 'static {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError>;

    /// How many bytes it holds, 0 where there is nothing yet.
    fn bytes(&self) -> u64;
}

#[derive(Debug)]
pub(crate) struct LedgerFile {
    pub(crate) path: PathBuf,
}

impl Medium for LedgerFile {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        let file = open_file(&self.path)?;
        builder.create_with_backend(FileBackend::new(file)?)
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

/// Opens or creates the file, readable by its owner only, since it tells who paid what.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if file.metadata()?.len() == 0 {
        // A file that is synced in a directory that is not can be gone after a loss of power.
        let directory = path.parent().filter(|parent| *parent != Path::new(""));
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(file)
}
