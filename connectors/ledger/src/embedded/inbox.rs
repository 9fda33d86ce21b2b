//! What waits to be written. Bounded by what each worker may have in flight: see `acks`.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trueup_domain::event::UnixSeconds;
use trueup_engine::ports::links::LinkChange;
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, WriteBatch, WriteToken};

use super::acks::Acks;
use crate::limits::GROUP_ROWS;

/// One worker's batch, kept until it is on the disk.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) token: WriteToken,
    pub(crate) batch: WriteBatch,
    pub(crate) acks: Arc<Acks>,
}

impl Submitted {
    pub(crate) fn rows(&self) -> usize {
        let WriteBatch { ledgers, events } = &self.batch;
        ledgers.len().saturating_add(events.len())
    }
}

/// A checkpoint to be saved, and whom to tell how that went.
#[derive(Debug)]
pub(crate) struct Save {
    pub(crate) key: CheckpointKey,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) saved: SyncSender<Result<(), String>>,
}

/// Changes of links, and whom to tell how that went.
#[derive(Debug)]
pub(crate) struct Linking {
    pub(crate) changes: Vec<LinkChange>,
    pub(crate) written: SyncSender<Result<(), String>>,
}

/// A sweep's cursor to be kept, and whom to tell how that went.
#[derive(Debug)]
pub(crate) struct Pointing {
    pub(crate) name: String,
    pub(crate) until: UnixSeconds,
    pub(crate) saved: SyncSender<Result<(), String>>,
}

/// What goes to the disk together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) writes: Vec<Submitted>,
    pub(crate) saves: Vec<Save>,
    pub(crate) links: Vec<Linking>,
    pub(crate) cursors: Vec<Pointing>,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    writes: VecDeque<Submitted>,
    saves: Vec<Save>,
    links: Vec<Linking>,
    cursors: Vec<Pointing>,
    /// Nobody will ask for anything more.
    closed: bool,
    /// Nobody will write anything more.
    ended: bool,
}

impl State {
    fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.saves.is_empty()
            && self.links.is_empty()
            && self.cursors.is_empty()
    }
}

impl Inbox {
    /// What comes after the end of the writer is dropped, and so never acknowledged.
    pub(crate) fn submit(&self, submitted: Submitted) {
        let mut state = self.lock();
        if !state.ended {
            state.writes.push_back(submitted);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// As [`Inbox::submit`]: then whoever waits to be told sees that nobody will tell.
    pub(crate) fn save(&self, save: Save) {
        let mut state = self.lock();
        if !state.ended {
            state.saves.push(save);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// As [`Inbox::save`].
    pub(crate) fn link(&self, linking: Linking) {
        let mut state = self.lock();
        if !state.ended {
            state.links.push(linking);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// As [`Inbox::save`].
    pub(crate) fn point(&self, pointing: Pointing) {
        let mut state = self.lock();
        if !state.ended {
            state.cursors.push(pointing);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The next group, empty when nothing came within `wait`; `None` when nothing will.
    pub(crate) fn next(&self, wait: Duration) -> Option<Group> {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, wait, |state| state.is_empty() && !state.closed);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_empty() && state.closed {
            return None;
        }
        let mut group = Group {
            writes: Vec::new(),
            saves: std::mem::take(&mut state.saves),
            links: std::mem::take(&mut state.links),
            cursors: std::mem::take(&mut state.cursors),
        };
        let mut rows = 0_usize;
        while let Some(submitted) = state.writes.pop_front() {
            rows = rows.saturating_add(submitted.rows());
            group.writes.push(submitted);
            if rows >= GROUP_ROWS {
                break;
            }
        }
        Some(group)
    }

    /// Puts back, in front of all others, what could not be written, but for what nobody wants to
    /// know of any longer. Once closed, that is everything.
    pub(crate) fn put_back(&self, writes: Vec<Submitted>) {
        let mut state = self.lock();
        if state.closed {
            state.writes.clear();
            return;
        }
        for submitted in writes.into_iter().rev() {
            if !submitted.acks.is_abandoned() {
                state.writes.push_front(submitted);
            }
        }
    }

    /// Waits for `wait` before the next try. A checkpoint ends it: whoever saves one waits.
    pub(crate) fn rest(&self, wait: Duration) {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, wait, |state| {
            let unasked =
                state.saves.is_empty() && state.links.is_empty() && state.cursors.is_empty();
            unasked && !state.closed
        });
        drop(waited);
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Drops what is left: it will not be written.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.saves.clear();
        state.links.clear();
        state.cursors.clear();
        for submitted in state.writes.drain(..) {
            submitted.acks.end();
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.lock().ended
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
