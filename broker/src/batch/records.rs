//! The records inside a batch, for compaction and for finding a time: their keys, values and
//! deltas. Headers stay bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::codec::{self, NotPacked, Unpackable};
use super::header::{self, ATTRIBUTE_DELETE_HORIZON};
use super::{Batch, BatchHeader, Compression, HEADER_BYTES, LENGTH_PREFIX_BYTES};
use crate::limits::MAX_VARINT_BYTES;

/// One record as it lies in its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    attributes: u8,
    /// From their count on.
    headers: Bytes,
}

/// The bytes of a record do not make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("record {index} of a batch is malformed")]
pub struct MalformedRecord {
    pub index: i32,
}

/// There are bytes after the last record, or the batch names a codec that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the records of a batch do not fill it")]
pub struct StrayBytes;

/// Why the records of a batch cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordsFault {
    #[error(transparent)]
    Unpackable(#[from] Unpackable),
    #[error(transparent)]
    Malformed(#[from] MalformedRecord),
    #[error(transparent)]
    Stray(#[from] StrayBytes),
}

impl Batch {
    /// The records of this batch, unpacked.
    pub fn records(&self) -> Result<Vec<Record>, RecordsFault> {
        let codec = self.header.compression().ok_or(StrayBytes)?;
        let packed = self.bytes.slice(HEADER_BYTES.min(self.bytes.len())..);
        let mut rest = codec::unpack(codec, &packed)?;
        let mut records = Vec::new();
        for index in 0..self.header.record_count {
            records.push(Record::read(&mut rest).ok_or(MalformedRecord { index })?);
        }
        if rest.is_empty() {
            Ok(records)
        } else {
            Err(StrayBytes.into())
        }
    }

    /// This batch with only some of its records, under the same offsets and by the same producer.
    /// From a `delete_horizon_ms` on, readers know when its tombstones may go.
    pub fn with_records(
        &self,
        records: &[Record],
        delete_horizon_ms: Option<i64>,
    ) -> Result<Self, NotPacked> {
        let mut header = self.header;
        if let Some(horizon_ms) = delete_horizon_ms {
            header.attributes |= ATTRIBUTE_DELETE_HORIZON;
            header.base_timestamp = horizon_ms;
        }
        if !header.is_log_append_time() {
            let times = records.iter().map(|record| record.timestamp(&self.header));
            header.max_timestamp = times.max().unwrap_or(header.max_timestamp);
        }
        let mut unpacked = BytesMut::new();
        for record in records {
            let timestamp = record.timestamp_delta.wrapping_add(
                self.header
                    .base_timestamp
                    .wrapping_sub(header.base_timestamp),
            );
            record.write(timestamp, &mut unpacked);
        }
        let codec = header.compression().unwrap_or(Compression::None);
        let packed = codec::pack(codec, unpacked.freeze())?;
        let size = HEADER_BYTES.saturating_add(packed.len());
        let length = i32::try_from(size.saturating_sub(LENGTH_PREFIX_BYTES));
        let count = i32::try_from(records.len());
        let (Ok(length), Ok(count)) = (length, count) else {
            return Err(NotPacked {
                codec,
                reason: "they are too many".to_owned(),
            });
        };
        header.batch_length = length;
        header.record_count = count;
        let mut bytes = BytesMut::with_capacity(size);
        bytes.put_slice(&header.encode());
        bytes.put_slice(&packed);
        header.crc = header::checksum(&bytes);
        header.write_over(&mut bytes);
        Ok(Self {
            header,
            bytes: bytes.freeze(),
        })
    }
}

impl Record {
    /// This record's offset in a batch with this header.
    #[must_use]
    pub fn offset(&self, header: &BatchHeader) -> i64 {
        header
            .base_offset
            .saturating_add(i64::from(self.offset_delta))
    }

    /// This record's time in a batch with this header.
    #[must_use]
    pub fn timestamp(&self, header: &BatchHeader) -> i64 {
        if header.is_log_append_time() {
            header.max_timestamp
        } else {
            header.base_timestamp.wrapping_add(self.timestamp_delta)
        }
    }

    fn read(bytes: &mut Bytes) -> Option<Self> {
        let mut whole = take_length(bytes)?.filter(|whole| !whole.is_empty())?;
        let attributes = whole.get_u8();
        let timestamp_delta = varint(&mut whole)?;
        let offset_delta = i32::try_from(varint(&mut whole)?).ok()?;
        if offset_delta < 0 {
            return None;
        }
        Some(Self {
            timestamp_delta,
            offset_delta,
            key: take_length(&mut whole)?,
            value: take_length(&mut whole)?,
            attributes,
            headers: whole,
        })
    }

    fn write(&self, timestamp_delta: i64, to: &mut BytesMut) {
        let mut body = BytesMut::new();
        body.put_u8(self.attributes);
        put_varint(timestamp_delta, &mut body);
        put_varint(i64::from(self.offset_delta), &mut body);
        for field in [&self.key, &self.value] {
            match field {
                None => put_varint(-1, &mut body),
                Some(field) => {
                    put_length(field.len(), &mut body);
                    body.put_slice(field);
                }
            }
        }
        body.put_slice(&self.headers);
        put_length(body.len(), to);
        to.put_slice(&body);
    }
}

/// A zigzag varint, as Kafka's.
fn varint(bytes: &mut Bytes) -> Option<i64> {
    let mut value = 0_u64;
    for place in 0..MAX_VARINT_BYTES {
        let byte = bytes.try_get_u8().ok()?;
        value |= u64::from(byte & 0x7f).checked_shl(place.saturating_mul(7))?;
        if byte & 0x80 == 0 {
            let halved = i64::try_from(value >> 1).ok()?;
            return Some(if value & 1 == 0 { halved } else { !halved });
        }
    }
    None
}

fn put_varint(value: i64, to: &mut BytesMut) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        to.put_u8(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
        rest >>= 7;
    }
    to.put_u8(u8::try_from(rest).unwrap_or_default());
}

fn put_length(length: usize, to: &mut BytesMut) {
    put_varint(i64::try_from(length).unwrap_or(i64::MAX), to);
}

/// Bytes under a length before them; the inner `None` is Kafka's null.
fn take_length(bytes: &mut Bytes) -> Option<Option<Bytes>> {
    let length = varint(bytes)?;
    if length == -1 {
        return Some(None);
    }
    let length = usize::try_from(length).ok()?;
    (length <= bytes.len()).then(|| Some(bytes.split_to(length)))
}
