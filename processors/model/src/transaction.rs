//! How a worker commits: outputs and offsets in one transaction, and only a commit that is known
//! lets a ledger out of the worker's memory.

use crate::few::Few;
use crate::plants::Plant;
use crate::protocol::{Model, Moves, Positions};
use crate::state::{Batch, Dirty, Memory, Phase, Progress, State, Transaction, Worker};
use crate::step::Step;

impl Model {
    /// The outputs are produced: the offsets follow, and the group refuses those of a worker that
    /// lost the partition.
    pub(crate) fn send_offsets(
        &self,
        state: &State,
        number: u8,
        worker: &Worker,
        memory: Memory,
        batch: Batch,
        moves: &mut Moves,
    ) {
        if !state.has_pending(number) {
            if worker.generation == state.generation {
                moves.go(
                    Step::OffsetsAccepted {
                        worker: number,
                        next: batch.next,
                    },
                    |state| {
                        let Batch { next, effects, .. } = batch;
                        let progress = Progress::Open;
                        let next = Some(next);
                        state.pending.push(Transaction {
                            worker: number,
                            next,
                            effects,
                            progress,
                        });
                        state.enter(number, Phase::Ending(memory, batch));
                    },
                );
            } else {
                moves.go(Step::Fenced { worker: number }, |state| {
                    state.change(number, |worker| {
                        worker.phase = Phase::Off;
                        worker.generation = 0;
                    });
                });
            }
            late_end(state, number, batch, moves);
        }
        if state.budget.timeouts > 0 {
            moves.go(Step::Aborted { worker: number }, |state| {
                self.abort(state, number, memory, batch);
            });
        }
    }

    /// The commit is asked for: it is decided and heard, decided and not heard, or aborted.
    pub(crate) fn end(
        &self,
        state: &State,
        number: u8,
        memory: Memory,
        batch: Batch,
        moves: &mut Moves,
    ) {
        let Batch { next, effects, .. } = batch;
        moves.go(
            Step::Committed {
                worker: number,
                next,
                effects,
            },
            |state| {
                decide(state, number);
                self.install(state, number, memory, batch);
            },
        );
        if state.budget.timeouts == 0 {
            return;
        }
        moves.go(
            Step::CommittedUnheard {
                worker: number,
                next,
                effects,
            },
            |state| {
                decide(state, number);
                self.recover(state, number);
                // The client repeats the request on its own. A new producer has a new epoch, for which
                // the coordinator refuses the repetition; so it is on the way only where none is made.
                if self.planted(Plant::RecycleDropped) {
                    state.late_ends.insert(number);
                }
            },
        );
        moves.go(Step::Aborted { worker: number }, |state| {
            state.pending = state.pending.without(|open| is_open(open, number));
            self.abort(state, number, memory, batch);
        });
    }

    /// The outcome is known and it is yes: the ledger may go to the store once a reader could see
    /// the commit.
    fn install(&self, state: &mut State, number: u8, memory: Memory, batch: Batch) {
        let Batch { next, ledger, .. } = batch;
        let changed = ledger != memory.ledger;
        state.change(number, |worker| {
            worker.phase = Phase::Ready(Memory {
                position: next,
                ledger,
            });
            if changed {
                worker.dirty.push(Dirty {
                    ledger,
                    through: next,
                    told: false,
                });
            } else if let Some(youngest) = worker.dirty.last_mut() {
                youngest.through = next;
            }
        });
        if self.planted(Plant::UnseenCommitStored) {
            tell(state, number);
        }
        if self.planted(Plant::CheckpointBeforeAck) {
            state.checkpoint = next;
        }
    }

    /// Nothing of the batch happened. Its ledger is undone before anything else may run.
    fn abort(&self, state: &mut State, number: u8, memory: Memory, batch: Batch) {
        if self.planted(Plant::WriteBehindBeforeUndo) && batch.ledger != memory.ledger {
            state.flight.insert(batch.ledger);
        }
        self.recover(state, number);
    }

    /// One way back from every doubt: forget the state in memory and take over anew. What was
    /// committed before stays dirty until it is acknowledged.
    fn recover(&self, state: &mut State, number: u8) {
        state.budget.timeouts -= 1;
        state.enter(number, Phase::Assigned);
    }

