//! What the followed topics hold now: each key's last value, cut down to what is summed.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use trueup_domain::rolling::Rolling;
use trueup_domain::window::{MINUTE_MS, Minute, Totals};
use trueup_schemas::codec::Codec;
use trueup_schemas::keys::{self, INTERNAL_PREFIX};
use trueup_schemas::records::{DeadLetter, GapSetRecord, PartitionState, ReconcileWindow};

use super::depth::LiveLetters;
use super::open_gaps::OpenGaps;

/// A topic that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Followed {
    Windows,
    Gaps,
    Letters,
}

impl Followed {
    pub const ALL: [Self; 3] = [Self::Windows, Self::Gaps, Self::Letters];
}

/// One partition by its state record and its windows.
#[derive(Debug, Default)]
pub struct HeldPartition {
    pub windows: Rolling,
    pub state: Option<PartitionState>,
}

/// Stands for a key, which may have 200 bytes.
pub(super) type KeyDigest = [u8; 16];

#[derive(Debug, Default)]
pub struct Held {
    pub partitions: BTreeMap<i32, HeldPartition>,
    pub gaps: OpenGaps,
    pub letters: LiveLetters,
}

impl Held {
    /// Takes in one record; one that cannot be read tells nothing, and is left to those whose
    /// state it is.
    pub fn take(
        &mut self,
        (followed, partition): (Followed, i32),
        codec: &Codec,
        key: &[u8],
        value: Option<&[u8]>,
    ) {
        match followed {
            Followed::Windows => self.take_window(partition, codec, key, value),
            Followed::Gaps if key.starts_with(INTERNAL_PREFIX.as_bytes()) => {}
            Followed::Gaps => {
                let told: Option<GapSetRecord> = value.and_then(|value| codec.decode(value).ok());
                // A key that is no text names no order.
                if let Ok(order) = std::str::from_utf8(key) {
                    let gaps = told.map_or_else(Vec::new, |told| told.gaps.gaps);
                    self.gaps.set(order, gaps);
                }
            }
            Followed::Letters => {
                let told: Option<DeadLetter> = value.and_then(|value| codec.decode(value).ok());
                self.letters.take(key, told.as_ref());
            }
        }
    }

    fn take_window(&mut self, partition: i32, codec: &Codec, key: &[u8], value: Option<&[u8]>) {
        let held = self.partitions.entry(partition).or_default();
        if key == keys::state(partition).as_bytes() {
            let told: Option<PartitionState> = value.and_then(|value| codec.decode(value).ok());
            if let Some(state) = told {
                held.windows.advance(state.clock);
                held.state = Some(state);
            }
            return;
        }
        let Some((_, start_ms, MINUTE_MS)) = keys::read_window(key) else {
            return;
        };
        let told: Option<ReconcileWindow> = value.and_then(|value| codec.decode(value).ok());
        let totals = told.and_then(|told| told.totals());
        let totals = totals.map_or(Totals::ZERO, |(_, totals)| totals);
        held.windows.set(Minute::of(start_ms), totals);
    }
}

pub(super) fn digest(key: &[u8]) -> KeyDigest {
    let digest: [u8; 32] = Sha256::digest(key).into();
    let mut short = [0; 16];
    for (short, byte) in short.iter_mut().zip(digest) {
        *short = byte;
    }
    short
}
