//! One partition: its log, what is known of its producers, and how far it is synced.

use crate::batch::{Batch, BatchHeader, Marker};
use crate::log::Log;
use crate::names::Producer;
use crate::partition_state::{PartitionState, ProducerBatch};
use crate::transactions::Ending;

#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) log: Log,
    pub(crate) state: PartitionState,
    /// The end of what is synced: nobody reads beyond it.
    pub(crate) high_watermark: i64,
    /// Where the last durable snapshot ends it: the journal has what comes after.
    pub(super) snapshot_end: i64,
}

impl Partition {
    pub(crate) fn log_start(&self) -> i64 {
        self.log.start_offset()
    }

    /// The offset of the next batch.
    pub(crate) fn end(&self) -> i64 {
        self.log.end_offset()
    }

    /// What a reader of committed records sees: decided and synced.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.state
            .last_stable_offset(self.log_start(), self.high_watermark)
    }
}

/// What a batch says of its producer.
pub(crate) fn producer_batch(batch: &Batch) -> ProducerBatch {
    let header: &BatchHeader = &batch.header;
    ProducerBatch {
        producer: Producer {
            id: header.producer_id,
            epoch: header.producer_epoch,
        },
        base_sequence: header.base_sequence,
        base_offset: header.base_offset,
        last_offset_delta: header.last_offset_delta,
        transactional: header.is_transactional(),
        append_time_ms: if header.is_log_append_time() {
            header.max_timestamp
        } else {
            -1
        },
        marker: batch.marker_kind().map(|kind| match kind {
            Marker::Commit => Ending::Commit,
            Marker::Abort => Ending::Abort,
        }),
    }
}
