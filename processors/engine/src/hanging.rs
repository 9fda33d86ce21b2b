//! Offsets that never become stable: what to do when the brokers have lost the end of a transaction.
//!
//! A broker that is killed can drop, as it starts, the marker that ends a transaction it has
//! already decided (seen with Kafka 4.3: the coordinator's log says that it is complete, the
//! partition of the group's offsets has no marker). The group's offsets then stay unstable until
//! the same producer ends another transaction there, which it cannot while it waits for them.
//!
//! Waiting for stable offsets keeps a transaction of the last owner from committing behind our
//! barrier. Such a transaction was given its offsets before the group gave the partition to us, for
//! later ones name a generation that is over. The brokers end every transaction that is older than
//! its timeout and shut its producer out; after that and the time in which they look for such ones,
//! none of those that we wait for can commit any more. Then the last offsets that were committed
//! will do: where they are not those of the partition's last state record, the state record wins.

use crate::limits;
use crate::ports::log::{Committed, Offsets};

#[derive(Debug, Default)]
pub(crate) struct Hanging {
    /// Since when the offsets are known to be unstable, in an unbroken row of answers.
    since_ms: Option<u64>,
}

impl Hanging {
    /// The row is broken: the brokers did not answer, or the group gave us something new, which
    /// a transaction of its last owner may cover.
    pub(crate) fn begin_anew(&mut self) {
        self.since_ms = None;
    }

    /// The offsets to go on with; `None` while they have to be waited for.
    pub(crate) fn judge(&mut self, offsets: Offsets, now_ms: u64) -> Option<Vec<Committed>> {
        match offsets {
            Offsets::Stable(committed) => {
                self.since_ms = None;
                Some(committed)
            }
            Offsets::Unstable(committed) => {
                let since_ms = *self.since_ms.get_or_insert(now_ms);
                let waited_ms = now_ms.saturating_sub(since_ms);
                (waited_ms >= limits::HANGING_TRANSACTION_MS).then_some(committed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hanging;
    use crate::limits::HANGING_TRANSACTION_MS;
    use crate::ports::log::Offsets;

    fn unstable() -> Offsets {
        Offsets::Unstable(vec![(0, [Some(7), None])])
    }

    #[test]
    fn unstable_offsets_are_taken_when_no_transaction_can_end_any_more() {
        let mut hanging = Hanging::default();
        assert_eq!(hanging.judge(unstable(), 1_000), None);
        let just_before = 1_000 + HANGING_TRANSACTION_MS - 1;
        assert_eq!(hanging.judge(unstable(), just_before), None);
        let taken = hanging.judge(unstable(), just_before + 1);
        assert_eq!(taken, Some(vec![(0, [Some(7), None])]));
    }

    #[test]
    fn what_the_group_gives_anew_is_waited_for_anew() {
        let mut hanging = Hanging::default();
        assert_eq!(hanging.judge(unstable(), 0), None);
        hanging.begin_anew();
        assert_eq!(hanging.judge(unstable(), HANGING_TRANSACTION_MS), None);
    }

    #[test]
    fn stable_offsets_are_taken_at_once_and_end_the_waiting() {
        let mut hanging = Hanging::default();
        assert_eq!(hanging.judge(unstable(), 0), None);
        let stable = Offsets::Stable(vec![(0, [Some(9), None])]);
        assert_eq!(hanging.judge(stable, 1), Some(vec![(0, [Some(9), None])]));
        assert_eq!(hanging.judge(unstable(), HANGING_TRANSACTION_MS), None);
    }
}
