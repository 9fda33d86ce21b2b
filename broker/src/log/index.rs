//! Where some of a segment's batches lie: one for about every 4 KiB, by offset and by time.

use bytes::{Buf, BufMut, BytesMut};

const ENTRY_BYTES: usize = 24;

/// A batch's place, and the greatest timestamp before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    offset: i64,
    position: u64,
    max_timestamp_before: i64,
}

/// Marks in ascending order; none of the three numbers ever goes back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    marks: Vec<Mark>,
}

impl Index {
    /// Takes note of a batch, unless the last one noted is near.
    pub(super) fn note(
        &mut self,
        offset: i64,
        position: u64,
        max_timestamp_before: i64,
        interval_bytes: u64,
    ) {
        let far = self
            .marks
            .last()
            .is_none_or(|last| position >= last.position.saturating_add(interval_bytes));
        if far {
            self.marks.push(Mark {
                offset,
                position,
                max_timestamp_before,
            });
        }
    }

    /// A position from which the batch with `offset`, or the first after it, is not far.
    pub(super) fn position_of(&self, offset: i64) -> u64 {
        let after = self.marks.partition_point(|mark| mark.offset <= offset);
        self.before(after)
    }

    /// A position before which no batch is as late as `timestamp_ms`.
    pub(super) fn position_of_time(&self, timestamp_ms: i64) -> u64 {
        let after = self
            .marks
            .partition_point(|mark| mark.max_timestamp_before < timestamp_ms);
        self.before(after)
    }

    fn before(&self, after: usize) -> u64 {
        after
            .checked_sub(1)
            .and_then(|at| self.marks.get(at))
            .map_or(0, |mark| mark.position)
    }

    pub(super) fn encode(&self, to: &mut BytesMut) {
        to.reserve(self.marks.len().saturating_mul(ENTRY_BYTES));
        for mark in &self.marks {
            to.put_i64(mark.offset);
            to.put_u64(mark.position);
            to.put_i64(mark.max_timestamp_before);
        }
    }

    /// The marks of which `bytes`, already checked, are made; `None` if they are not.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut marks = Vec::with_capacity(bytes.len().checked_div(ENTRY_BYTES)?);
        while !bytes.is_empty() {
            marks.push(Mark {
                offset: bytes.try_get_i64().ok()?,
                position: bytes.try_get_u64().ok()?,
                max_timestamp_before: bytes.try_get_i64().ok()?,
            });
        }
        Some(Self { marks })
    }
}
