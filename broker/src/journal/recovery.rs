//! Reading the journal after a crash: every entry up to the first that is not whole.
//!
//! What follows such an entry may be dropped only if nothing says that the entry was durable once.
//! A crash leaves no such witness, because an entry names only positions that were synced before
//! it was written; damage to the medium does.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;

use super::Position;
use super::entry::{self, Found};
use super::fault::{
    JournalCorrupt, JournalGap, JournalIncomplete, JournalTooLarge, RecoveryFault, Refused,
};
use super::files::{self, FileHeader, HEADER_BYTES, HEADER_LENGTH, path};
use crate::disk::{Disk, DiskFile};
use crate::limits::{MAX_RECOVERED_FILE_BYTES, SCAN_BYTES};

/// The journal as it was left.
pub(super) struct Recovered {
    pub(super) files: Vec<Position>,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) file_salt: u64,
    pub(super) file_bytes: u64,
    pub(super) last: Position,
}

pub(super) fn recover<E: Display>(
    disk: &dyn Disk,
    directory: &str,
    after: Position,
    salt: u64,
    mut apply: impl FnMut(Position, Vec<Bytes>) -> Result<(), E>,
) -> Result<Recovered, RecoveryFault> {
    disk.create_directory(directory)?;
    let firsts = needed(files::list(disk, directory)?, after);
    if firsts.is_empty() && after == Position::START {
        return begin(disk, directory, salt);
    }
    let first = firsts.first().copied().unwrap_or_default();
    if first > after.next() || firsts.is_empty() {
        let needed = after.next();
        return Err(JournalGap { first, needed }.into());
    }
    let mut kept: Vec<(Position, Opened)> = Vec::new();
    let mut next = first;
    for (index, first) in firsts.iter().enumerate() {
        if *first != next {
            // The end of the file before was not written out: this one holds nothing durable.
            break;
        }
        let mut opened = Opened::read(disk, directory, *first)?;
        while let Some(found) = opened.next_entry(next)? {
            next = found.sequence.next();
            if found.sequence > after {
                apply(found.sequence, found.parts).map_err(|reason| Refused {
                    entry: found.sequence,
                    reason: reason.to_string(),
                })?;
            }
        }
        let torn = opened.is_torn();
        let later = firsts.get(index.saturating_add(1)..).unwrap_or_default();
        if torn || later.first().is_some_and(|later| *later != next) {
            refuse_damage(disk, directory, &opened, next, later)?;
        }
        opened.buffer.clear();
        kept.push((*first, opened));
        if torn {
            break;
        }
    }
    let last = Position(next.0.saturating_sub(1));
    if last < after {
        return Err(JournalIncomplete {
            last,
            snapshot: after,
        }
        .into());
    }
    keep(disk, directory, &firsts, kept, last)
}

/// The files that hold anything after `after`, and the one that is written to.
fn needed(mut firsts: Vec<Position>, after: Position) -> Vec<Position> {
    while let [_, next, ..] = firsts.as_slice() {
        if *next > after.next() {
            break;
        }
        firsts.remove(0);
    }
    firsts
}

fn begin(disk: &dyn Disk, directory: &str, salt: u64) -> Result<Recovered, RecoveryFault> {
    let first = Position::START.next();
    let file = FileHeader { salt, first }.create(disk, directory)?;
    Ok(Recovered {
        files: vec![first],
        file,
        file_salt: salt,
        file_bytes: HEADER_BYTES,
        last: Position::START,
    })
}

/// Cuts off what was torn, and makes durable what is kept: it may lie in the page cache alone.
fn keep(
    disk: &dyn Disk,
    directory: &str,
    firsts: &[Position],
    mut kept: Vec<(Position, Opened)>,
    last: Position,
) -> Result<Recovered, RecoveryFault> {
    for first in firsts.iter().skip(kept.len()) {
        disk.remove(&path(directory, *first))?;
    }
    // A file dropped here must not come back beside the entries that take its positions.
    disk.sync_directory(directory)?;
    for (_, opened) in &kept {
        opened.file.truncate(opened.good)?;
        opened.file.sync()?;
    }
    let files = kept.iter().map(|(first, _)| *first).collect();
    let Some((_, opened)) = kept.pop() else {
        return Err(JournalGap {
            first: last,
            needed: last,
        }
        .into());
    };
    Ok(Recovered {
        files,
        file: opened.file,
        file_salt: opened.salt,
        file_bytes: opened.good,
        last,
    })
}

/// Refuses the journal if an entry after the `missing` one was written when that was durable.
fn refuse_damage(
    disk: &dyn Disk,
    directory: &str,
    opened: &Opened,
    missing: Position,
    later: &[Position],
) -> Result<(), RecoveryFault> {
    let mut witness = entry::vouches_for(&opened.rest()?, opened.salt, missing);
    for first in later {
        if witness {
            break;
        }
        let later = Opened::read(disk, directory, *first)?;
        witness = entry::vouches_for(&later.rest()?, later.salt, missing);
    }
    if witness {
        return Err(JournalCorrupt {
            path: opened.path.clone(),
            byte: opened.good,
            entry: missing,
        }
        .into());
    }
    Ok(())
}

/// A file being read, a piece at a time: a journal may be larger than what memory should hold.
struct Opened {
    path: String,
    file: Arc<dyn DiskFile>,
    length: u64,
    salt: u64,
    /// How far it is whole.
    good: u64,
    /// What was read from there on.
    buffer: Bytes,
}

impl Opened {
    fn read(disk: &dyn Disk, directory: &str, first: Position) -> Result<Self, RecoveryFault> {
        let path = path(directory, first);
        let file = disk.open(&path)?;
        let length = file.length()?;
        let mut opened = Self {
            path,
            file,
            length,
            salt: 0,
            good: 0,
            buffer: Bytes::new(),
        };
        opened.fill(SCAN_BYTES)?;
        opened.salt = FileHeader::decode(&opened.buffer, &opened.path, first)?.salt;
        opened.advance(HEADER_LENGTH);
        Ok(opened)
    }

    /// The next entry, if it is whole and the one expected.
    fn next_entry(&mut self, expected: Position) -> Result<Option<Found>, RecoveryFault> {
        self.fill(entry::HEAD_BYTES)?;
        if let Some(size) = entry::size(&self.buffer, self.salt) {
            self.fill(size)?;
        }
        let found = entry::read(&self.buffer, self.salt).filter(|found| found.sequence == expected);
        if let Some(found) = &found {
            self.advance(found.size);
        }
        Ok(found)
    }

    fn is_torn(&self) -> bool {
        self.good < self.length
    }

    /// All that is not known to be whole.
    fn rest(&self) -> Result<Bytes, RecoveryFault> {
        let left = self.length.saturating_sub(self.good);
        match usize::try_from(left) {
            Ok(left) if left <= MAX_RECOVERED_FILE_BYTES => {
                Ok(self.file.read_at(self.good, left)?)
            }
            _ => Err(JournalTooLarge {
                path: self.path.clone(),
                bytes: self.length,
            }
            .into()),
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.good = self
            .good
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.buffer = self.buffer.slice(bytes.min(self.buffer.len())..);
    }

    /// Has at least `wanted` bytes in the buffer, or all that there are.
    fn fill(&mut self, wanted: usize) -> Result<(), RecoveryFault> {
        if self.buffer.len() < wanted {
            self.buffer = self.file.read_at(self.good, wanted.max(SCAN_BYTES))?;
        }
        Ok(())
    }
}
