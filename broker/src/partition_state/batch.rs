//! The part of a batch's header that concerns its producer.

use crate::names::Producer;
use crate::transactions::Ending;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerBatch {
    pub producer: Producer,
    pub base_sequence: i32,
    /// As assigned. Of no meaning to a check.
    pub base_offset: i64,
    pub last_offset_delta: i32,
    pub transactional: bool,
    /// What the log stamped, or -1 where the producer's own time counts.
    pub append_time_ms: i64,
    /// Set in a control batch that ends a transaction.
    pub marker: Option<Ending>,
}

impl ProducerBatch {
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        advanced(self.base_sequence, self.last_offset_delta)
    }
}

/// Sequences go from 0 to the largest `i32` and begin at 0 again.
pub(super) fn advanced(sequence: i32, by: i32) -> i32 {
    sequence.wrapping_add(by) & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::advanced;

    #[test]
    fn sequences_begin_again_at_zero_after_the_largest() {
        assert_eq!(advanced(5, 3), 8);
        assert_eq!(advanced(i32::MAX, 0), i32::MAX);
        assert_eq!(advanced(i32::MAX, 1), 0);
        assert_eq!(advanced(i32::MAX - 1, 3), 1);
    }
}
