//! Why bytes are not batches that may be appended.

use thiserror::Error;

/// There are fewer bytes than the batch says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("batch is cut off: {found} of {wanted} bytes")]
pub struct Truncated {
    pub wanted: usize,
    pub found: usize,
}

/// The length field is smaller than a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("batch length {length} is shorter than a header")]
pub struct BadLength {
    pub length: i32,
}

/// The batch is of a message format that this broker does not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("batch has magic {magic}; only format 2 is taken")]
pub struct UnknownMagic {
    pub magic: i8,
}

/// The bytes are not those that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("batch checksum is {computed:#010x}, its header says {expected:#010x}")]
pub struct BadChecksum {
    pub expected: u32,
    pub computed: u32,
}

/// The batch is larger than the topic takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("batch of {bytes} bytes is larger than the limit of {limit}")]
pub struct BatchTooLarge {
    pub bytes: usize,
    pub limit: usize,
}

/// The number of records, the base offset and the last offset's delta do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "batch counts {record_count} records with base offset {base_offset} and last offset delta \
     {last_offset_delta}"
)]
pub struct BadCount {
    pub record_count: i32,
    pub base_offset: i64,
    pub last_offset_delta: i32,
}

/// An unknown codec, a bit without meaning, or one that only a broker may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("batch attributes {attributes:#06x} may not be sent by a client")]
pub struct UnknownAttributes {
    pub attributes: i16,
}

/// A client sent a control batch, which only the broker writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("control batch from a client")]
pub struct ControlFromClient;

/// Producer id, epoch and sequence do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "batch has producer id {producer_id}, epoch {producer_epoch} and base sequence {base_sequence}"
)]
pub struct BadProducer {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
}

/// One payload has more batches than are taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "payload has more than {} batches",
    crate::limits::MAX_BATCHES_PER_PAYLOAD
)]
pub struct TooManyBatches;

/// Why bytes are not batches that may be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BatchFault {
    #[error(transparent)]
    Truncated(#[from] Truncated),
    #[error(transparent)]
    BadLength(#[from] BadLength),
    #[error(transparent)]
    UnknownMagic(#[from] UnknownMagic),
    #[error(transparent)]
    BadChecksum(#[from] BadChecksum),
    #[error(transparent)]
    TooLarge(#[from] BatchTooLarge),
    #[error(transparent)]
    BadCount(#[from] BadCount),
    #[error(transparent)]
    UnknownAttributes(#[from] UnknownAttributes),
    #[error(transparent)]
    ControlFromClient(#[from] ControlFromClient),
    #[error(transparent)]
    BadProducer(#[from] BadProducer),
    #[error(transparent)]
    TooManyBatches(#[from] TooManyBatches),
}
