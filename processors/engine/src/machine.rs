//! The worker's life as a machine: from where it stands and what came of it, where it goes next.
//!
//! Pure: the shell in `worker` does what a phase says, one bounded action at a time, and asks here.
//! There is one way back after anything unexpected, and it always passes `Committed`.

/// Where a worker stands. The comment of each says what the shell does in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Make a new producer under the same id: ends what an older one left open.
    Recycle,
    /// Drop what memory holds of the partitions to recover; read their stable committed offsets
    /// and their checkpoints.
    Committed,
    /// Commit a barrier record to each of their state partitions: proves that they are ours.
    Barrier,
    /// Read those state partitions up to the barrier, and compare them with the logs.
    Restore,
    /// Fold the inputs again, silently, from the checkpoint to the position.
    Refold,
    /// Start reading at the restored positions.
    Live,
    /// Read a batch, serving the group.
    Poll,
    /// Bring the batch's ledgers in from memory and store.
    Load,
    /// Fold the batch on copies.
    Fold,
    /// Begin a transaction and produce its outputs.
    Produce,
    /// Add the batch's positions to the transaction.
    Offsets,
    /// Await the acknowledgements and commit.
    Commit,
    /// The transaction is known committed: the copies become memory, and dirty.
    Install,
    /// Write behind, collect acknowledgements, move checkpoints.
    Behind,
    /// Throw the copies away, abort, keep nothing.
    AbortAndRecover,
    /// Throw the copies away, abort, keep the batch's records: only the generation moved.
    AbortAndRetry,
    /// Serve the group with every input paused until the batch may be tried again.
    Hold,
    /// Stopping: wait, for a limited time, until the store has what was committed.
    Settle,
    /// Nothing more is done.
    Stopped,
}

/// What came of a phase's action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Done, and there is something for the next phase to work on.
    Done,
    /// Done, and there is nothing to work on.
    Idle,
    /// Done in part: the same phase again, at once.
    Progressed,
    /// Not possible now: the same phase again, after a wait.
    Again,
    /// Partitions came or went, and some now have to be recovered.
    Regained,
    /// The store could not be asked; the batch is kept.
    StoreAway,
    /// The transaction has to be aborted.
    Abortable,
    /// The transaction has to be aborted; the group moved to another generation.
    Moved,
    /// The producer is broken, or nobody knows what became of the call.
    Broken,
    /// The worker was asked to stop.
    Stopping,
    /// Going on would do harm: the worker says why and ends.
    Refused,
}

impl Phase {
    pub const ALL: [Self; 19] = [
        Self::Recycle,
        Self::Committed,
        Self::Barrier,
        Self::Restore,
        Self::Refold,
        Self::Live,
        Self::Poll,
        Self::Load,
        Self::Fold,
        Self::Produce,
        Self::Offsets,
        Self::Commit,
        Self::Install,
        Self::Behind,
        Self::AbortAndRecover,
        Self::AbortAndRetry,
        Self::Hold,
        Self::Settle,
        Self::Stopped,
    ];

