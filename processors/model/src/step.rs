//! The names of the steps, as a counterexample tells them.

use std::fmt;

use crate::facts::Position;
use crate::state::{Effects, Ledger, Record};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The group gives the partition to the next worker; the last one does not notice.
    Rebalanced {
        to: u8,
    },
    /// The group's offsets are lost: reset by hand, or expired.
    OffsetsReset,
    WriteLanded {
        ledger: Ledger,
    },
    Restored {
        worker: u8,
        at: Position,
        checkpoint: Position,
        ledger: Ledger,
    },
    Folded {
        worker: u8,
        next: Position,
        ledger: Ledger,
    },
    Evicted {
        worker: u8,
    },
    TimerPublished {
        worker: u8,
        record: Record,
    },
    OffsetsAccepted {
        worker: u8,
        next: Position,
    },
    Fenced {
        worker: u8,
    },
    Committed {
        worker: u8,
        next: Position,
        effects: Effects,
    },
    /// The commit is decided, and the worker never hears of it.
    CommittedUnheard {
        worker: u8,
        next: Position,
        effects: Effects,
    },
    Aborted {
        worker: u8,
    },
    /// A commit request that was on the way for long commits what is open now.
    LateEnd {
        worker: u8,
        effects: Effects,
    },
    OffsetsMarked {
        worker: u8,
    },
    LogMarked {
        worker: u8,
    },
    /// All brokers die and forget the markers that they had still to write.
    MarkersForgotten,
    CheckpointMoved {
        worker: u8,
        to: Position,
    },
}

struct Listed<'a>(&'a Effects);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: Vec<_> = self.0.iter().map(|record| record.to_string()).collect();
        write!(f, "[{}]", records.join(", "))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rebalanced { to } => write!(f, "the group gives the partition to worker {to}"),
            Self::OffsetsReset => write!(f, "the group's offsets are reset"),
            Self::WriteLanded { ledger } => write!(f, "the write of {ledger} lands"),
            Self::Restored {
                worker,
                at,
                checkpoint,
                ledger,
            } => {
                write!(
                    f,
                    "{worker} restores {ledger} at {at}, checkpoint {checkpoint}"
                )
            }
            Self::Folded {
                worker,
                next,
                ledger,
            } => {
                write!(f, "{worker} folds up to {next}: {ledger}")
            }
            Self::Evicted { worker } => write!(f, "{worker} evicts and loads from the store"),
            Self::TimerPublished { worker, record } => write!(f, "{worker} publishes {record}"),
            Self::OffsetsAccepted { worker, next } => {
                write!(f, "{worker}'s offsets {next} are accepted")
            }
            Self::Fenced { worker } => write!(f, "{worker} is fenced"),
            Self::Committed {
                worker,
                next,
                effects,
            } => {
                write!(f, "{worker} commits {next} with {}", Listed(effects))
            }
            Self::CommittedUnheard {
                worker,
                next,
                effects,
            } => {
                write!(
                    f,
                    "{worker} commits {next} with {} and does not hear",
                    Listed(effects)
                )
            }
            Self::Aborted { worker } => write!(f, "{worker} aborts"),
            Self::LateEnd { worker, effects } => {
                write!(
                    f,
                    "an old commit request of {worker} commits {}",
                    Listed(effects)
                )
            }
            Self::OffsetsMarked { worker } => write!(f, "offsets of {worker} become visible"),
            Self::LogMarked { worker } => write!(f, "outputs of {worker} become visible"),
            Self::MarkersForgotten => write!(f, "the brokers die and forget their markers"),
            Self::CheckpointMoved { worker, to } => {
                write!(f, "{worker} moves the checkpoint to {to}")
            }
        }
    }
}
