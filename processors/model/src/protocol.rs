//! The protocol: kafka decides, the store follows. From a state, everything that may happen next.
//!
//! A worker loads, folds, commits, and only then writes the committed ledger; a checkpoint trails
//! behind the store's acknowledgements; whoever takes over folds again, in silence, from the
//! checkpoint to the committed position. Here is what the group and the store do and how a worker
//! reads; `transaction` is how it commits, `recovery` how it takes over.

use crate::facts::{Fact, Facts, Inputs, Position};
use crate::plants::Plant;
use crate::state::{
    BATCH_RECORDS_MAX, Batch, Budget, Cause, Effects, Ledger, Memory, Phase, Record, State, Worker,
};
use crate::step::Step;

/// Which input positions a worker that takes over believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// The group's committed offsets.
    Group,
    /// Those that each transaction also writes to the state topic.
    Log,
}

/// The protocol's settings, and the rule left out if any.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    pub inputs: Inputs,
    pub positions: Positions,
    pub budget: Budget,
    pub plant: Option<Plant>,
}

/// The steps from one state.
#[derive(Debug)]
pub(crate) struct Moves {
    from: State,
    found: Vec<(Step, State)>,
}

impl Moves {
    pub(crate) fn go(&mut self, step: Step, change: impl FnOnce(&mut State)) {
        let mut next = self.from;
        change(&mut next);
        self.found.push((step, next));
    }
}

impl Model {
    /// The protocol as it is: two workers, one abort or unknown outcome, one timer.
    #[must_use]
    pub const fn of(inputs: Inputs, positions: Positions) -> Self {
        let budget = Budget {
            rebalances: 1,
            timeouts: 1,
            resets: 0,
            crashes: 0,
            timers: 1,
        };
        Self {
            inputs,
            positions,
            budget,
            plant: None,
        }
    }

    #[must_use]
    pub const fn with_resets(mut self, resets: u8) -> Self {
        self.budget.resets = resets;
        self
    }

    #[must_use]
    pub const fn with_crashes(mut self, crashes: u8) -> Self {
        self.budget.crashes = crashes;
        self
    }

    #[must_use]
    pub const fn with_plant(mut self, plant: Plant) -> Self {
        self.plant = Some(plant);
        self
    }

    #[must_use]
    pub fn start(&self) -> State {
        State::start(self.budget)
    }

