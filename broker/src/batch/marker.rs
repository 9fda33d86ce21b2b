//! Control batches: the marks that end a transaction on a partition.

use bytes::{Buf, BufMut, BytesMut};

use super::header::{ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL};
use super::{Batch, BatchHeader, HEADER_BYTES, LENGTH_PREFIX_BYTES, NO_SEQUENCE, header};

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Marker {
    Commit,
    Abort,
}

/// The one record of a marker: zigzag varints of one byte each around a fixed key and value.
const RECORD_BYTES: usize = 17;
/// Where the marker's kind stands in the record, after the key's length and version.
const KIND_FROM: usize = 7;

/// The control batch that ends a transaction of this producer on a partition.
#[must_use]
pub fn marker(
    kind: Marker,
    producer_id: i64,
    producer_epoch: i16,
    coordinator_epoch: i32,
    timestamp_ms: i64,
    offset: i64,
) -> Batch {
    let size = HEADER_BYTES + RECORD_BYTES;
    let mut header = BatchHeader {
        base_offset: offset,
        batch_length: i32::try_from(size - LENGTH_PREFIX_BYTES).unwrap_or(i32::MAX),
        leader_epoch: 0,
        crc: 0,
        attributes: ATTRIBUTE_TRANSACTIONAL | ATTRIBUTE_CONTROL,
        last_offset_delta: 0,
        base_timestamp: timestamp_ms,
        max_timestamp: timestamp_ms,
        producer_id,
        producer_epoch,
        base_sequence: NO_SEQUENCE,
        record_count: 1,
    };
    let mut bytes = BytesMut::with_capacity(size);
    bytes.extend_from_slice(&header.encode());
    // Length 16, no attributes, both deltas 0, a key of 4 bytes.
    bytes.extend_from_slice(&[32, 0, 0, 0, 8]);
    bytes.put_i16(0);
    bytes.put_i16(match kind {
        Marker::Abort => 0,
        Marker::Commit => 1,
    });
    // A value of 6 bytes, then no headers.
    bytes.put_u8(12);
    bytes.put_i16(0);
    bytes.put_i32(coordinator_epoch);
    bytes.put_u8(0);
    header.crc = header::checksum(&bytes);
    header.write_over(&mut bytes);
    Batch {
        header,
        bytes: bytes.freeze(),
    }
}

/// Which marker this is. Only this broker writes control batches, so the record's shape is known.
pub(super) fn kind_of(batch: &Batch) -> Option<Marker> {
    if !batch.header.is_control() {
        return None;
    }
    let mut kind = batch.bytes.get(HEADER_BYTES + KIND_FROM..)?;
    match kind.try_get_i16().ok()? {
        0 => Some(Marker::Abort),
        1 => Some(Marker::Commit),
        _ => None,
    }
}
