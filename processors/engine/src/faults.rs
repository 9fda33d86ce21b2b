//! What a fault means to a worker: the same again, an abort, a new producer, or the end.

use crate::limits;
use crate::machine::{Outcome, Phase};
use crate::metrics;
use crate::ports::clock::Clock;
use crate::ports::log::{FaultClass, Log, LogFault};
use crate::ports::store::{LedgerStore, StoreFault, StoreFaultKind};
use crate::processor::Processor;
use crate::worker::{Refusal, Worker};

/// How long a worker waits for the rebalance that a refused generation announces.
const GENERATION_WAIT_MS: u64 = 3_000;

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    pub(crate) fn refuse(&mut self, reason: String) -> Outcome {
        tracing::error!(slot = self.settings.slot, reason, "worker refuses to go on");
        self.refusal = Some(Refusal {
            slot: self.settings.slot.clone(),
            reason,
        });
        Outcome::Refused
    }

    /// What a failed call means for a phase. Whatever cannot simply be repeated costs the memory
    /// of every partition.
    pub(crate) fn fault(&mut self, fault: &LogFault) -> Outcome {
        tracing::warn!(slot = self.settings.slot, phase = ?self.phase, %fault, "kafka call failed");
        self.broken_by = Some(fault.to_string());
        match fault.class {
            FaultClass::Retriable => Outcome::Again,
            FaultClass::Abortable => Outcome::Abortable,
            FaultClass::Generation => {
                self.generation_retries = self.generation_retries.saturating_add(1);
                if self.generation_retries > limits::MAX_GENERATION_RETRIES {
                    return Outcome::Abortable;
                }
                self.retry_at_ms = self.clock.elapsed_ms().saturating_add(GENERATION_WAIT_MS);
                Outcome::Moved
            }
            FaultClass::Fatal | FaultClass::Unknown => Outcome::Broken,
            FaultClass::ProducerFenced => {
                self.producer_fenced = self.producer_fenced.saturating_add(1);
                self.fenced(self.producer_fenced, fault)
            }
            FaultClass::MemberFenced => {
                self.member_fenced = self.member_fenced.saturating_add(1);
                self.fenced(self.member_fenced, fault)
            }
        }
    }

    /// What the store's fault means for a phase that cannot go on without it.
    pub(crate) fn store_fault(&mut self, fault: &StoreFault) -> Outcome {
        match fault.kind {
            StoreFaultKind::Away => {
                tracing::warn!(slot = self.settings.slot, %fault, "the store is away");
                Outcome::StoreAway
            }
            StoreFaultKind::Foreign => self.refuse(fault.to_string()),
        }
    }

    /// The producer is about to be replaced. A worker's first one replaces nobody, and a replacement
    /// that has to be tried again is still one.
    pub(crate) fn giving_up_producer(&self, phase: Phase) {
        let lost = transaction_lost_in(phase);
        tracing::warn!(
            slot = self.settings.slot,
            ?phase,
            transaction = lost.map_or("none", Lost::as_str),
            reason = self.broken_by.as_deref().unwrap_or("unknown"),
            "the producer is replaced"
        );
        metrics::recycled(lost);
    }

    fn fenced(&mut self, times: u32, fault: &LogFault) -> Outcome {
        if times < limits::MAX_FENCED {
            return Outcome::Broken;
        }
        self.refuse(format!(
            "its name was taken {times} times in a row ({}); another process runs with the same \
             `--instance-id`: give each its own",
            fault.reason
        ))
    }

    /// A commit is known: whoever was here before is gone.
    pub(crate) fn proved(&mut self) {
        self.producer_fenced = 0;
        self.member_fenced = 0;
        self.generation_retries = 0;
    }

    /// Whether what was committed last may never become readable. Where a transaction is under
    /// way, or memory is dropped anyway, that is found out there.
    pub(crate) fn must_recycle(&mut self) -> bool {
        let idle = match self.phase {
            Phase::Committed
            | Phase::Barrier
            | Phase::Restore
            | Phase::Refold
            | Phase::Live
            | Phase::Poll
            | Phase::Hold => true,
            Phase::Recycle
            | Phase::Load
            | Phase::Fold
            | Phase::Produce
            | Phase::Offsets
            | Phase::Commit
            | Phase::Install
            | Phase::Behind
            | Phase::AbortAndRecover
            | Phase::AbortAndRetry
            | Phase::Settle
            | Phase::Stopped => false,
        };
        if !idle {
            return false;
        }
        if self.log.was_away() {
            self.broken_by = Some("no broker could be reached for a while".into());
            return true;
        }
        let lost = self.seen.is_lost(self.clock.elapsed_ms());
        if lost {
            tracing::error!(
                slot = self.settings.slot,
                "a committed transaction does not become readable: the brokers have lost its end, \
                 and it is made again"
            );
            self.broken_by = Some("a committed transaction does not become readable".into());
        }
        lost
    }
}

/// What becomes of a transaction whose producer is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nobody asked for its end: the next producer ends it.
    Aborted,
    /// Its end was asked for, and nobody knows whether it came.
    Unknown,
}

impl Lost {
    /// A metric's label: must stay stable.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::Unknown => "unknown",
        }
    }
}

/// The transaction that is under way in a phase. A barrier's is made and ended within its phase;
/// one whose abort fails was counted when the abort began.
fn transaction_lost_in(phase: Phase) -> Option<Lost> {
    match phase {
        Phase::Produce | Phase::Offsets => Some(Lost::Aborted),
        Phase::Commit | Phase::Barrier => Some(Lost::Unknown),
        Phase::Recycle
        | Phase::Committed
        | Phase::Restore
        | Phase::Refold
        | Phase::Live
        | Phase::Poll
        | Phase::Load
        | Phase::Fold
        | Phase::Install
        | Phase::Behind
        | Phase::AbortAndRecover
        | Phase::AbortAndRetry
        | Phase::Hold
        | Phase::Settle
        | Phase::Stopped => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Lost, transaction_lost_in};
    use crate::machine::Phase;

    #[test]
    fn only_a_transaction_whose_end_was_asked_for_has_an_unknown_outcome() {
        for phase in Phase::ALL {
            let unknown = transaction_lost_in(phase) == Some(Lost::Unknown);
            assert_eq!(
                unknown,
                matches!(phase, Phase::Commit | Phase::Barrier),
                "{phase:?}"
            );
        }
    }

    #[test]
    fn a_worker_that_starts_gives_up_no_transaction() {
        assert_eq!(transaction_lost_in(Phase::Recycle), None);
        assert_eq!(transaction_lost_in(Phase::Poll), None);
    }
}
