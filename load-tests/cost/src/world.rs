//! A log, a store and a clock that cost next to nothing: what is measured is what lies between.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use trueup_domain::event::UnixMillis;
use trueup_domain::ids::OrderId;
use trueup_engine::ports::clock;
use trueup_engine::ports::log::{
    Change, Destination, Input, Log, LogFault, Offsets, Output, Position, Record, Source, Until,
};
use trueup_engine::ports::store::{
    Checkpoint, CheckpointKey, LedgerStore, StoreFault, WriteBatch, WriteToken,
};
use trueup_engine::state::BARRIER_NONCE;

use crate::stream::PARTITIONS;

/// Records in a millisecond of the clock: what a worker does on a backlog, about.
const RECORDS_PER_MS: u64 = 40;
const WALL_MS: i64 = 1_790_000_000_000;

/// Goes on by what is read, and a little with each question, so that whoever waits goes on too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

/// Parts of a millisecond: the clock's unit.
const TICKS_PER_MS: u64 = 1_000;

impl Clock {
    fn read(&self, records: usize) {
        let records = u64::try_from(records).unwrap_or(0);
        let ticks = records.saturating_mul(TICKS_PER_MS) / RECORDS_PER_MS;
        self.0.fetch_add(ticks, Ordering::Relaxed);
    }

    fn waited(&self, wait: Duration) {
        let ticks = u64::try_from(wait.as_micros()).unwrap_or(0);
        self.0.fetch_add(ticks, Ordering::Relaxed);
    }
}

impl clock::Clock for Clock {
    fn wall_ms(&self) -> UnixMillis {
        WALL_MS
    }

    fn elapsed_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) / TICKS_PER_MS
    }
}

/// What the worker published.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    pub(crate) status: u64,
    pub(crate) dead_letters: u64,
    pub(crate) transactions: u64,
}

/// A look from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    left: AtomicU64,
    status: AtomicU64,
    dead_letters: AtomicU64,
    transactions: AtomicU64,
}

impl Seen {
    pub(crate) fn left(&self) -> u64 {
        self.0.left.load(Ordering::Relaxed)
    }

    pub(crate) fn written(&self) -> Written {
        Written {
            status: self.0.status.load(Ordering::Relaxed),
            dead_letters: self.0.dead_letters.load(Ordering::Relaxed),
            transactions: self.0.transactions.load(Ordering::Relaxed),
        }
    }
}

pub(crate) struct MemoryLog {
    inputs: std::vec::IntoIter<Record>,
    clock: Clock,
    seen: Seen,
    slower: bool,
    told: bool,
    reading: bool,
    /// Of these a restart would restore itself; the barrier is looked for there.
    windows: HashMap<i32, Vec<Record>>,
    witness: Option<(i32, i64)>,
}

