//! The header of a record batch, version 2: 61 bytes, big endian.
//!
//! The layout is Kafka's and never changes under this version number.

use bytes::Buf;

use super::fault::{
    BadCount, BadLength, BadProducer, BatchFault, ControlFromClient, Truncated, UnknownAttributes,
    UnknownMagic,
};

/// What a header takes on disk and on the wire.
pub const HEADER_BYTES: usize = 61;
/// The part before, and not counted in, `batch_length`: the base offset and the length itself.
pub(crate) const LENGTH_PREFIX_BYTES: usize = 12;
/// Where the checksummed part begins.
const CHECKSUMMED_FROM: usize = 21;
pub(crate) const MAGIC: i8 = 2;
/// The producer id of a batch that nobody numbered.
pub const NO_PRODUCER_ID: i64 = -1;
/// The base sequence of a batch that nobody numbered.
pub const NO_SEQUENCE: i32 = -1;

const COMPRESSION_MASK: i16 = 0x07;
pub(crate) const ATTRIBUTE_LOG_APPEND_TIME: i16 = 0x08;
pub(super) const ATTRIBUTE_TRANSACTIONAL: i16 = 0x10;
pub(super) const ATTRIBUTE_CONTROL: i16 = 0x20;
/// Set by compaction only: the base timestamp is then the time at which tombstones may go.
pub(crate) const ATTRIBUTE_DELETE_HORIZON: i16 = 0x40;

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// The header's fields under Kafka's names; its magic byte is always 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// The bytes that follow this field.
    pub batch_length: i32,
    pub leader_epoch: i32,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`, of which it may be the only part. What is refused
    /// here could never have been a batch; what a client may not send is refused elsewhere.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchFault> {
        let Some(mut fields) = bytes.get(..HEADER_BYTES) else {
            return Err(Truncated {
                wanted: HEADER_BYTES,
                found: bytes.len(),
            }
            .into());
        };
        let base_offset = fields.get_i64();
        let batch_length = fields.get_i32();
        let leader_epoch = fields.get_i32();
        let magic = fields.get_i8();
        if magic != MAGIC {
            return Err(UnknownMagic { magic }.into());
        }
        let header = Self {
            base_offset,
            batch_length,
            leader_epoch,
            crc: fields.get_u32(),
            attributes: fields.get_i16(),
            last_offset_delta: fields.get_i32(),
            base_timestamp: fields.get_i64(),
            max_timestamp: fields.get_i64(),
            producer_id: fields.get_i64(),
            producer_epoch: fields.get_i16(),
            base_sequence: fields.get_i32(),
            record_count: fields.get_i32(),
        };
        if header.size() < HEADER_BYTES {
            return Err(BadLength {
                length: batch_length,
            }
            .into());
        }
        if header.base_offset < 0
            || header.last_offset_delta < 0
            || header.record_count < 0
            || header
                .base_offset
                .checked_add(i64::from(header.last_offset_delta))
                .is_none()
        {
            return Err(header.bad_count().into());
        }
        Ok(header)
    }

    /// Whether a client may append a batch with this header.
    pub(super) fn accepted_from_client(&self) -> Result<(), BatchFault> {
        if self.is_control() {
            return Err(ControlFromClient.into());
        }
        let known = COMPRESSION_MASK | ATTRIBUTE_TRANSACTIONAL;
        if self.attributes & !known != 0 || self.compression().is_none() {
            return Err(UnknownAttributes {
                attributes: self.attributes,
            }
            .into());
        }
        if self.record_count < 1 || self.last_offset_delta.checked_add(1) != Some(self.record_count)
        {
            return Err(self.bad_count().into());
        }
        let numbered = self.producer_id >= 0 && self.producer_epoch >= 0 && self.base_sequence >= 0;
        let unnumbered = self.producer_id == NO_PRODUCER_ID && !self.is_transactional();
        if numbered || unnumbered {
            Ok(())
        } else {
            Err(BadProducer {
                producer_id: self.producer_id,
                producer_epoch: self.producer_epoch,
                base_sequence: self.base_sequence,
            }
            .into())
        }
    }

    fn bad_count(&self) -> BadCount {
        BadCount {
            record_count: self.record_count,
            base_offset: self.base_offset,
            last_offset_delta: self.last_offset_delta,
        }
    }

    /// The bytes of the whole batch; 0 for a length that no batch has.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::try_from(self.batch_length)
            .ok()
            .and_then(|length| length.checked_add(LENGTH_PREFIX_BYTES))
            .unwrap_or(0)
    }

    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & ATTRIBUTE_TRANSACTIONAL != 0
    }

    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & ATTRIBUTE_CONTROL != 0
    }

    /// Whether every record's time is the time of the append.
    #[must_use]
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & ATTRIBUTE_LOG_APPEND_TIME != 0
    }

    /// When the tombstones of this batch may go, if compaction has seen it with some.
    #[must_use]
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & ATTRIBUTE_DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// `None` for a codec that Kafka does not have.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        match self.attributes & COMPRESSION_MASK {
            0 => Some(Compression::None),
            1 => Some(Compression::Gzip),
            2 => Some(Compression::Snappy),
            3 => Some(Compression::Lz4),
            4 => Some(Compression::Zstd),
            _ => None,
        }
    }

    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    /// The offset after this batch.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// The header's bytes.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut encoded = [0; HEADER_BYTES];
        self.write_over(&mut encoded);
        encoded
    }

    /// Puts these fields over the header at the front of `bytes`, which is at least that long.
    pub(crate) fn write_over(&self, bytes: &mut [u8]) {
        let mut rest = bytes;
        let mut put = |field: &[u8]| {
            if let Some(place) = rest.split_off_mut(..field.len()) {
                place.copy_from_slice(field);
            }
        };
        put(&self.base_offset.to_be_bytes());
        put(&self.batch_length.to_be_bytes());
        put(&self.leader_epoch.to_be_bytes());
        put(&MAGIC.to_be_bytes());
        put(&self.crc.to_be_bytes());
        put(&self.attributes.to_be_bytes());
        put(&self.last_offset_delta.to_be_bytes());
        put(&self.base_timestamp.to_be_bytes());
        put(&self.max_timestamp.to_be_bytes());
        put(&self.producer_id.to_be_bytes());
        put(&self.producer_epoch.to_be_bytes());
        put(&self.base_sequence.to_be_bytes());
        put(&self.record_count.to_be_bytes());
    }
}

/// The checksum that belongs into the header of this batch.
pub(super) fn checksum(batch: &[u8]) -> u32 {
    crc32c::crc32c(batch.get(CHECKSUMMED_FROM..).unwrap_or_default())
}
