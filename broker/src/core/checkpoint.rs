//! A checkpoint: segments synced, the state in a snapshot, and the journal before it dropped.

use std::sync::Arc;

use super::snapshot;
use super::workers::{Done, Job};
use super::{Core, End};
use crate::journal::Position;

impl Core {
    /// Begins one where the journal has grown long; the long part of it is a worker's.
    pub(super) fn checkpoint_if_due(&mut self) {
        let due = self.journal.wants_checkpoint();
        // One long thing at a time: a compaction puts other files in the place of those that a
        // checkpoint holds.
        let busy = self.checkpointing.is_some() || self.compacting;
        if !due || busy || self.stuck || self.broken.is_some() {
            return;
        }
        match self.checkpoint_job() {
            Ok((job, ends)) => {
                if self.workers.chore(job) {
                    self.checkpointing = Some(ends);
                }
            }
            Err(fault) => tracing::warn!(fault, "no checkpoint was begun"),
        }
    }

    /// Freezes what a checkpoint needs; the job may run on any thread.
    pub(super) fn checkpoint_job(&mut self) -> Result<(Job, Vec<End>), String> {
        let told = |fault: &dyn std::fmt::Display| fault.to_string();
        self.write_lot();
        if self.stuck {
            return Err("nothing can be written".into());
        }
        self.journal.roll().map_err(|fault| told(&fault))?;
        let after = self.journal.end();
        let mut logs = Vec::new();
        let mut ends = Vec::new();
        for (topic, index, partition) in self.state.all_mut() {
            ends.push((topic, index, partition.end()));
            logs.push(
                partition
                    .log
                    .begin_checkpoint()
                    .map_err(|fault| told(&fault))?,
            );
        }
        let body = snapshot::encode(&self.state, after, &self.node.cluster_id)
            .map_err(|fault| told(&fault))?;
        let sync = self.journal.sync_job();
        let disk = Arc::clone(&self.disk);
        let job: Job = Box::new(move || {
            let run = || -> Result<Position, String> {
                sync.run().map_err(|fault| fault.to_string())?;
                for log in logs {
                    log.run().map_err(|fault| fault.to_string())?;
                }
                snapshot::write(disk.as_ref(), &body).map_err(|fault| fault.to_string())?;
                Ok(after)
            };
            Done::Checkpointed(run())
        });
        Ok((job, ends))
    }

    pub(super) fn checkpointed(&mut self, outcome: Result<Position, String>) {
        let ends = self.checkpointing.take().unwrap_or_default();
        let dropped = outcome.and_then(|after| {
            for (topic, index, end) in ends {
                if let Some(partition) = self.state.by_id_mut(topic, index) {
                    partition.snapshot_end = end;
                }
            }
            let dropped = self.journal.drop_through(after);
            dropped.map_err(|fault| fault.to_string())
        });
        if let Err(fault) = dropped {
            // The journal keeps what it has, so nothing is lost but room.
            tracing::warn!(fault, "a checkpoint failed");
        }
    }
}
