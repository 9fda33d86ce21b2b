//! The store: last write wins by timestamp; a write lands when it lands, or never.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trueup_domain::ids::OrderId;
use trueup_engine::ports::store::{
    Checkpoint, CheckpointKey, LedgerStore, StoreFault, StoreFaultKind, WriteBatch, WriteToken,
};
use trueup_plants::{Plant, planted};

use super::random::Random;

#[derive(Debug)]
pub struct Rows {
    pub cells: BTreeMap<OrderId, (i64, Vec<u8>)>,
    pub checkpoints: BTreeMap<i32, Checkpoint>,
    /// Writes on their way, with the incarnation that sent them.
    flights: Vec<(u64, WriteToken, WriteBatch)>,
    acknowledged: BTreeMap<u64, Vec<WriteToken>>,
    incarnations: u64,
    pub away: bool,
    pub random: Random,
    /// Raised by whatever lands.
    pub revision: u64,
}

pub type Shared = Arc<Mutex<Rows>>;

impl Rows {
    pub fn new(random: Random) -> Self {
        Self {
            cells: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            flights: Vec::new(),
            acknowledged: BTreeMap::new(),
            incarnations: 0,
            away: false,
            random,
            revision: 0,
        }
    }

    pub fn land_write(&mut self) {
        if self.flights.is_empty() || self.away {
            return;
        }
        self.revision += 1;
        let choice = self.random.below(self.flights.len());
        let (incarnation, token, batch) = self.flights.swap_remove(choice);
        for write in batch.ledgers {
            let cell = (write.timestamp, write.cell);
            let held = self
                .cells
                .entry(write.order_id)
                .or_insert_with(|| (i64::MIN, Vec::new()));
            if cell > *held {
                *held = cell;
            }
        }
        self.acknowledged
            .entry(incarnation)
            .or_default()
            .push(token);
    }

    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Writes of processes that are gone: each lands some day, or is lost.
    pub fn lose_writes_of(&mut self, incarnation: u64) {
        let random = &mut self.random;
        self.flights
            .retain(|(of, _, _)| *of != incarnation || random.one_in(2));
    }
}

/// One worker's connection.
pub struct Connection {
    rows: Shared,
    pub incarnation: u64,
}

impl Connection {
    pub fn new(rows: &Shared) -> Self {
        let mut locked = rows.lock().unwrap();
        locked.incarnations += 1;
        Self {
            rows: Arc::clone(rows),
            incarnation: locked.incarnations,
        }
    }
}

fn fault(operation: &'static str) -> StoreFault {
    StoreFault {
        operation,
        kind: StoreFaultKind::Away,
        reason: "simulated".into(),
    }
}

impl LedgerStore for Connection {
    fn load(&mut self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        let mut rows = self.rows.lock().unwrap();
        if rows.away || rows.random.one_in(40) {
            if planted(Plant::TimeoutIsNotFound) {
                return Ok(vec![None; orders.len()]);
            }
            return Err(fault("read ledgers"));
        }
        let foreign = |order: &&OrderId| {
            let cell = rows.cells.get(*order);
            cell.is_some_and(|(timestamp, _)| timestamp % 256 != 1)
        };
        if let Some(order) = orders.iter().find(foreign) {
            return Err(StoreFault {
                kind: StoreFaultKind::Foreign,
                reason: format!("`{order}` was folded by another revision"),
                ..fault("read ledgers")
            });
        }
        Ok(orders
            .iter()
            .map(|order| Some(rows.cells.get(order)?.1.clone()))
            .collect())
    }

    fn submit(&mut self, token: WriteToken, batch: WriteBatch) {
        self.rows
            .lock()
            .unwrap()
            .flights
            .push((self.incarnation, token, batch));
    }

    fn acknowledged(&mut self, _wait: Duration) -> Vec<WriteToken> {
        self.rows
            .lock()
            .unwrap()
            .acknowledged
            .remove(&self.incarnation)
            .unwrap_or_default()
    }

    fn load_checkpoint(&mut self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault> {
        let rows = self.rows.lock().unwrap();
        if rows.away {
            return Err(fault("read a checkpoint"));
        }
        Ok(rows.checkpoints.get(&key.partition).copied())
    }

    fn save_checkpoint(
        &mut self,
        key: &CheckpointKey,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreFault> {
        let mut rows = self.rows.lock().unwrap();
        if rows.away {
            return Err(fault("save a checkpoint"));
        }
        let held = rows.checkpoints.entry(key.partition).or_insert(checkpoint);
        if checkpoint.events + checkpoint.orders > held.events + held.orders {
            *held = checkpoint;
        }
        rows.revision += 1;
        Ok(())
    }
}
