//! A directory of the operating system's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{
    Disk, DiskFault, DiskFile, DiskLock, DiskLocked, DiskOperation, Held, checked, parent,
};
use crate::limits::MAX_WRITE_PARTS;

/// The tree under one directory.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Takes a directory, and makes it if it is not there.
    pub fn new(root: impl AsRef<Path>) -> Result<Self, DiskFault> {
        let root = root.as_ref().to_path_buf();
        fs::create_dir_all(&root).map_err(|error| {
            DiskFault::of(
                DiskOperation::CreateDirectory,
                &root.to_string_lossy(),
                &error,
            )
        })?;
        Ok(Self { root })
    }

    /// Does one thing to `path`, and says of a failure what it was.
    fn at<T>(
        &self,
        operation: DiskOperation,
        path: &str,
        act: impl FnOnce(&Path) -> io::Result<T>,
    ) -> Result<T, DiskFault> {
        let whole = self.root.join(checked(path)?);
        act(&whole).map_err(|error| DiskFault::of(operation, path, &error))
    }

    fn file(path: &str, file: File) -> Arc<dyn DiskFile> {
        Arc::new(RealFile {
            path: path.to_owned(),
            file,
        })
    }
}

impl Disk for RealDisk {
    fn create_directory(&self, path: &str) -> Result<(), DiskFault> {
        let there = self.at(DiskOperation::CreateDirectory, path, Path::try_exists)?;
        if there {
            return Ok(());
        }
        if !parent(path).is_empty() {
            self.create_directory(parent(path))?;
        }
        self.at(
            DiskOperation::CreateDirectory,
            path,
            |whole| match fs::create_dir(whole) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            },
        )?;
        self.sync_directory(parent(path))
    }

    fn remove_directory(&self, path: &str) -> Result<(), DiskFault> {
        self.at(DiskOperation::RemoveDirectory, path, |whole| {
            absent_is_fine(fs::remove_dir_all(whole))
        })?;
        match self.sync_directory(parent(path)) {
            // There is no directory that it could be in.
            Err(DiskFault::NotFound(_)) => Ok(()),
            other => other,
        }
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault> {
        let file = self.at(DiskOperation::Open, path, |whole| {
            OpenOptions::new().read(true).append(true).open(whole)
        })?;
        Ok(Self::file(path, file))
    }

    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault> {
        let file = self.at(DiskOperation::Create, path, |whole| {
            // A new file, not the old one made empty: somebody may still read that.
            absent_is_fine(fs::remove_file(whole))?;
            OpenOptions::new()
                .read(true)
                .append(true)
                .create_new(true)
                .open(whole)
        })?;
        Ok(Self::file(path, file))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskFault> {
        let to_whole = self.root.join(checked(to)?);
        self.at(DiskOperation::Rename, from, |from_whole| {
            fs::rename(from_whole, &to_whole)
        })?;
        self.sync_directory(parent(to))
    }

    fn remove(&self, path: &str) -> Result<(), DiskFault> {
        self.at(DiskOperation::Remove, path, |whole| {
            absent_is_fine(fs::remove_file(whole))
        })
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskFault> {
        let mut names = self.at(DiskOperation::List, directory, |whole| {
            fs::read_dir(whole)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<Vec<String>>>()
        })?;
        names.sort_unstable();
        Ok(names)
    }

    fn sync_directory(&self, path: &str) -> Result<(), DiskFault> {
        self.at(DiskOperation::SyncDirectory, path, |whole| {
            File::open(whole)?.sync_all()
        })
    }

    fn lock(&self, path: &str) -> Result<DiskLock, DiskFault> {
        let file = self.at(DiskOperation::Lock, path, |whole| {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(whole)
        })?;
        match file.try_lock() {
            Ok(()) => Ok(DiskLock {
                _held: Box::new(file),
            }),
            Err(TryLockError::WouldBlock) => Err(DiskLocked {
                path: path.to_owned(),
            }
            .into()),
            Err(TryLockError::Error(error)) => {
                Err(DiskFault::of(DiskOperation::Lock, path, &error))
            }
        }
    }
}

/// The operating system drops the lock with the file's last handle.
impl Held for File {}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A file open for reading anywhere and writing at its end.
#[derive(Debug)]
struct RealFile {
    path: String,
    file: File,
}

impl RealFile {
    fn done<T>(&self, operation: DiskOperation, result: io::Result<T>) -> Result<T, DiskFault> {
        result.map_err(|error| DiskFault::of(operation, &self.path, &error))
    }
}

impl DiskFile for RealFile {
    fn append(&self, parts: &[&[u8]]) -> Result<(), DiskFault> {
        for some in parts.chunks(MAX_WRITE_PARTS) {
            let mut slices: Vec<IoSlice<'_>> = some.iter().map(|part| IoSlice::new(part)).collect();
            self.done(
                DiskOperation::Append,
                write_all_vectored(&self.file, &mut slices),
            )?;
        }
        Ok(())
    }

    fn read_at(&self, position: u64, length: usize) -> Result<Bytes, DiskFault> {
        let there = self.length()?.saturating_sub(position);
        let length = usize::try_from(there).map_or(length, |there| there.min(length));
        let mut bytes = BytesMut::zeroed(length);
        let read = self.done(
            DiskOperation::Read,
            read_fully(&self.file, position, &mut bytes),
        )?;
        bytes.truncate(read);
        Ok(bytes.freeze())
    }

    fn length(&self) -> Result<u64, DiskFault> {
        let metadata = self.done(DiskOperation::Length, self.file.metadata())?;
        Ok(metadata.len())
    }

    fn truncate(&self, length: u64) -> Result<(), DiskFault> {
        self.done(DiskOperation::Truncate, self.file.set_len(length))
    }

    fn sync(&self) -> Result<(), DiskFault> {
        self.done(DiskOperation::Sync, self.file.sync_data())
    }
}

fn write_all_vectored(mut file: &File, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    let mut rest = slices;
    // Without this, a lot of empty parts would look like a file that takes no bytes.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn read_fully(file: &File, mut position: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let wanted = bytes.len();
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.read_at(rest, position) {
            Ok(0) => break,
            Ok(read) => {
                position = position.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                rest = rest.split_off_mut(read..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(wanted.saturating_sub(rest.len()))
}
