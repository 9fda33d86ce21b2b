//! Which transactions of a partition have no end that would survive a crash.
//!
//! An end that is appended and not synced counts as no end: a crash would take it back, and the
//! transaction might then end the other way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trueup_plants::{Plant, planted};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Undecided {
    /// By a transaction's first offset: the offset of its marker, once there is one.
    marker_offsets: BTreeMap<i64, Option<i64>>,
}

impl Undecided {
    pub(super) fn begin(&mut self, first_offset: i64) {
        self.marker_offsets.insert(first_offset, None);
    }

    pub(super) fn end(&mut self, first_offset: i64, marker_offset: i64) {
        self.marker_offsets
            .insert(first_offset, Some(marker_offset));
    }

    /// The first offset of the oldest transaction without a marker.
    pub(super) fn first_open(&self) -> Option<i64> {
        self.marker_offsets
            .iter()
            .find(|(_, marker)| marker.is_none())
            .map(|(first, _)| *first)
    }

    pub(super) fn stable(&self, high_watermark: i64) -> i64 {
        if planted(Plant::StableOffsetIgnored) {
            return high_watermark;
        }
        let synced = |marker: i64| marker < high_watermark || planted(Plant::StableBeforeSync);
        self.marker_offsets
            .iter()
            .find(|(_, marker)| !marker.is_some_and(synced))
            .map_or(high_watermark, |(first, _)| *first)
            .min(high_watermark)
    }

    pub(super) fn synced(&mut self, high_watermark: i64) {
        self.marker_offsets
            .retain(|_, marker| marker.is_none_or(|offset| offset >= high_watermark));
    }
}
