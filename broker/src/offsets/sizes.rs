//! Which of a request's offsets may be kept at all.

use super::{Committed, Offsets};
use crate::code::Code;
use crate::limits::{MAX_GROUPS, MAX_OFFSET_METADATA_BYTES, MAX_OFFSETS_PER_GROUP};
use crate::names::{GroupId, TopicPartition};

type Coded = Vec<(TopicPartition, Code)>;
type Fitting = Vec<(TopicPartition, Committed)>;

impl Offsets {
    pub(super) fn fitting(&self, group: &GroupId, offsets: Fitting) -> (Coded, Fitting) {
        let full = self.is_full(group, offsets.len());
        let mut codes = Vec::with_capacity(offsets.len());
        let mut fitting = Vec::with_capacity(offsets.len());
        for (partition, committed) in offsets {
            let code = if full {
                Code::InvalidCommitOffsetSize
            } else if committed.metadata.len() > MAX_OFFSET_METADATA_BYTES {
                Code::OffsetMetadataTooLarge
            } else {
                Code::None
            };
            codes.push((partition.clone(), code));
            if code == Code::None {
                fitting.push((partition, committed));
            }
        }
        (codes, fitting)
    }

    /// Counted as if every partition were new: near the limit nobody is served well anyway.
    fn is_full(&self, group: &GroupId, more: usize) -> bool {
        match self.groups.get(group) {
            None => self.groups.len() >= MAX_GROUPS || more > MAX_OFFSETS_PER_GROUP,
            Some(offsets) => offsets.len() + more > MAX_OFFSETS_PER_GROUP,
        }
    }
}
