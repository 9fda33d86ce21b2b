//! Which commits were seen to have taken effect.
//!
//! A known commit is the coordinator's word; the brokers then mark the transaction's end in each
//! log. Brokers that are killed in between can forget the marks (see `hanging`), and our next
//! producer then ends the transaction as aborted. Nobody has read of it by then, so nothing is lost
//! but what the store was told already. Hence the store is told of a commit only when a reader of
//! committed records could see it.

use crate::limits;

/// Partition and offset, in the windows topic, of a record of a transaction.
pub(crate) type Witness = (i32, i64);

/// Numbers the commits of one worker, from 1.
pub(crate) type CommitNumber = u64;

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The last commit, when it was known, and where it is to be looked for.
    last: CommitNumber,
    last_witness: Option<Witness>,
    last_ms: u64,
    /// Every commit up to this one was seen.
    through: CommitNumber,
    /// The commit that is looked for, since when it is known, and where.
    awaited: Option<(CommitNumber, u64, Witness)>,
    next_look_ms: u64,
}

impl Seen {
    /// A commit is known.
    pub(crate) fn committed(&mut self, witness: Option<Witness>, now_ms: u64) -> CommitNumber {
        self.last = self.last.saturating_add(1);
        self.last_witness = witness;
        self.last_ms = now_ms;
        self.last
    }

    /// Commits up to this one may be told of.
    pub(crate) fn through(&self) -> CommitNumber {
        self.through
    }

    /// Where to look now, if anywhere.
    pub(crate) fn look(&mut self, now_ms: u64) -> Option<Witness> {
        if self.through == self.last || now_ms < self.next_look_ms {
            return None;
        }
        self.next_look_ms = now_ms.saturating_add(limits::LOOK_FOR_COMMIT_EVERY_MS);
        if self.awaited.is_none() {
            match self.last_witness {
                Some(witness) => self.awaited = Some((self.last, self.last_ms, witness)),
                None => self.through = self.last,
            }
        }
        self.awaited.map(|(_, _, witness)| witness)
    }

    /// What was looked for last is there, and so is all that was committed before it.
    pub(crate) fn found(&mut self) {
        if let Some((number, _, _)) = self.awaited.take() {
            self.through = number;
        }
    }

    /// Whether a commit has been looked for longer than brokers take that have not forgotten it.
    pub(crate) fn is_lost(&self, now_ms: u64) -> bool {
        self.awaited.is_some_and(|(_, known_ms, _)| {
            now_ms.saturating_sub(known_ms) >= limits::UNSEEN_COMMIT_MS
        })
    }

    /// Memory was dropped: nothing that was committed before is told by it any more.
    pub(crate) fn forget(&mut self) {
        self.through = self.last;
        self.awaited = None;
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;
    use crate::limits::{LOOK_FOR_COMMIT_EVERY_MS, UNSEEN_COMMIT_MS};

    #[test]
    fn a_commit_is_told_of_once_it_was_found_and_with_it_all_before() {
        let mut seen = Seen::default();
        assert_eq!(seen.look(0), None, "nothing was committed");
        seen.committed(Some((3, 70)), 0);
        let second = seen.committed(Some((4, 80)), 1);
        assert_eq!(seen.look(1), Some((4, 80)));
        assert_eq!(seen.through(), 0);
        assert_eq!(seen.look(2), None, "it was looked for just now");
        seen.found();
        assert_eq!(seen.through(), second);
        assert_eq!(seen.look(LOOK_FOR_COMMIT_EVERY_MS * 2), None);
    }

    #[test]
    fn a_commit_that_comes_while_another_is_looked_for_waits_its_turn() {
        let mut seen = Seen::default();
        let first = seen.committed(Some((3, 70)), 0);
        assert_eq!(seen.look(0), Some((3, 70)));
        let second = seen.committed(Some((4, 80)), 1);
        let later_ms = LOOK_FOR_COMMIT_EVERY_MS;
        assert_eq!(seen.look(later_ms), Some((3, 70)));
        seen.found();
        assert_eq!(seen.through(), first);
        assert_eq!(seen.look(later_ms * 2), Some((4, 80)));
        seen.found();
        assert_eq!(seen.through(), second);
    }

    #[test]
    fn a_commit_that_is_never_found_is_lost_until_memory_is_dropped() {
        let mut seen = Seen::default();
        seen.committed(Some((3, 70)), 0);
        assert_eq!(seen.look(0), Some((3, 70)));
        assert!(!seen.is_lost(UNSEEN_COMMIT_MS - 1));
        assert!(seen.is_lost(UNSEEN_COMMIT_MS));
        seen.forget();
        assert!(!seen.is_lost(UNSEEN_COMMIT_MS));
    }
}
