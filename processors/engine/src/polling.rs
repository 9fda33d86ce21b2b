//! The worker's reading phases: serve the group, read a batch, look for timers that are due, and
//! wait with inputs paused while the store cannot be asked or owes too much.

use std::time::Duration;

use trueup_plants::{Plant, planted};

use crate::batch::Timer;
use crate::limits;
use crate::machine::Outcome;
use crate::ports::clock::Clock;
use crate::ports::log::{Input, Log, Position, Record, Source, Until};
use crate::ports::store::LedgerStore;
use crate::processor::Processor;
use crate::worker::Worker;

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    /// Serves the group without reading anything.
    pub(crate) fn serve(&mut self, wait: Duration) -> Result<bool, Outcome> {
        let mut none = Vec::new();
        match self.log.poll(wait, 0, &mut none) {
            Ok(changes) => Ok(self.absorb(changes)),
            Err(fault) => Err(self.fault(&fault)),
        }
    }

    pub(crate) fn poll(&mut self) -> Outcome {
        if self.stopping {
            return Outcome::Stopping;
        }
        if let Err(outcome) = self.pause_if_owed() {
            return outcome;
        }
        let mut records = Vec::new();
        if self.batch.records.is_empty() {
            let wait = if self.paused {
                limits::HOLD_WAIT
            } else {
                limits::IDLE_WAIT
            };
            let most = if self.paused {
                0
            } else {
                self.settings.max_batch_records
            };
            match self.log.poll(wait, most, &mut records) {
                Ok(changes) => {
                    let regained = self.absorb(changes);
                    self.take_in(records);
                    if regained {
                        return Outcome::Regained;
                    }
                }
                Err(fault) => {
                    let outcome = self.fault(&fault);
                    self.take_in(records);
                    return outcome;
                }
            }
        }
        if !self.paused {
            self.find_timers();
            self.roll_windows();
        }
        if self.batch.is_empty() {
            Outcome::Idle
        } else {
            Outcome::Done
        }
    }

    /// Opens the polled records of partitions that are still ours.
    fn take_in(&mut self, records: Vec<Record>) {
        for record in records {
            if self.is_live(record.partition) {
                let opened = self.processor.open(&record);
                self.batch.records.push((record, opened));
            }
        }
    }

    /// Stops reading while the store owes more than it may, and reads on when it caught up.
    fn pause_if_owed(&mut self) -> Result<(), Outcome> {
        let now_ms = self.clock.elapsed_ms();
        let owed = self.behind.len() >= limits::MAX_DIRTY_ORDERS
            || self.partitions.values().any(|partition| {
                partition.marks.open() >= self.settings.max_unacked_transactions
                    || partition.marks.oldest_ms().is_some_and(|since| {
                        now_ms.saturating_sub(since) >= self.settings.max_unacked_ms
                    })
            });
        if owed && !self.paused {
            tracing::warn!(
                slot = self.settings.slot,
                "inputs paused: the store owes too much"
            );
        }
        self.set_paused(owed)
    }

    pub(crate) fn set_paused(&mut self, paused: bool) -> Result<(), Outcome> {
        if self.paused == paused {
            return Ok(());
        }
        let live = self.live_partitions();
        self.log
            .pause(&live, paused)
            .map_err(|fault| self.fault(&fault))?;
        self.paused = paused;
        Ok(())
    }

    /// Adds orders whose gaps are due. Before a partition is read to its end its clock is that of
    /// what was read, so that a catch-up opens no gap that a later record closes.
    fn find_timers(&mut self) {
        let now_ms = self.clock.elapsed_ms();
        if now_ms < self.next_timer_ms || !self.batch.timers.is_empty() {
            return;
        }
        self.next_timer_ms = now_ms.saturating_add(limits::TIMER_EVERY_MS);
        let wall = self.clock.wall_ms();
        for partition in self.live_partitions() {
            let Some(held) = self.partitions.get(&partition) else {
                continue;
            };
            if !held.has_due(wall) {
                continue;
            }
            let own = held.progress.clock_ms;
            let position = held.progress.position;
            let busy = self.batch.holds(partition);
            let idle = !busy && self.at_end(partition, position);
            let clock = if idle && !planted(Plant::GraceNeedsTraffic) {
                own.max(wall)
            } else {
                own
            };
            let Some(held) = self.partitions.get(&partition) else {
                continue;
            };
            for order in held.due(clock, limits::MAX_BATCH_TIMERS) {
                self.batch.timers.push(Timer {
                    partition,
                    order,
                    clock,
                });
            }
        }
    }

    /// Whether both inputs hold nothing that was not consumed. A broker that does not answer
    /// leaves the question open, and the gap for later.
    pub(crate) fn at_end(&mut self, partition: i32, position: Position) -> bool {
        Input::ALL.iter().all(|input| {
            let source = Source::Input(*input);
            let next = position.of(*input);
            match self.log.bounds(source, partition) {
                Ok((_, end)) if next >= end => true,
                Ok(_) => {
                    // What is left may be no more than the marks that transactions leave.
                    let mut left = false;
                    let read =
                        self.log
                            .read(source, partition, next, &Until::StableEnd, 1, &mut |_| {
                                left = true;
                            });
                    matches!(read, Ok(true)) && !left
                }
                Err(_) => false,
            }
        })
    }

    /// Serves the group until the batch may be tried again.
    pub(crate) fn hold(&mut self) -> Outcome {
        if self.stopping {
            return Outcome::Stopping;
        }
        if let Err(outcome) = self.set_paused(true) {
            return outcome;
        }
        let served = {
            let mut none = Vec::new();
            match self.log.poll(limits::HOLD_WAIT, 0, &mut none) {
                Ok(changes) => {
                    let changed = !changes.is_empty();
                    Ok((self.absorb(changes), changed))
                }
                Err(fault) => Err(self.fault(&fault)),
            }
        };
        match served {
            Err(outcome) => outcome,
            Ok((true, _)) => Outcome::Regained,
            Ok((false, changed)) => {
                if !changed && self.clock.elapsed_ms() < self.retry_at_ms {
                    // Writes that were under way must not wait for the batch that does.
                    self.collect();
                    return Outcome::Again;
                }
                if let Err(outcome) = self.set_paused(false) {
                    return outcome;
                }
                if self.batch.is_empty() {
                    Outcome::Idle
                } else {
                    Outcome::Done
                }
            }
        }
    }
}
