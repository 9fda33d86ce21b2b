//! The journal's files: named by the position they begin at, each with a head of its own.
//!
//! The head is durable before the file has its name, so that a head that cannot be read is damage
//! and never the trace of a crash. The layout must stay stable under its format number.

use std::sync::Arc;

use bytes::{Buf, BufMut, BytesMut};

use super::Position;
use super::fault::{NewerFormat, NotAJournal, RecoveryFault};
use crate::disk::{Disk, DiskFault, DiskFile};

pub(super) const HEADER_BYTES: u64 = 32;
pub(super) const HEADER_LENGTH: usize = 32;
const CHECKED_LENGTH: usize = 28;
const MAGIC: &[u8; 8] = b"TRUEUPJL";
/// The number of this layout. A file of a higher one was written by a newer broker.
pub(super) const FORMAT: u32 = 1;
const SUFFIX: &str = ".journal";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) salt: u64,
    pub(super) first: Position,
}

impl FileHeader {
    pub(super) fn encode(self) -> BytesMut {
        let mut bytes = BytesMut::with_capacity(HEADER_LENGTH);
        bytes.put_slice(MAGIC);
        bytes.put_u32(FORMAT);
        bytes.put_u64(self.salt);
        bytes.put_u64(self.first.0);
        bytes.put_u32(crc32c::crc32c(&bytes));
        bytes
    }

    /// Reads the head of the file `path`, which says that it begins at `first`.
    pub(super) fn decode(bytes: &[u8], path: &str, first: Position) -> Result<Self, RecoveryFault> {
        let no_journal = || NotAJournal {
            path: path.to_owned(),
        };
        let whole = bytes.get(..HEADER_LENGTH).ok_or_else(no_journal)?;
        let mut fields = whole.strip_prefix(MAGIC).ok_or_else(no_journal)?;
        let format = fields.get_u32();
        // A newer format may check its head in another way, so its number is believed first.
        if format > FORMAT {
            return Err(NewerFormat {
                path: path.to_owned(),
                found: format,
                known: FORMAT,
            }
            .into());
        }
        let header = Self {
            salt: fields.get_u64(),
            first: Position(fields.get_u64()),
        };
        let crc = crc32c::crc32c(whole.get(..CHECKED_LENGTH).unwrap_or_default());
        if format != FORMAT || fields.get_u32() != crc || header.first != first {
            return Err(no_journal().into());
        }
        Ok(header)
    }

    /// Makes the file, its head and its name durable.
    pub(super) fn create(
        self,
        disk: &dyn Disk,
        directory: &str,
    ) -> Result<Arc<dyn DiskFile>, DiskFault> {
        let path = path(directory, self.first);
        crate::disk::replace(disk, &path, &[&self.encode()])?;
        disk.open(&path)
    }
}

pub(super) fn path(directory: &str, first: Position) -> String {
    format!("{directory}/{:020}{SUFFIX}", first.0)
}

/// Where the files of `directory` begin, oldest first. Other names are not looked at.
pub(super) fn list(disk: &dyn Disk, directory: &str) -> Result<Vec<Position>, DiskFault> {
    let mut firsts: Vec<Position> = disk
        .list(directory)?
        .iter()
        .filter_map(|name| name.strip_suffix(SUFFIX)?.parse().ok().map(Position))
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}
