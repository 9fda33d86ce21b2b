//! The two threads that wait for the disk, so that the core need not: one syncs the journal, the
//! other does what takes long.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::disk::DiskFault;
use crate::journal::{Position, SyncJob};
use crate::log::{Compacted, LogFault};

/// What a worker has done.
#[derive(Debug)]
pub(crate) enum Done {
    Synced(Result<Position, DiskFault>),
    Checkpointed(Result<Position, String>),
    Compacted {
        topic: Uuid,
        partition: i32,
        outcome: Result<Compacted, LogFault>,
    },
}

pub(super) type Job = Box<dyn FnOnce() -> Done + Send>;

#[derive(Debug)]
pub(super) struct Workers {
    syncs: SyncSender<SyncJob>,
    chores: SyncSender<Job>,
}

/// Orders that may wait: the core gives one at a time to each.
const ORDERS: usize = 1;
const RESULTS: usize = 16;

impl Workers {
    pub(super) fn start() -> std::io::Result<(Self, mpsc::Receiver<Done>)> {
        let (done, results) = mpsc::channel(RESULTS);
        let (syncs, sync_orders) = sync_channel::<SyncJob>(ORDERS);
        let (chores, chore_orders) = sync_channel::<Job>(ORDERS);
        let synced = done.clone();
        thread::Builder::new()
            .name("broker-sync".into())
            .spawn(move || {
                // Ends with the core, which holds the other end.
                for job in sync_orders {
                    if synced.blocking_send(Done::Synced(job.run())).is_err() {
                        return;
                    }
                }
            })?;
        thread::Builder::new()
            .name("broker-chores".into())
            .spawn(move || {
                for job in chore_orders {
                    if done.blocking_send(job()).is_err() {
                        return;
                    }
                }
            })?;
        Ok((Self { syncs, chores }, results))
    }

    /// Whether the order was taken; it is not where one waits already.
    pub(super) fn sync(&self, job: SyncJob) -> bool {
        self.syncs.try_send(job).is_ok()
    }

    pub(super) fn chore(&self, job: Job) -> bool {
        self.chores.try_send(job).is_ok()
    }
}
