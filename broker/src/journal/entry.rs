//! How an entry lies in the file: a fixed head, the lengths of its parts, the parts.
//!
//! ```text
//! mark u32 | crc32c u32 | body bytes u32 | parts u32 | position u64 | synced u64 | lengths | parts
//! ```
//! The mark and the checksum are salted with the file's random number, so that no bytes inside a
//! client's record look like an entry. `synced` is how far the journal was known to be durable
//! when the entry was written: by it, recovery tells a torn tail from damage.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use trueup_plants::{Plant, planted};

use super::Position;
use super::fault::{EntryFault, EntryTooLarge, TooManyParts};
use crate::limits::{MAX_ENTRY_BYTES, MAX_ENTRY_PARTS};

pub(super) const HEAD_BYTES: usize = 32;
const LENGTH_BYTES: usize = 4;
/// Mark and checksum, over which there is no checksum.
const UNCHECKED_BYTES: usize = 8;

/// An entry made ready to be written.
#[derive(Debug)]
pub(super) struct Frame {
    head: Bytes,
    parts: Vec<Bytes>,
    size: u64,
}

impl Frame {
    pub(super) fn new(
        parts: Vec<Bytes>,
        sequence: Position,
        synced: Position,
        salt: u64,
    ) -> Result<Self, EntryFault> {
        if parts.len() > MAX_ENTRY_PARTS {
            return Err(TooManyParts { parts: parts.len() }.into());
        }
        let body: usize = parts
            .iter()
            .map(|part| part.len().saturating_add(LENGTH_BYTES))
            .fold(0, usize::saturating_add);
        if body > MAX_ENTRY_BYTES {
            return Err(EntryTooLarge { bytes: body }.into());
        }
        let lengths = parts.len().saturating_mul(LENGTH_BYTES);
        let mut head = BytesMut::with_capacity(HEAD_BYTES.saturating_add(lengths));
        head.put_u32(mark(salt));
        head.put_u32(0);
        // Both fit: the limits above are far below what 32 bits hold.
        head.put_u32(u32::try_from(body).unwrap_or(u32::MAX));
        head.put_u32(u32::try_from(parts.len()).unwrap_or(u32::MAX));
        head.put_u64(sequence.0);
        head.put_u64(synced.0);
        for part in &parts {
            head.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
        }
        let checked = head.get(UNCHECKED_BYTES..).unwrap_or_default();
        let mut crc = crc32c::crc32c_append(seed(salt), checked);
        for part in &parts {
            crc = crc32c::crc32c_append(crc, part);
        }
        if let Some(place) = head.get_mut(4..UNCHECKED_BYTES) {
            place.copy_from_slice(&crc.to_be_bytes());
        }
        let size = HEAD_BYTES.saturating_add(body);
        Ok(Self {
            head: head.freeze(),
            parts,
            size: u64::try_from(size).unwrap_or(u64::MAX),
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.head.as_ref()).chain(self.parts.iter().map(AsRef::as_ref))
    }
}

/// An entry read back.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) sequence: Position,
    pub(super) synced: Position,
    pub(super) parts: Vec<Bytes>,
    pub(super) size: usize,
}

/// How many bytes the entry at the front of `bytes` has, by what it says itself.
pub(super) fn size(bytes: &[u8], salt: u64) -> Option<usize> {
    let mut head = bytes.get(..HEAD_BYTES)?;
    if head.get_u32() != mark(salt) {
        return None;
    }
    head.advance(4);
    let body = usize::try_from(head.get_u32()).ok()?;
    (body <= MAX_ENTRY_BYTES).then(|| HEAD_BYTES.saturating_add(body))
}

/// What stands at the front of `bytes`; `None` unless it is an entry, whole and undamaged.
pub(super) fn read(bytes: &Bytes, salt: u64) -> Option<Found> {
    let mut head = bytes.get(..HEAD_BYTES)?;
    if head.get_u32() != mark(salt) {
        return None;
    }
    let crc = head.get_u32();
    let body = usize::try_from(head.get_u32()).ok()?;
    let count = usize::try_from(head.get_u32()).ok()?;
    let sequence = Position(head.get_u64());
    let synced = Position(head.get_u64());
    if body > MAX_ENTRY_BYTES || count > MAX_ENTRY_PARTS {
        return None;
    }
    let size = HEAD_BYTES.checked_add(body)?;
    let checked = bytes.get(UNCHECKED_BYTES..size)?;
    if crc32c::crc32c_append(seed(salt), checked) != crc && !planted(Plant::TornTailAccepted) {
        return None;
    }
    let mut lengths = bytes.slice(HEAD_BYTES..size);
    let mut rest = lengths.clone();
    rest.try_advance(count.checked_mul(LENGTH_BYTES)?)?;
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        let length = usize::try_from(lengths.try_get_u32().ok()?).ok()?;
        if length > rest.len() {
            return None;
        }
        parts.push(rest.split_to(length));
    }
    rest.is_empty().then_some(Found {
        sequence,
        synced,
        parts,
        size,
    })
}

/// Whether anywhere in `bytes` there is an entry that was written when `missing` was durable.
pub(super) fn vouches_for(bytes: &Bytes, salt: u64, missing: Position) -> bool {
    let mark = mark(salt).to_be_bytes();
    bytes
        .windows(HEAD_BYTES)
        .enumerate()
        .filter(|(_, head)| head.starts_with(&mark))
        .any(|(at, _)| {
            read(&bytes.slice(at..), salt)
                .is_some_and(|found| found.sequence > missing && found.synced >= missing)
        })
}

fn mark(salt: u64) -> u32 {
    u32::try_from(salt >> 32).unwrap_or_default()
}

fn seed(salt: u64) -> u32 {
    crc32c::crc32c(&salt.to_be_bytes())
}

/// `Buf::advance` panics beyond the end; this says so instead.
trait TryAdvance {
    fn try_advance(&mut self, bytes: usize) -> Option<()>;
}

impl TryAdvance for Bytes {
    fn try_advance(&mut self, bytes: usize) -> Option<()> {
        if bytes > self.len() {
            return None;
        }
        self.advance(bytes);
        Some(())
    }
}
