//! The aborted transactions of a partition, in the order in which they ended.

use serde::{Deserialize, Serialize};
use trueup_plants::{Plant, planted};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aborted {
    pub producer_id: i64,
    pub first_offset: i64,
    pub marker_offset: i64,
    /// Every transaction that ends after this one began at or after this offset.
    pub stable_offset: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AbortedIndex {
    /// Ascending by `marker_offset`.
    entries: Vec<Aborted>,
}

impl AbortedIndex {
    pub(super) fn push(&mut self, aborted: Aborted) {
        self.entries.push(aborted);
    }

    pub(super) fn between(&self, from: i64, below: i64) -> Vec<Aborted> {
        let first = self
            .entries
            .partition_point(|aborted| aborted.marker_offset < from);
        let mut found = Vec::new();
        for aborted in self.entries.iter().skip(first) {
            if aborted.first_offset < below {
                let mut aborted = *aborted;
                if planted(Plant::AbortedIndexOffByOne) {
                    aborted.first_offset += 1;
                }
                found.push(aborted);
            }
            // None of the later ones can have begun below.
            if aborted.stable_offset >= below {
                break;
            }
        }
        found
    }

    pub(super) fn truncate_before(&mut self, log_start: i64) {
        let gone = self
            .entries
            .partition_point(|aborted| aborted.marker_offset < log_start);
        self.entries.drain(..gone);
    }
}
