//! How a worker takes over: it waits for the transactions before it, reads the committed position
//! and the checkpoint, and folds what lies between them again, without publishing.

use crate::facts::{Fact, Position};
use crate::plants::Plant;
use crate::protocol::{Model, Moves, Positions};
use crate::state::{Dirty, Memory, Phase, Progress, State};
use crate::step::Step;

impl Model {
    /// Whether a worker must not take over yet. Stable offsets are not enough: the outputs of a
    /// transaction whose offsets are visible may not be, so a barrier waits for both.
    pub(crate) fn must_wait(&self, state: &State) -> bool {
        let unstable = |open: &crate::state::Transaction| open.progress != Progress::OffsetsVisible;
        match self.plant {
            Some(Plant::UnstableOffsets) => false,
            Some(Plant::RestoreToStableOffset) => state.pending.iter().any(|open| unstable(&open)),
            _ => !state.pending.is_empty(),
        }
    }

    /// Restores the state at the committed position. What was folded again is dirty: the store may
    /// never have seen it.
    pub(crate) fn restore(&self, state: &State, number: u8, moves: &mut Moves) {
        let at = match self.positions {
            Positions::Group => state.offsets,
            Positions::Log => state.log_position,
        };
        let stored = state.cell.unwrap_or_default();
        for records in self.between(state.checkpoint, at) {
            let (ledger, _silent) = self.fold(stored, &records);
            let checkpoint = state.checkpoint;
            moves.go(
                Step::Restored {
                    worker: number,
                    at,
                    checkpoint,
                    ledger,
                },
                |state| {
                    state.enter(
                        number,
                        Phase::Ready(Memory {
                            position: at,
                            ledger,
                        }),
                    );
                    if ledger != stored && !self.planted(Plant::RefoldedClean) {
                        state.flight.insert(ledger);
                        state.change(number, |worker| {
                            worker.dirty.push(Dirty {
                                ledger,
                                through: at,
                                told: true,
                            })
                        });
                    }
                },
            );
        }
    }

    /// The records from `from` to `to`, in every order the two inputs may interleave; none where
    /// the checkpoint is past the position.
    fn between(&self, from: Position, to: Position) -> Vec<Vec<Fact>> {
        if !from.within(to) {
            return vec![Vec::new()];
        }
        let mut paths = vec![(Vec::new(), from)];
        for _ in from.records()..to.records() {
            let longer = paths.iter().flat_map(|path| self.longer_by_one(path));
            paths = longer.filter(|(_, position)| position.within(to)).collect();
        }
        paths.into_iter().map(|(records, _)| records).collect()
    }
}
