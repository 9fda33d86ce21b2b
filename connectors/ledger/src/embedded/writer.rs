//! The one thread that writes: all that waits goes to the disk in one transaction, is repeated
//! with the same bytes until it is there, and only then told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trueup_domain::event::UnixMillis;

use super::disk::Disk;
use super::inbox::{Group, Inbox};
use super::{apply, cursors, expire, links};
use crate::limits::{BACKOFF_LONGEST, EXPIRE_EVERY, EXPIRE_PAUSE, EXPIRE_ROWS};
use crate::metrics::{self, Operation};
use crate::request::{Complaints, backoff};

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) disk: Arc<Disk>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) clock: fn() -> UnixMillis,
}

impl Writer {
    /// Until the inbox is closed and empty.
    pub(crate) fn run(self) {
        let _end = EndOf(&self.inbox);
        let mut complaints = Complaints::default();
        let mut waits = backoff();
        let mut wait = Duration::ZERO;
        while let Some(group) = self.inbox.next(wait) {
            wait = EXPIRE_EVERY;
            if group.is_empty() && !self.is_expiry_due() {
                continue;
            }
            match self.write(&group) {
                Ok(expired) => {
                    if expired >= EXPIRE_ROWS {
                        wait = EXPIRE_PAUSE;
                    }
                    group.acknowledge();
                    waits = backoff();
                }
                Err(reason) => {
                    metrics::retried();
                    if let Some(unsaid) = complaints.due(Instant::now()) {
                        tracing::warn!(reason, unsaid, "ledger file failed, trying again");
                    }
                    for save in group.saves {
                        let _ = save.saved.send(Err(reason.clone()));
                    }
                    for linking in group.links {
                        let _ = linking.written.send(Err(reason.clone()));
                    }
                    for pointing in group.cursors {
                        let _ = pointing.saved.send(Err(reason.clone()));
                    }
                    self.inbox.put_back(group.writes);
                    self.inbox.rest(waits.next().unwrap_or(BACKOFF_LONGEST));
                }
            }
        }
    }

    /// Writes the group and forgets some of what has expired. How many rows of that there were.
    fn write(&self, group: &Group) -> Result<usize, String> {
        let now = (self.clock)();
        let began = Instant::now();
        metrics::began();
        let written = self.disk.write(|transaction| {
            let batches = || group.writes.iter().map(|submitted| &submitted.batch);
            apply::ledgers(transaction, batches().flat_map(|batch| &batch.ledgers))?;
            apply::events(transaction, batches().flat_map(|batch| &batch.events), now)?;
            for save in &group.saves {
                apply::checkpoint(transaction, &save.key, save.checkpoint)?;
            }
            links::apply(
                transaction,
                group.links.iter().flat_map(|linking| &linking.changes),
            )?;
            cursors::apply(transaction, &group.cursors)?;
            expire::step(transaction, now)
        });
        metrics::ended();
        let elapsed = began.elapsed();
        for operation in group.operations() {
            metrics::answered(operation, written.is_ok(), elapsed);
        }
        written
    }

    /// What cannot be told now is told another time.
    fn is_expiry_due(&self) -> bool {
        let now = (self.clock)();
        self.disk
            .read(|transaction| expire::is_due(transaction, now))
            .unwrap_or(false)
    }
}

impl Group {
    fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.saves.is_empty()
            && self.links.is_empty()
            && self.cursors.is_empty()
    }

    fn operations(&self) -> impl Iterator<Item = Operation> {
        let batches = || self.writes.iter().map(|submitted| &submitted.batch);
        let kinds = [
            (
                Operation::WriteLedgers,
                batches().any(|batch| !batch.ledgers.is_empty()),
            ),
            (
                Operation::WriteIndex,
                batches().any(|batch| !batch.events.is_empty()),
            ),
            (Operation::SaveCheckpoint, !self.saves.is_empty()),
            (Operation::WriteLinks, !self.links.is_empty()),
            (Operation::SaveCursor, !self.cursors.is_empty()),
        ];
        kinds
            .into_iter()
            .filter_map(|(operation, any)| any.then_some(operation))
    }

    fn acknowledge(self) {
        for submitted in self.writes {
            metrics::wrote(submitted.rows());
            submitted.acks.tell(submitted.token);
        }
        for save in self.saves {
            // Whoever asked may have given up waiting.
            let _ = save.saved.send(Ok(()));
        }
        for linking in self.links {
            metrics::wrote(linking.changes.len());
            let _ = linking.written.send(Ok(()));
        }
        for pointing in self.cursors {
            let _ = pointing.saved.send(Ok(()));
        }
    }
}

/// However the writer ends, nobody waits for it any longer.
struct EndOf<'a>(&'a Inbox);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