    pub(crate) fn planted(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    /// Every step from `state`, and where it leads.
    #[must_use]
    pub fn successors(&self, state: &State) -> Vec<(Step, State)> {
        let mut moves = Moves {
            from: *state,
            found: Vec::new(),
        };
        group_moves(state, &mut moves);
        store_moves(state, &mut moves);
        for (number, worker) in state.numbered() {
            match worker.phase {
                Phase::Off => continue,
                // One that waits to take over does nothing else meanwhile.
                Phase::Assigned if self.must_wait(state) => continue,
                Phase::Assigned => self.restore(state, number, &mut moves),
                Phase::Ready(memory) => {
                    self.fold_next(number, memory, &mut moves);
                    evict(state, number, &worker, memory, &mut moves);
                    self.publish_timer(state, number, &worker, memory, &mut moves);
                }
                Phase::Produced(memory, batch) => {
                    self.send_offsets(state, number, &worker, memory, batch, &mut moves);
                }
                Phase::Ending(memory, batch) => {
                    self.end(state, number, memory, batch, &mut moves);
                }
            }
            move_checkpoint(state, number, &worker, &mut moves);
        }
        self.write_markers(state, &mut moves);
        self.crash(state, &mut moves);
        moves.found
    }

    /// Folds `records` into `ledger`. A known fact changes nothing and publishes nothing; a new
    /// one makes the next version, so that the version is a function of the set of facts.
    pub(crate) fn fold(&self, mut ledger: Ledger, records: &[Fact]) -> (Ledger, Vec<Record>) {
        let mut effects = Vec::new();
        for fact in records.iter().copied() {
            if ledger.facts.has(fact) {
                continue;
            }
            let facts = ledger.facts.with(fact);
            let counts = !self.planted(Plant::VersionCountsStatuses)
                || facts.status() != ledger.facts.status();
            ledger = Ledger {
                version: ledger.version + u8::from(counts),
                facts,
            };
            let cause = Cause::Fact(fact);
            effects.push(Record {
                version: ledger.version,
                cause,
                status: facts.status(),
            });
        }
        (ledger, effects)
    }

    /// The next one or two records, in every order the two inputs may interleave.
    fn fold_next(&self, number: u8, memory: Memory, moves: &mut Moves) {
        for (records, next) in self.batches(memory.position) {
            let (ledger, effects) = self.fold(memory.ledger, &records);
            let effects: Effects = effects.into_iter().collect();
            moves.go(
                Step::Folded {
                    worker: number,
                    next,
                    ledger,
                },
                |state| {
                    let batch = Batch {
                        next,
                        ledger,
                        effects,
                    };
                    state.enter(number, Phase::Produced(memory, batch));
                    if self.planted(Plant::LedgerBeforeCommit) && ledger != memory.ledger {
                        state.flight.insert(ledger);
                    }
                },
            );
        }
    }

    fn batches(&self, from: Position) -> Vec<(Vec<Fact>, Position)> {
        let mut batches = Vec::new();
        let mut shorter = vec![(Vec::new(), from)];
        for _ in 0..BATCH_RECORDS_MAX {
            shorter = shorter
                .iter()
                .flat_map(|batch| self.longer_by_one(batch))
                .collect();
            batches.extend(shorter.iter().cloned());
        }
        batches
    }

    /// `batch` with one more record, from either input.
    pub(crate) fn longer_by_one(
        &self,
        batch: &(Vec<Fact>, Position),
    ) -> Vec<(Vec<Fact>, Position)> {
        let (records, position) = batch;
        let next = self.inputs.next(*position);
        next.map(|(fact, next)| ([records.as_slice(), &[fact]].concat(), next))
            .collect()
    }

    /// A timer publishes the status again, in a transaction of its own. That transaction carries
    /// offsets too, though they do not move: they are what fences a worker that lost the partition.
    fn publish_timer(
        &self,
        state: &State,
        number: u8,
        worker: &Worker,
        memory: Memory,
        moves: &mut Moves,
    ) {
        let ledger = memory.ledger;
        let known = ledger.facts != Facts::default();
        let fenced = worker.generation != state.generation;
        let refused = fenced && !self.planted(Plant::TimerWithoutOffsets);
        if state.budget.timers == 0 || !known || refused || state.has_pending(number) {
            return;
        }
        let status = ledger.facts.status();
        let record = Record {
            version: ledger.version,
            cause: Cause::Timer,
            status,
        };
        moves.go(
            Step::TimerPublished {
                worker: number,
                record,
            },
            |state| {
                state.log.push(record);
                state.budget.timers = 0;
            },
        );
    }
}

/// The group hands the partition on, or loses its offsets. The next owner starts with nothing, and
/// the last one is not told.
fn group_moves(state: &State, moves: &mut Moves) {
    if state.budget.rebalances > 0 {
        let next = state.generation;
        moves.go(Step::Rebalanced { to: next }, |state| {
            state.generation += 1;
            state.assign(next, state.generation);
            state.budget.rebalances -= 1;
        });
    }
    if state.budget.resets > 0 && state.pending.is_empty() && state.offsets != Position::START {
        moves.go(Step::OffsetsReset, |state| {
            state.offsets = Position::START;
            state.budget.resets -= 1;
            for (number, worker) in state.numbered() {
                if worker.phase != Phase::Assigned {
                    state.change(number, |worker| *worker = Worker::default());
                }
            }
            state.assign(state.generation - 1, state.generation);
        });
    }
}

/// A write in flight lands. The greater timestamp stays, whichever comes last.
fn store_moves(state: &State, moves: &mut Moves) {
    for ledger in state.flight.iter() {
        moves.go(Step::WriteLanded { ledger }, |state| {
            state.cell = state.cell.max(Some(ledger));
            state.flight = state.flight.without(|write| *write == ledger);
        });
    }
}

/// A clean ledger may leave memory and be read again from the store, by a worker that has lost the
/// partition too.
fn evict(state: &State, number: u8, worker: &Worker, memory: Memory, moves: &mut Moves) {
    let Some(ledger) = state.cell else { return };
    if worker.dirty.is_empty() && ledger != memory.ledger {
        moves.go(Step::Evicted { worker: number }, |state| {
            state.enter(number, Phase::Ready(Memory { ledger, ..memory }));
        });
    }
}

/// The oldest dirty ledger is acknowledged: the checkpoint follows, and never goes back.
fn move_checkpoint(state: &State, number: u8, worker: &Worker, moves: &mut Moves) {
    let Some(oldest) = worker.dirty.first() else {
        return;
    };
    if !oldest.told || state.flight.contains(&oldest.ledger) {
        return;
    }
    moves.go(
        Step::CheckpointMoved {
            worker: number,
            to: oldest.through,
        },
        |state| {
            if oldest.through.records() > state.checkpoint.records() {
                state.checkpoint = oldest.through;
            }
            state.change(number, |worker| worker.dirty = worker.dirty.without_first());
        },
    );
}
