//! What a fault means to a worker: the same again, an abort, a new producer, or the end.

use crate::limits;
use crate::machine::{Outcome, Phase};
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
            let slot = &self.settings.slot;
            tracing::warn!(slot, "no broker could be reached for a while");
            return true;
        }
        let lost = self.seen.is_lost(self.clock.elapsed_ms());
        if lost {
            tracing::error!(
                slot = self.settings.slot,
                "a committed transaction does not become readable: the brokers have lost its end, \
                 and it is made again"
            );
        }
        lost
    }
}
