//! The core's loop: what waits is worked out, what has to be synced is synced, what is due is
//! done.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kafka_protocol::messages::RequestKind;
use tokio::sync::mpsc;
use trueup_plants::{Plant, planted};

use super::Core;
use super::workers::Done;
use crate::api;
use crate::call::{Answer, Call};
use crate::code::Code;
use crate::journal::JournalFault;
use crate::limits::LOT_MAX;

/// What the broker's owner tells the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Stop,
    Crash,
}

/// Why the loop ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Told,
    Broken,
}

/// How long a write waits after one that found no room.
const STUCK_RETRY_MS: i64 = 100;
const IDLE_MS: i64 = 60_000;

pub(crate) async fn run(
    core: &mut Core,
    calls: &mut mpsc::Receiver<Call>,
    done: &mut mpsc::Receiver<Done>,
    told: &mut mpsc::Receiver<Told>,
) -> Ended {
    let mut lot = Vec::with_capacity(LOT_MAX);
    loop {
        let wait_ms = core.wait_ms();
        let sleep = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        tokio::select! {
            biased;
            word = told.recv() => {
                if word == Some(Told::Stop) {
                    core.stop();
                }
                return Ended::Told;
            }
            result = done.recv() => match result {
                Some(result) => core.done(result),
                None => core.breaks(&"a worker is gone"),
            },
            count = calls.recv_many(&mut lot, LOT_MAX) => {
                // Without a server there is nobody to answer; the word alone says how to end.
                if count == 0 {
                    return Ended::Told;
                }
                let now_ms = core.clock.now_ms();
                for call in lot.drain(..) {
                    core.call(call, now_ms);
                }
            }
            () = tokio::time::sleep(sleep) => {}
        }
        core.tick();
        core.write_lot();
        core.order_sync();
        core.flush_logs();
        core.checkpoint_if_due();
        if core.broken.is_some() {
            return Ended::Broken;
        }
    }
}

impl Core {
    fn call(&mut self, call: Call, now_ms: i64) {
        if self.stuck
            && let Some(code) = stuck_code(&call.request)
        {
            if let Some(response) = api::refusal(&call.request, call.version, code) {
                let _ = call.reply.send(Answer::of(response));
            }
            return;
        }
        api::answer(self, call, now_ms);
    }

    fn wait_ms(&self) -> i64 {
        let now_ms = self.clock.now_ms();
        let due_ms = [
            self.fetch_deadline_ms(),
            self.groups.next_deadline_ms(),
            self.state.transactions.next_deadline_ms(),
            Some(self.upkeep_due_ms),
            self.stuck.then_some(now_ms.saturating_add(STUCK_RETRY_MS)),
        ];
        let due_ms = due_ms.into_iter().flatten().min().unwrap_or(i64::MAX);
        // At least a moment: a clock that is held stands still, and the loop must not spin.
        due_ms.saturating_sub(now_ms).clamp(1, IDLE_MS)
    }

    fn tick(&mut self) {
        let now_ms = self.clock.now_ms();
        self.end_fetches(now_ms);
        if self
            .groups
            .next_deadline_ms()
            .is_some_and(|due_ms| due_ms <= now_ms)
        {
            let released = self.groups.tick(now_ms);
            self.release(released);
        }
        if self.stuck {
            return;
        }
        let transactions = &self.state.transactions;
        if transactions
            .next_deadline_ms()
            .is_some_and(|due_ms| due_ms <= now_ms)
        {
            let ticked = transactions.tick(now_ms);
            self.commit_ends(ticked.changes, &ticked.ended, now_ms);
        }
        if self.upkeep_due_ms <= now_ms {
            self.upkeep_due_ms = now_ms.saturating_add(self.settings.upkeep_interval_ms);
            self.upkeep(now_ms);
        }
    }

    /// Writes what was journaled, and notes which ends that makes durable once it is synced.
    pub(super) fn write_lot(&mut self) {
        if self.broken.is_some() {
            return;
        }
        if !self.grown.is_empty() {
            let mut ends = Vec::with_capacity(self.grown.len());
            for (topic, partition) in self.grown.drain() {
                if let Some(found) = self.state.by_id(topic, partition) {
                    ends.push((topic, partition, found.end()));
                }
            }
            self.ends.push_back((self.journal.end(), ends));
        }
        match self.journal.write_out() {
            Ok(_) => {
                if self.stuck {
                    tracing::info!("there is room again");
                    self.writable.store(true, Ordering::Relaxed);
                }
                self.stuck = false;
            }
            Err(fault) => {
                if !self.stuck {
                    tracing::error!(%fault, "nothing can be written; what was taken waits");
                }
                self.stuck = true;
                self.writable.store(false, Ordering::Relaxed);
                if matches!(fault, JournalFault::Failed(_)) {
                    self.breaks(&fault);
                }
            }
        }
    }

