//! What time does to transactions: one open for too long is aborted and its producer fenced, and
//! an id unused for long is forgotten.

use trueup_plants::{Plant, planted};

use super::{Change, Ended, Ending, Transactions};

/// What a tick comes to: every one of `ended` is in `changes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticked {
    pub changes: Vec<Change>,
    pub ended: Vec<Ended>,
}

impl Transactions {
    /// When [`Self::tick`] has something to do next.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    #[must_use]
    pub fn tick(&self, now_ms: i64) -> Ticked {
        let mut ticked = Ticked::default();
        let due = self
            .deadlines
            .iter()
            .take_while(|(deadline_ms, _)| *deadline_ms <= now_ms);
        for (_, id) in due {
            let Some(entry) = self.entries.get(id) else {
                continue;
            };
            if !entry.is_open() {
                ticked.changes.push(Change::Forgotten { id: id.clone() });
                continue;
            }
            let producer = if planted(Plant::TimeoutWithoutFence) {
                entry.producer
            } else {
                entry.fence()
            };
            let (change, ended) = entry.ended(id, Ending::Abort, producer, now_ms);
            ticked.changes.push(change);
            ticked.ended.push(ended);
        }
        ticked
    }
}
