//! Planted bugs: each is the mistake that one guarantee exists to prevent, kept in the tree so
//! that the test which must catch it can be seen to catch it.
//!
//! A release build has none of them: [`planted`] is a constant `false` unless a test build turns
//! the feature `on`. There a plant is chosen at run time, for one thread (`with`) or for the
//! whole process by `TRUEUP_PLANT`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The ledger reaches the store before its transaction is known committed.
    LedgerBeforeCommit,
    /// The checkpoint moves before the store has acknowledged what lies below it.
    CheckpointBeforeAck,
    /// What recovery re-folded is taken as clean, and so is never written.
    RefoldedClean,
    /// A transaction of timers alone carries no offsets, and so nothing fences it.
    TimerWithoutOffsets,
    /// A write-behind runs between an abort and the undo of its ledgers.
    WriteBehindBeforeUndo,
    /// State is restored to the last stable offset instead of to the barrier.
    RestoreToStableOffset,
    /// A producer whose outcome is unknown is used again.
    RecycleDropped,
    /// The gateway says yes before the broker did.
    YesBeforeAck,
    /// The gateway checks the signature over the body written anew.
    SignatureOverReserialised,
    /// Keys are spread by librdkafka's default partitioner instead of murmur2.
    DefaultPartitioner,
    /// The latest `created` wins over a payment's success.
    CreatedBeatsSucceeded,
    /// A store that did not answer in time is read as "not found".
    TimeoutIsNotFound,
    /// Offsets of a transaction still open are taken as committed.
    UnstableOffsets,
    /// The broker answers what its disk does not have yet.
    AnswerBeforeSync,
    /// The broker shows records of transactions that have no end.
    StableOffsetIgnored,
    /// The broker takes a transaction's end as known before it is synced.
    StableBeforeSync,
    /// The broker names an aborted transaction's second record as its first.
    AbortedIndexOffByOne,
    /// The broker takes batches and transactional requests of a fenced producer.
    FencingSkipped,
    /// The broker appends a batch although one before it is missing.
    SequenceGapAccepted,
    /// The broker appends a batch that it has appended before.
    DuplicateAppended,
    /// The broker aborts a transaction that took too long and lets its producer go on.
    TimeoutWithoutFence,
    /// The broker takes a produce into a transaction that does not hold the partition.
    PartitionUnverified,
    /// The broker takes an offset commit from whatever generation.
    GenerationUnchecked,
    /// The broker takes an offset commit from an instance that another process has replaced.
    InstanceUnchecked,
    /// The broker shows a transaction's offsets before its end.
    OffsetsBeforeEnd,
    /// The broker keeps the offsets of an aborted transaction.
    OffsetsDespiteAbort,
    /// The broker's recovery takes an entry of its journal whose checksum is wrong.
    TornTailAccepted,
    /// Compaction drops a tombstone before readers had the time to see it.
    TombstoneEarly,
    /// Compaction takes a transaction for committed whose end it has not seen.
    OpenTransactionCompacted,
    /// Compaction lets a record of an aborted transaction hide an older one of its key.
    AbortedShadows,
    /// The store is told of commits that no reader could see yet.
    UnseenCommitStored,
    /// A new producer leaves open what the brokers forgot to end.
    HangingLeftOpen,
    /// A batch that is tried again corrects its windows a second time.
    WindowCorrectedTwice,
    /// The linker decides by rows that it read before it wrote.
    LinkRaceLost,
    /// The sweep's cursor moves before what lies below it is written.
    CursorBeforeWrite,
    /// Dead letters are replayed in the order of their ids as text.
    ReplayOutOfOrder,
    /// A replay takes a letter away although its record was not written.
    LetterBuriedUnwritten,
    /// A replay dies, as by `kill -9`, between a record and the end of its letter. No bug: the
    /// death that a replay must survive.
    ReplayDiesHalfway,
    /// A grace runs out only where records come in.
    GraceNeedsTraffic,
    /// An order whose gaps all closed gets no tombstone.
    GapTombstoneSkipped,
    /// The records of a delivery name another trace than its span.
    TraceTorn,
    /// A closing member of a group answers no change, and so never ends.
    ClosingSilent,
}

