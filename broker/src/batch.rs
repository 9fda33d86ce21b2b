//! Record batches of format v2: their headers, and how a produced payload becomes batches.
//!
//! Nothing of the records inside is looked at here, and nothing that comes from outside is
//! believed: every length, count and checksum is verified before a batch exists.

mod header;

mod fault;

mod marker;

mod codec;

mod records;

use bytes::{Bytes, BytesMut};

pub use codec::{NotPacked, Unpackable};
pub use fault::{
    BadChecksum, BadCount, BadLength, BadProducer, BatchFault, BatchTooLarge, ControlFromClient,
    TooManyBatches, Truncated, UnknownAttributes, UnknownMagic,
};
pub(crate) use header::{ATTRIBUTE_LOG_APPEND_TIME, LENGTH_PREFIX_BYTES};
pub use header::{BatchHeader, Compression, HEADER_BYTES, NO_PRODUCER_ID, NO_SEQUENCE};
pub use marker::{Marker, marker};
pub use records::{MalformedRecord, Record, RecordsFault, StrayBytes};

use crate::limits::MAX_BATCHES_PER_PAYLOAD;

/// One batch: a parsed header, and all of its bytes, header included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub header: BatchHeader,
    pub bytes: Bytes,
}

/// Splits what a client produced to one partition into its batches, none of them copied.
pub fn split(bytes: Bytes, max_batch_bytes: usize) -> Result<Vec<Batch>, BatchFault> {
    let mut rest = bytes;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        if batches.len() == MAX_BATCHES_PER_PAYLOAD {
            return Err(TooManyBatches.into());
        }
        let batch = Batch::take_first(&mut rest, max_batch_bytes)?;
        batch.header.accepted_from_client()?;
        batches.push(batch);
    }
    Ok(batches)
}

impl Batch {
    /// Takes one whole batch off the front of `bytes`.
    pub(crate) fn take_first(
        bytes: &mut Bytes,
        max_batch_bytes: usize,
    ) -> Result<Self, BatchFault> {
        let header = BatchHeader::parse(bytes)?;
        let size = header.size();
        if size > max_batch_bytes {
            return Err(BatchTooLarge {
                bytes: size,
                limit: max_batch_bytes,
            }
            .into());
        }
        if bytes.len() < size {
            return Err(Truncated {
                wanted: size,
                found: bytes.len(),
            }
            .into());
        }
        let batch = Self {
            header,
            bytes: bytes.split_to(size),
        };
        batch.verify()?;
        Ok(batch)
    }

    /// Whether the bytes are those that the checksum was made over.
    fn verify(&self) -> Result<(), BadChecksum> {
        let computed = header::checksum(&self.bytes);
        if computed == self.header.crc {
            Ok(())
        } else {
            Err(BadChecksum {
                expected: self.header.crc,
                computed,
            })
        }
    }

    /// This batch as the log keeps it: with its offsets, the leader's epoch and, where the topic
    /// says so, the time of the append. Copies the batch once, unless nobody else holds its bytes.
    #[must_use]
    pub fn assigned(
        self,
        base_offset: i64,
        leader_epoch: i32,
        append_time_ms: Option<i64>,
    ) -> Self {
        let mut header = self.header;
        header.base_offset = base_offset;
        header.leader_epoch = leader_epoch;
        if let Some(now_ms) = append_time_ms {
            header.attributes |= ATTRIBUTE_LOG_APPEND_TIME;
            header.max_timestamp = now_ms;
        }
        let mut bytes = self
            .bytes
            .try_into_mut()
            .unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
        header.write_over(&mut bytes);
        if append_time_ms.is_some() {
            header.crc = header::checksum(&bytes);
            header.write_over(&mut bytes);
        }
        Self {
            header,
            bytes: bytes.freeze(),
        }
    }

    /// Which end of a transaction this batch marks; `None` for data and for other control batches.
    #[must_use]
    pub fn marker_kind(&self) -> Option<Marker> {
        marker::kind_of(self)
    }
}

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests;