    /// The phase after this one.
    #[must_use]
    pub fn next(self, outcome: Outcome) -> Self {
        use Outcome::{
            Abortable, Again, Broken, Done, Idle, Moved, Progressed, Refused, Regained, Stopping,
            StoreAway,
        };
        match (self, outcome) {
            (Self::Stopped, _) | (_, Refused) => Self::Stopped,

            // What happens to a transaction decides where the worker goes, whatever it was doing.
            (
                Self::Recycle
                | Self::Committed
                | Self::Restore
                | Self::Refold
                | Self::Live
                | Self::Poll
                | Self::Hold
                | Self::Barrier
                | Self::Produce
                | Self::Offsets
                | Self::Commit
                | Self::AbortAndRecover
                | Self::AbortAndRetry,
                Broken,
            ) => Self::Recycle,
            (Self::Barrier | Self::Produce | Self::Offsets | Self::Commit, Abortable)
            | (Self::Barrier, Moved) => Self::AbortAndRecover,
            (Self::Produce | Self::Offsets | Self::Commit, Moved) => Self::AbortAndRetry,

            // The one recovery path.
            (Self::Recycle | Self::AbortAndRecover, Done | Idle) => Self::Committed,
            (Self::Committed, Done) => Self::Barrier,
            (Self::Barrier, Done) => Self::Restore,
            (Self::Restore, Done) => Self::Refold,
            (Self::Refold, Done) => Self::Live,
            (Self::Committed | Self::Live, Idle) | (Self::Live, Done) => Self::Poll,
            (
                Self::Committed
                | Self::Restore
                | Self::Refold
                | Self::Live
                | Self::Poll
                | Self::Hold,
                Regained,
            ) => Self::Committed,

            // The loop.
            (Self::Poll, Done) | (Self::Hold, Done) => Self::Load,
            (Self::Poll | Self::Fold | Self::Hold | Self::Load, Idle) => Self::Behind,
            (Self::Load, Done) => Self::Fold,
            (Self::Fold, Done) => Self::Produce,
            (Self::Produce, Done) => Self::Offsets,
            (Self::Offsets, Done) => Self::Commit,
            (Self::Commit, Done) => Self::Install,
            (Self::Install, Done | Idle) => Self::Behind,
            (Self::Behind, Done | Idle) => Self::Poll,
            (Self::Load, StoreAway) => Self::Hold,
            (Self::AbortAndRetry, Done | Idle) => Self::Hold,

            // The end. A transaction under way is finished first.
            (Self::Poll | Self::Hold | Self::Behind, Stopping) => Self::Settle,
            (
                Self::Recycle
                | Self::Committed
                | Self::Barrier
                | Self::Restore
                | Self::Refold
                | Self::Live,
                Stopping,
            )
            | (Self::Settle, Done | Idle) => Self::Stopped,

            // No answer, or not the one hoped for, and nothing happened: the same again.
            (phase, Progressed | Again | StoreAway) => phase,

            // The shell never says these.
            (
                phase @ (Self::Recycle | Self::AbortAndRecover | Self::AbortAndRetry),
                Abortable | Moved | Regained | Stopping,
            )
            | (
                phase @ (Self::Committed
                | Self::Restore
                | Self::Refold
                | Self::Live
                | Self::Poll
                | Self::Hold
                | Self::Settle),
                Abortable | Moved,
            )
            | (phase @ (Self::Barrier | Self::Restore | Self::Refold), Idle)
            | (
                phase @ (Self::Produce | Self::Offsets | Self::Commit),
                Idle | Regained | Stopping,
            )
            | (phase @ Self::Barrier, Regained)
            | (
                phase @ (Self::Load | Self::Fold | Self::Install | Self::Behind),
                Regained | Abortable | Moved | Broken,
            )
            | (phase @ (Self::Load | Self::Fold | Self::Install), Stopping)
            | (phase @ Self::Settle, Broken | Regained | Stopping) => phase,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Phase};

    const OUTCOMES: [Outcome; 11] = [
        Outcome::Progressed,
        Outcome::Done,
        Outcome::Idle,
        Outcome::Again,
        Outcome::Regained,
        Outcome::StoreAway,
        Outcome::Abortable,
        Outcome::Moved,
        Outcome::Broken,
        Outcome::Stopping,
        Outcome::Refused,
    ];

    #[test]
    fn whatever_breaks_a_transaction_passes_the_committed_offsets_before_it_polls_again() {
        for phase in [Phase::Produce, Phase::Offsets, Phase::Commit] {
            assert_eq!(phase.next(Outcome::Broken), Phase::Recycle);
            assert_eq!(phase.next(Outcome::Abortable), Phase::AbortAndRecover);
        }
        assert_eq!(Phase::Recycle.next(Outcome::Done), Phase::Committed);
        assert_eq!(Phase::AbortAndRecover.next(Outcome::Done), Phase::Committed);
    }

    #[test]
    fn memory_is_installed_after_a_known_commit_and_from_nowhere_else() {
        for phase in Phase::ALL {
            for outcome in OUTCOMES {
                if phase.next(outcome) == Phase::Install && phase != Phase::Install {
                    assert_eq!((phase, outcome), (Phase::Commit, Outcome::Done));
                }
            }
        }
    }

    #[test]
    fn only_a_stopped_worker_has_nowhere_to_go() {
        for phase in Phase::ALL {
            let leaves = OUTCOMES.iter().any(|outcome| phase.next(*outcome) != phase);
            assert_eq!(leaves, phase != Phase::Stopped, "{phase:?}");
        }
    }

    #[test]
    fn nothing_is_produced_for_partitions_that_did_not_pass_the_barrier() {
        for outcome in OUTCOMES {
            for phase in [
                Phase::Committed,
                Phase::Restore,
                Phase::Refold,
                Phase::Recycle,
            ] {
                assert!(!matches!(
                    phase.next(outcome),
                    Phase::Load | Phase::Fold | Phase::Produce
                ));
            }
            assert!(!matches!(
                Phase::Committed.next(outcome),
                Phase::Restore | Phase::Live
            ));
        }
    }
}