impl Plant {
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("ledger-before-commit", Self::LedgerBeforeCommit),
        ("checkpoint-before-ack", Self::CheckpointBeforeAck),
        ("refolded-clean", Self::RefoldedClean),
        ("timer-without-offsets", Self::TimerWithoutOffsets),
        ("write-behind-before-undo", Self::WriteBehindBeforeUndo),
        ("restore-to-stable-offset", Self::RestoreToStableOffset),
        ("recycle-dropped", Self::RecycleDropped),
        ("yes-before-ack", Self::YesBeforeAck),
        (
            "signature-over-reserialised",
            Self::SignatureOverReserialised,
        ),
        ("default-partitioner", Self::DefaultPartitioner),
        ("created-beats-succeeded", Self::CreatedBeatsSucceeded),
        ("timeout-is-not-found", Self::TimeoutIsNotFound),
        ("unstable-offsets", Self::UnstableOffsets),
        ("answer-before-sync", Self::AnswerBeforeSync),
        ("stable-offset-ignored", Self::StableOffsetIgnored),
        ("stable-before-sync", Self::StableBeforeSync),
        ("aborted-index-off-by-one", Self::AbortedIndexOffByOne),
        ("fencing-skipped", Self::FencingSkipped),
        ("sequence-gap-accepted", Self::SequenceGapAccepted),
        ("duplicate-appended", Self::DuplicateAppended),
        ("timeout-without-fence", Self::TimeoutWithoutFence),
        ("partition-unverified", Self::PartitionUnverified),
        ("generation-unchecked", Self::GenerationUnchecked),
        ("instance-unchecked", Self::InstanceUnchecked),
        ("offsets-before-end", Self::OffsetsBeforeEnd),
        ("offsets-despite-abort", Self::OffsetsDespiteAbort),
        ("torn-tail-accepted", Self::TornTailAccepted),
        ("tombstone-early", Self::TombstoneEarly),
        ("open-transaction-compacted", Self::OpenTransactionCompacted),
        ("aborted-shadows", Self::AbortedShadows),
        ("unseen-commit-stored", Self::UnseenCommitStored),
        ("hanging-left-open", Self::HangingLeftOpen),
        ("window-corrected-twice", Self::WindowCorrectedTwice),
        ("link-race-lost", Self::LinkRaceLost),
        ("cursor-before-write", Self::CursorBeforeWrite),
        ("replay-out-of-order", Self::ReplayOutOfOrder),
        ("letter-buried-unwritten", Self::LetterBuriedUnwritten),
        ("replay-dies-halfway", Self::ReplayDiesHalfway),
        ("grace-needs-traffic", Self::GraceNeedsTraffic),
        ("gap-tombstone-skipped", Self::GapTombstoneSkipped),
        ("trace-torn", Self::TraceTorn),
        ("closing-silent", Self::ClosingSilent),
    ];
}

#[cfg(not(feature = "on"))]
mod switch {
    use super::Plant;

    /// Whether `plant` is switched on: never, in this build.
    #[must_use]
    pub const fn planted(_plant: Plant) -> bool {
        false
    }
}

#[cfg(feature = "on")]
mod switch {
    use std::cell::Cell;
    use std::sync::OnceLock;

    use super::Plant;

    thread_local! {
        static THREAD: Cell<Option<Plant>> = const { Cell::new(None) };
    }
    static PROCESS: OnceLock<Option<Plant>> = OnceLock::new();

    /// Whether `plant` is switched on for this thread or this process.
    #[must_use]
    pub fn planted(plant: Plant) -> bool {
        THREAD.get() == Some(plant) || PROCESS.get_or_init(from_environment) == &Some(plant)
    }

    fn from_environment() -> Option<Plant> {
        let name = std::env::var("TRUEUP_PLANT")
            .ok()
            .filter(|name| !name.is_empty())?;
        let known = Plant::ALL.iter().find(|(known, _)| *known == name);
        assert!(known.is_some(), "TRUEUP_PLANT names no plant: `{name}`");
        known.map(|(_, plant)| *plant)
    }

    struct Restore(Option<Plant>);

    impl Drop for Restore {
        fn drop(&mut self) {
            THREAD.set(self.0);
        }
    }

    /// Runs `body` with `plant` switched on in this thread only.
    pub fn with<T>(plant: Plant, body: impl FnOnce() -> T) -> T {
        let _restore = Restore(THREAD.replace(Some(plant)));
        body()
    }
}

pub use switch::*;
