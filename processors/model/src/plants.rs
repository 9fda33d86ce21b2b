//! The planted bugs: each is one rule of the protocol left out, to see that the search finds it.

/// A rule left out. Where the engine's tests plant the same mistake, the name is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The ledger reaches the store before its transaction is known committed.
    LedgerBeforeCommit,
    /// A write-behind runs between an abort and the undo of its ledgers.
    WriteBehindBeforeUndo,
    /// The checkpoint moves before the store has acknowledged what lies below it.
    CheckpointBeforeAck,
    /// What recovery re-folded is taken as clean, and so is never written.
    RefoldedClean,
    /// Offsets of a transaction still open are taken as final, and nothing is waited for.
    UnstableOffsets,
    /// State is restored to the last stable offset instead of to the barrier.
    RestoreToStableOffset,
    /// A transaction of timers alone carries no offsets, and so nothing fences it.
    TimerWithoutOffsets,
    /// A producer whose outcome is unknown is used again.
    RecycleDropped,
    /// The store is told of commits that no reader could see yet.
    UnseenCommitStored,
    /// The version counts changes of the status instead of facts.
    VersionCountsStatuses,
}

impl Plant {
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("ledger-before-commit", Self::LedgerBeforeCommit),
        ("write-behind-before-undo", Self::WriteBehindBeforeUndo),
        ("checkpoint-before-ack", Self::CheckpointBeforeAck),
        ("refolded-clean", Self::RefoldedClean),
        ("unstable-offsets", Self::UnstableOffsets),
        ("restore-to-stable-offset", Self::RestoreToStableOffset),
        ("timer-without-offsets", Self::TimerWithoutOffsets),
        ("recycle-dropped", Self::RecycleDropped),
        ("unseen-commit-stored", Self::UnseenCommitStored),
        ("version-counts-statuses", Self::VersionCountsStatuses),
    ];

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, plant)| *plant)
    }
}