    fn order_sync(&mut self) {
        if self.syncing || self.broken.is_some() {
            return;
        }
        let job = self.journal.sync_job();
        if job.through() <= self.journal.durable() {
            return;
        }
        if planted(Plant::AnswerBeforeSync) {
            self.journal.synced(&Ok(job.through()));
            return self.settle();
        }
        self.syncing = self.workers.sync(job);
    }

    fn flush_logs(&mut self) {
        if self.stuck || self.broken.is_some() {
            return;
        }
        let ends = self.ends.back().into_iter();
        let places: Vec<_> = ends.flat_map(|(_, ends)| ends.iter().copied()).collect();
        for (topic, partition, _) in places {
            if let Some(found) = self.state.by_id_mut(topic, partition)
                && found.log.wants_flush()
                && let Err(fault) = found.log.flush()
            {
                tracing::warn!(%fault, "a segment was not written; its batches wait in memory");
            }
        }
    }

    fn done(&mut self, result: Done) {
        match result {
            Done::Synced(outcome) => {
                self.syncing = false;
                self.journal.synced(&outcome);
                match outcome {
                    Ok(_) => self.settle(),
                    Err(fault) => self.breaks(&fault),
                }
            }
            Done::Checkpointed(outcome) => self.checkpointed(outcome),
            Done::Compacted {
                topic,
                partition,
                outcome,
            } => self.compacted(topic, partition, outcome),
        }
    }

    /// Lets out what the last sync made durable.
    fn settle(&mut self) {
        let durable = self.journal.durable();
        let mut advanced = HashSet::new();
        while self.ends.front().is_some_and(|(at, _)| *at <= durable) {
            let Some((_, ends)) = self.ends.pop_front() else {
                break;
            };
            for (topic, partition, end) in ends {
                if let Some(found) = self.state.by_id_mut(topic, partition) {
                    found.high_watermark = found.high_watermark.max(end);
                    found.state.synced(found.high_watermark);
                    advanced.insert((topic, partition));
                }
            }
        }
        while self
            .waiting
            .front()
            .is_some_and(|(at, _, _)| *at <= durable)
        {
            if let Some((_, reply, answer)) = self.waiting.pop_front() {
                let _ = reply.send(answer);
            }
        }
        while self.doomed.front().is_some_and(|(at, _)| *at <= durable) {
            if let Some((_, directory)) = self.doomed.pop_front()
                && let Err(fault) = self.disk.remove_directory(&directory)
            {
                tracing::warn!(%fault, directory, "a deleted topic's data stays");
            }
        }
        if !advanced.is_empty() {
            self.wake_fetches(&advanced, self.clock.now_ms());
        }
    }

    /// Makes everything durable, and the next start quick.
    fn stop(&mut self) {
        self.write_lot();
        let outcome = self.journal.sync_job().run();
        self.journal.synced(&outcome);
        if outcome.is_err()
            || self.broken.is_some()
            || self.checkpointing.is_some()
            || self.compacting
        {
            return;
        }
        self.settle();
        match self.checkpoint_job().map(|(job, _)| job()) {
            Ok(Done::Checkpointed(outcome)) => self.checkpointed(outcome),
            Ok(_) => {}
            Err(fault) => tracing::warn!(fault, "there is no last checkpoint"),
        }
    }
}

/// What is refused while nothing can be written, so that what waits does not grow without bound:
/// everything that would be journaled. Readers and members of groups go on.
fn stuck_code(request: &RequestKind) -> Option<Code> {
    match request {
        RequestKind::Fetch(_)
        | RequestKind::ListOffsets(_)
        | RequestKind::Metadata(_)
        | RequestKind::OffsetForLeaderEpoch(_)
        | RequestKind::FindCoordinator(_)
        | RequestKind::DescribeCluster(_)
        | RequestKind::DescribeConfigs(_)
        | RequestKind::JoinGroup(_)
        | RequestKind::SyncGroup(_)
        | RequestKind::Heartbeat(_)
        | RequestKind::LeaveGroup(_)
        | RequestKind::DescribeProducers(_) => None,
        RequestKind::Produce(_) => Some(Code::KafkaStorageError),
        _ => Some(Code::CoordinatorNotAvailable),
    }
}