impl MemoryLog {
    pub(crate) fn new(records: Vec<Record>, clock: &Clock, slower: bool) -> Self {
        let seen = Seen::default();
        let left = u64::try_from(records.len()).unwrap_or(0);
        seen.0.left.store(left, Ordering::Relaxed);
        Self {
            inputs: records.into_iter(),
            clock: clock.clone(),
            seen,
            slower,
            told: false,
            reading: false,
            windows: HashMap::new(),
            witness: None,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    fn window(&mut self, output: Output) {
        let partition = output.partition.unwrap_or(0);
        let log = self.windows.entry(partition).or_default();
        let offset = i64::try_from(log.len()).unwrap_or(0);
        self.witness = Some((partition, offset));
        let headers = output.headers.into_iter();
        log.push(Record {
            source: Source::Windows,
            partition,
            offset,
            timestamp: None,
            key: Some(output.key),
            value: output.value,
            headers: headers
                .map(|(name, value)| (name.to_owned(), Some(value)))
                .collect(),
        });
    }
}

impl Log for MemoryLog {
    fn poll(
        &mut self,
        wait: Duration,
        most: usize,
        into: &mut Vec<Record>,
    ) -> Result<Vec<Change>, LogFault> {
        if !self.told {
            self.told = true;
            return Ok(vec![Change::Assigned((0..PARTITIONS).collect())]);
        }
        if self.reading {
            into.extend(self.inputs.by_ref().take(most));
            if self.slower {
                into.iter().for_each(needless_work);
            }
            self.clock.read(into.len());
            let left = u64::try_from(self.inputs.len()).unwrap_or(0);
            self.seen.0.left.store(left, Ordering::Relaxed);
        }
        if into.is_empty() {
            self.clock.waited(wait);
        }
        Ok(Vec::new())
    }

    fn adopt_generation(&mut self) {}

    fn assign(&mut self, _live: &[(i32, Position)]) -> Result<(), LogFault> {
        self.reading = true;
        Ok(())
    }

    fn release(&mut self, _partitions: &[i32]) -> Result<(), LogFault> {
        Ok(())
    }

    fn pause(&mut self, _partitions: &[i32], _paused: bool) -> Result<(), LogFault> {
        Ok(())
    }

    fn committed(&mut self, partitions: &[i32]) -> Result<Offsets, LogFault> {
        let never = partitions.iter().map(|partition| (*partition, [None; 2]));
        Ok(Offsets::Stable(never.collect()))
    }

    fn bounds(&mut self, source: Source, partition: i32) -> Result<(i64, i64), LogFault> {
        let end = match source {
            // There is more than what was read, so that no timer asks for wall time.
            Source::Input(Input::Events | Input::Orders) => i64::MAX,
            Source::Gaps => 0,
            Source::Windows => self
                .windows
                .get(&partition)
                .map_or(0, |log| i64::try_from(log.len()).unwrap_or(0)),
        };
        Ok((0, end))
    }

    fn read(
        &mut self,
        source: Source,
        partition: i32,
        from: i64,
        until: &Until,
        most: usize,
        take: &mut dyn FnMut(Record),
    ) -> Result<bool, LogFault> {
        let Source::Windows = source else {
            return Ok(true);
        };
        let log = self.windows.get(&partition).into_iter().flatten();
        let log = log.skip(usize::try_from(from).unwrap_or(0)).take(most);
        for record in log {
            if let Until::Barrier(nonce) = until
                && record.header(BARRIER_NONCE) == Some(nonce.as_bytes())
            {
                break;
            }
            take(record.clone());
        }
        Ok(true)
    }

    fn was_away(&mut self) -> bool {
        false
    }

    fn begin(&mut self) -> Result<(), LogFault> {
        Ok(())
    }

    fn produce(&mut self, output: Output) -> Result<(), LogFault> {
        match output.to {
            Destination::Windows => self.window(output),
            Destination::Status => {
                self.seen.0.status.fetch_add(1, Ordering::Relaxed);
            }
            Destination::DeadLetters => {
                self.seen.0.dead_letters.fetch_add(1, Ordering::Relaxed);
            }
            Destination::Gaps => {}
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), LogFault> {
        Ok(())
    }

    fn send_offsets(&mut self, _positions: &[(i32, Position)]) -> Result<(), LogFault> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogFault> {
        self.seen.0.transactions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn witness(&self) -> Option<(i32, i64)> {
        self.witness
    }

    fn abort(&mut self) -> Result<(), LogFault> {
        Ok(())
    }

    fn recycle(&mut self) -> Result<Vec<Change>, LogFault> {
        Ok(Vec::new())
    }

    fn cluster_id(&mut self) -> Result<String, LogFault> {
        Ok("memory".to_owned())
    }

    fn partitions(&self) -> i32 {
        PARTITIONS
    }
}

/// Keeps the cells, and acknowledges at once.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    cells: HashMap<OrderId, Vec<u8>>,
    acknowledged: Vec<WriteToken>,
    checkpoints: HashMap<CheckpointKey, Checkpoint>,
}

impl LedgerStore for MemoryStore {
    fn load(&mut self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        let cells = orders.iter().map(|order| self.cells.get(order).cloned());
        Ok(cells.collect())
    }

    fn submit(&mut self, token: WriteToken, batch: WriteBatch) {
        for write in batch.ledgers {
            self.cells.insert(write.order_id, write.cell);
        }
        self.acknowledged.push(token);
    }

    fn acknowledged(&mut self, _wait: Duration) -> Vec<WriteToken> {
        std::mem::take(&mut self.acknowledged)
    }

    fn load_checkpoint(&mut self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault> {
        Ok(self.checkpoints.get(key).copied())
    }

    fn save_checkpoint(
        &mut self,
        key: &CheckpointKey,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreFault> {
        self.checkpoints.insert(key.clone(), checkpoint);
        Ok(())
    }
}

/// About a twentieth of what a record costs.
fn needless_work(record: &Record) {
    let value = record.value.as_deref().unwrap_or_default();
    std::hint::black_box(Sha256::digest(value));
}
