//! What must hold in every state the protocol can reach.

use std::fmt;

use crate::facts::{Facts, Position};
use crate::protocol::{Model, Positions};
use crate::state::{Cause, Progress, State};
use crate::step::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// A committed fact is never lost: what lies below the checkpoint is in the store, and what
    /// lies above it is still in the inputs.
    NothingLost,
    /// Every event is published exactly once.
    PublishedOnce,
    /// The order of the log is the order of the versions; only a timer repeats one.
    VersionOrder,
    /// When all is read and visible, the last published status is the right one.
    RightStatus,
    /// The state restored at a take-over, ledger and last published status, is the state at the
    /// committed position.
    FaithfulRestore,
    /// The store holds no fact that is not committed.
    NothingUncommitted,
}

impl Property {
    pub const ALL: [Self; 6] = [
        Self::NothingLost,
        Self::PublishedOnce,
        Self::VersionOrder,
        Self::RightStatus,
        Self::FaithfulRestore,
        Self::NothingUncommitted,
    ];

    /// Whether `state`, reached by `step`, breaks this property.
    #[must_use]
    pub fn is_broken(self, model: &Model, step: &Step, state: &State) -> bool {
        match self {
            Self::NothingLost => !model.inputs.below(state.checkpoint).within(stored(state)),
            Self::PublishedOnce => {
                twice(state) || (is_quiet(state) && missing(model, state, position(model, state)))
            }
            Self::VersionOrder => out_of_order(state),
            Self::RightStatus => {
                let end = model.inputs.end();
                is_quiet(state)
                    && position(model, state) == end
                    && !says(state, model.inputs.below(end))
            }
            Self::FaithfulRestore => unfaithful(model, step, state),
            Self::NothingUncommitted => !stored(state).within(committed(state)),
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingLost => "M-1 a committed fact is never lost",
            Self::PublishedOnce => "M-2 every event is published exactly once",
            Self::VersionOrder => "M-3 the order of the log is the order of the versions",
            Self::RightStatus => "M-4 the last published status is the right one",
            Self::FaithfulRestore => {
                "M-5 the state restored at a take-over is the state at the committed position"
            }
            Self::NothingUncommitted => "M-6 the store holds no fact that is not committed",
        })
    }
}

/// Whether everything is read, published, visible and stored: what a run without faults ends in.
#[must_use]
pub fn is_finished(model: &Model, state: &State) -> bool {
    let end = model.inputs.end();
    is_quiet(state) && position(model, state) == end && state.checkpoint == end
}

/// How far the inputs are read, by whoever is believed.
fn position(model: &Model, state: &State) -> Position {
    match model.positions {
        Positions::Group => state.offsets,
        Positions::Log => state.log_position,
    }
}

/// No transaction is half visible.
fn is_quiet(state: &State) -> bool {
    state.pending.is_empty()
}

fn stored(state: &State) -> Facts {
    state.cell.map(|ledger| ledger.facts).unwrap_or_default()
}

fn fact(cause: Cause) -> Option<crate::facts::Fact> {
    match cause {
        Cause::Fact(fact) => Some(fact),
        Cause::Timer => None,
    }
}

fn published(state: &State) -> Facts {
    state
        .log
        .iter()
        .filter_map(|record| fact(record.cause))
        .collect()
}

/// Published, or decided to be.
fn committed(state: &State) -> Facts {
    let decided = state
        .pending
        .iter()
        .filter(|pending| pending.progress != Progress::Open);
    let effects = decided.flat_map(|pending| pending.effects.iter().collect::<Vec<_>>());
    let records = state.log.iter().chain(effects);
    records.filter_map(|record| fact(record.cause)).collect()
}

fn twice(state: &State) -> bool {
    let mut seen = Facts::default();
    for fact in state.log.iter().filter_map(|record| fact(record.cause)) {
        if seen.has(fact) {
            return true;
        }
        seen = seen.with(fact);
    }
    false
}

fn missing(model: &Model, state: &State, below: Position) -> bool {
    !model.inputs.below(below).within(published(state))
}

fn out_of_order(state: &State) -> bool {
    let pairs = state.log.iter().zip(state.log.iter().skip(1));
    pairs.into_iter().any(|(earlier, later)| {
        let repeats = later.version == earlier.version && later.cause != Cause::Timer;
        later.version < earlier.version || repeats
    })
}

/// Whether the last published status is that of `facts`; before the first, it is that of none.
fn says(state: &State, facts: Facts) -> bool {
    let said = state
        .log
        .last()
        .map_or(Facts::default().status(), |record| record.status);
    said == facts.status()
}

fn unfaithful(model: &Model, step: &Step, state: &State) -> bool {
    if let Step::Restored { at, ledger, .. } = step {
        let facts = model.inputs.below(*at);
        ledger.facts != facts || !says(state, facts)
    } else {
        false
    }
}
