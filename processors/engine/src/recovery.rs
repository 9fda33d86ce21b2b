//! The one recovery path: after an assignment, an unknown outcome, and every abort but one.
//!
//! Drop memory; read stable committed offsets and checkpoints; commit a barrier, which only the
//! owner can; read the state topics up to it; fold the inputs again, silently, from checkpoint to
//! position; go live. Whoever was here before cannot write behind the barrier, so what lies before
//! it is all there is.

use std::time::Duration;

use crate::limits;
use crate::machine::Outcome;
use crate::marks::Mark;
use crate::metrics;
use crate::ports::clock::Clock;
use crate::ports::log::{Input, Log, LogFault, Offsets, Position, Source};
use crate::ports::store::{Checkpoint, CheckpointKey, LedgerStore};
use crate::processor::Processor;
use crate::state;
use crate::worker::Worker;

/// What is known of a partition on its way back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recovering {
    /// By the group: where it stands, or the log's start where it never committed.
    pub(crate) position: Position,
    pub(crate) ever_committed: bool,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) starts: Position,
    pub(crate) ends: Position,
    /// Next records to fold again.
    pub(crate) cursor: Position,
    pub(crate) mark: Option<Mark>,
}

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    fn checkpoint_key(&self, partition: i32) -> CheckpointKey {
        CheckpointKey {
            topic: self.settings.events_topic.clone(),
            partition,
            epoch: self.settings.epoch,
        }
    }

    pub(crate) fn read_committed(&mut self) -> Outcome {
        if self.stopping {
            return Outcome::Stopping;
        }
        let waits = self.clock.elapsed_ms() < self.retry_at_ms;
        let wait = if waits {
            limits::HOLD_WAIT
        } else {
            Duration::ZERO
        };
        match self.serve(wait) {
            Err(outcome) => return outcome,
            // The group is about to say who owns what: asking again before would be in vain.
            Ok(false) if waits => return Outcome::Progressed,
            Ok(_) => {}
        }
        if self.recovering.is_empty() {
            return match self.set_paused(false) {
                Ok(()) => Outcome::Idle,
                Err(outcome) => outcome,
            };
        }
        // What the other partitions would read now would be swallowed.
        if let Err(outcome) = self.set_paused(true) {
            return outcome;
        }
        let partitions: Vec<i32> = self.recovering.keys().copied().collect();
        for partition in &partitions {
            self.forget(*partition);
            self.batch.forget(*partition);
        }
        if let Err(fault) = self.log.release(&partitions) {
            return self.fault(&fault);
        }
        let offsets = match self.log.committed(&partitions) {
            Ok(offsets) => offsets,
            Err(fault) => {
                self.hanging.begin_anew();
                return self.fault(&fault);
            }
        };
        let is_unstable = matches!(offsets, Offsets::Unstable(_));
        let Some(committed) = self.hanging.judge(offsets, self.clock.elapsed_ms()) else {
            tracing::debug!(
                slot = self.settings.slot,
                "a transaction that covers the offsets is open"
            );
            return Outcome::Again;
        };
        if is_unstable {
            metrics::hanging_transaction();
            tracing::error!(
                slot = self.settings.slot,
                "a transaction hangs in the group's offsets, overdue and not ended by the brokers: \
                 the last committed offsets are taken; if this goes on, look for it with \
                 `kafka-transactions.sh find-hanging` and abort it"
            );
        }
        for (partition, offsets) in committed {
            match self.look_at(partition, offsets) {
                Ok(found) => {
                    self.recovering.insert(partition, found);
                }
                Err(outcome) => return outcome,
            }
        }
        Outcome::Done
    }

    fn look_at(
        &mut self,
        partition: i32,
        offsets: [Option<i64>; 2],
    ) -> Result<Recovering, Outcome> {
        let mut found = Recovering::default();
        for (input, offset) in Input::ALL.into_iter().zip(offsets) {
            let (start, end) = self
                .log
                .bounds(Source::Input(input), partition)
                .map_err(|fault| self.fault(&fault))?;
            found.starts.set(input, start);
            found.ends.set(input, end);
            found.position.set(input, offset.unwrap_or(start));
            found.ever_committed |= offset.is_some();
        }
        let key = self.checkpoint_key(partition);
        let loaded = self.store.load_checkpoint(&key);
        found.checkpoint = loaded.map_err(|fault| self.store_fault(&fault))?;
        if found.checkpoint.is_none() && !found.ever_committed {
            // Says where the log began when this partition was first taken, before anything that
            // could be lost by a log that begins later.
            let first = Checkpoint {
                events: found.position.events,
                orders: found.position.orders,
                saved_at: self.clock.wall_ms(),
            };
            let saved = self.store.save_checkpoint(&key, first);
            saved.map_err(|fault| self.store_fault(&fault))?;
            found.checkpoint = Some(first);
        }
        Ok(found)
    }

    pub(crate) fn commit_barrier(&mut self) -> Outcome {
        self.barriers = self.barriers.saturating_add(1);
        let mut random = [0_u8; 8];
        if getrandom::fill(&mut random).is_err() {
            return self.refuse("the system has no randomness to name a barrier with".into());
        }
        self.barrier = format!(
            "{}/{}/{}",
            self.settings.slot,
            self.barriers,
            hex::encode(random)
        );
        match self.try_barrier() {
            Ok(()) => {
                self.proved();
                Outcome::Done
            }
            // Nothing may be left open in a producer that will begin again.
            Err(fault) => {
                let outcome = self.in_transaction(&fault);
                let wait_ms = limits::REFUSED_BARRIER_WAIT_MS;
                self.retry_at_ms = self.clock.elapsed_ms().saturating_add(wait_ms);
                outcome
            }
        }
    }

    fn try_barrier(&mut self) -> Result<(), LogFault> {
        self.log.begin()?;
        let mut positions = Vec::new();
        for (partition, found) in &self.recovering {
            for output in state::barrier(*partition, &self.barrier) {
                self.log.produce(output)?;
            }
            positions.push((*partition, found.position));
        }
        self.log.send_offsets(&positions)?;
        self.log.drain()?;
        self.log.commit()
    }

    pub(crate) fn go_live(&mut self) -> Outcome {
        let positions: Vec<(i32, Position)> = self
            .recovering
            .keys()
            .filter_map(|partition| {
                Some((
                    *partition,
                    self.partitions.get(partition)?.progress.position,
                ))
            })
            .collect();
        if let Err(fault) = self.log.assign(&positions) {
            return self.fault(&fault);
        }
        for (partition, position) in &positions {
            tracing::info!(
                slot = self.settings.slot,
                partition,
                ?position,
                "partition live"
            );
            self.recovering.remove(partition);
            metrics::live(1);
            metrics::recovered();
        }
        match self.set_paused(false) {
            Ok(()) => Outcome::Done,
            Err(outcome) => outcome,
        }
    }
}