    /// All brokers die, come back, and have forgotten the markers that they had still to write; and
    /// what was open is overdue. Every worker notices, drops its memory, and takes a new producer,
    /// which ends what was forgotten as aborted before it does anything else.
    pub(crate) fn crash(&self, state: &State, moves: &mut Moves) {
        if state.budget.crashes == 0 || state.pending.is_empty() {
            return;
        }
        moves.go(Step::MarkersForgotten, |state| {
            state.budget.crashes -= 1;
            state.pending = Few::default();
            state.late_ends = Few::default();
            for (number, worker) in state.numbered() {
                if worker.phase != Phase::Off {
                    state.change(number, |worker| {
                        worker.phase = Phase::Assigned;
                        worker.dirty = worker.dirty.without(|dirty| !dirty.told);
                    });
                }
            }
        });
    }

    /// A decided transaction becomes visible in the offsets and in the log, one after the other.
    pub(crate) fn write_markers(&self, state: &State, moves: &mut Moves) {
        for decided in state.pending.iter() {
            let worker = decided.worker;
            let (offsets_left, log_left) = match decided.progress {
                Progress::Open => (false, false),
                Progress::Decided => (true, true),
                Progress::OffsetsVisible => (false, true),
                Progress::LogVisible => (true, false),
            };
            if offsets_left {
                moves.go(Step::OffsetsMarked { worker }, |state| {
                    state.offsets = decided.next.unwrap_or(state.offsets);
                    settle(
                        state,
                        &decided,
                        log_left.then_some(Progress::OffsetsVisible),
                    );
                });
            }
            if log_left {
                moves.go(Step::LogMarked { worker }, |state| {
                    state.log.extend(decided.effects.iter());
                    if self.positions == Positions::Log {
                        state.log_position = decided.next.unwrap_or(state.log_position);
                    }
                    settle(
                        state,
                        &decided,
                        offsets_left.then_some(Progress::LogVisible),
                    );
                });
            }
        }
    }
}

fn tell(state: &mut State, number: u8) {
    let dirty = state
        .workers
        .get(usize::from(number))
        .map(|worker| worker.dirty);
    for waiting in dirty.unwrap_or_default().iter().filter(|dirty| !dirty.told) {
        state.flight.insert(waiting.ledger);
    }
    state.change(number, |worker| {
        worker.dirty = worker
            .dirty
            .iter()
            .map(|dirty| Dirty {
                told: true,
                ..dirty
            })
            .collect();
    });
}

fn is_open(transaction: &Transaction, number: u8) -> bool {
    transaction.worker == number && transaction.progress == Progress::Open
}

fn decide(state: &mut State, number: u8) {
    let open = state.pending.iter().find(|open| is_open(open, number));
    state.pending = state.pending.without(|open| is_open(open, number));
    state.pending.extend(open.map(|open| Transaction {
        progress: Progress::Decided,
        ..open
    }));
}

/// Moves `transaction` on to `progress`, or out when both its markers are written: then a reader
/// can see it, and the store is told. The write may still land at any time, so that telling it
/// later is no other history.
fn settle(state: &mut State, transaction: &Transaction, progress: Option<Progress>) {
    state.pending = state.pending.without(|pending| pending == transaction);
    state.pending.extend(progress.map(|progress| Transaction {
        progress,
        ..*transaction
    }));
    if !state.has_pending(transaction.worker) {
        tell(state, transaction.worker);
    }
}

/// A repeated commit request arrives while the next transaction of the same producer is open: it
/// commits the outputs produced so far, and the offsets are not among them. The worker learns that
/// its transaction is gone and takes over anew.
fn late_end(state: &State, number: u8, batch: Batch, moves: &mut Moves) {
    if !state.late_ends.contains(&number) {
        return;
    }
    let effects = batch.effects;
    moves.go(
        Step::LateEnd {
            worker: number,
            effects,
        },
        |state| {
            state.late_ends = state.late_ends.without(|late| *late == number);
            let progress = Progress::OffsetsVisible;
            state.pending.push(Transaction {
                worker: number,
                next: None,
                effects,
                progress,
            });
            state.enter(number, Phase::Assigned);
        },
    );
}
