//! Reads: each sees one state of the file, and never half of a transaction.

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::{EventId, OrderId};
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, StoreFault};

use super::disk::Disk;
use super::tables::{CHECKPOINTS, EVENTS, LEDGERS};
use crate::index::{self, EventEntry};
use crate::ledger::StoredLedger;
use crate::limits::INDEX_TTL_DAYS;
use crate::metrics::{self, Operation};
use crate::read::check_revision;
use crate::request::unreadable;

type Read<T> = Result<T, StoreFault>;

/// The cells of `orders`, in their order.
pub(crate) fn load(disk: &Disk, orders: &[OrderId]) -> Read<Vec<Option<Vec<u8>>>> {
    let held = measured(disk, Operation::ReadLedgers, |transaction| {
        let table = transaction.open_table(LEDGERS)?;
        let mut held = Vec::with_capacity(orders.len());
        for order in orders {
            let row = table.get(order.as_str())?;
            held.push(row.map(|row| {
                let (timestamp, cell) = row.value();
                (timestamp, cell.to_vec())
            }));
        }
        Ok(held)
    })?;
    let mut cells = Vec::with_capacity(held.len());
    for (order, row) in orders.iter().zip(held) {
        cells.push(match row {
            None => None,
            Some((timestamp, cell)) => {
                check_revision(order.as_str(), timestamp)?;
                Some(cell)
            }
        });
    }
    Ok(cells)
}

pub(crate) fn find_ledger(disk: &Disk, order: &OrderId) -> Read<Option<StoredLedger>> {
    measured(disk, Operation::ReadLedgers, |transaction| {
        let table = transaction.open_table(LEDGERS)?;
        let row = table.get(order.as_str())?;
        Ok(row.map(|row| {
            let (timestamp, cell) = row.value();
            StoredLedger {
                order_id: order.clone(),
                cell: cell.to_vec(),
                timestamp,
            }
        }))
    })
}

pub(crate) fn find_event(
    disk: &Disk,
    event: &EventId,
    now: UnixMillis,
) -> Read<Option<EventEntry>> {
    let operation = Operation::ReadIndex;
    let found = measured(disk, operation, |transaction| {
        let table = transaction.open_table(EVENTS)?;
        for day in index::received_days(now) {
            if let Some(row) = table.get((day, event.as_str()))? {
                let (order, partition, offset, received_at) = row.value();
                return Ok(Some((order.to_owned(), partition, offset, received_at)));
            }
        }
        Ok(None)
    })?;
    let Some((order, partition, offset, received_at)) = found else {
        return Ok(None);
    };
    if received_at < now.saturating_sub(index::days_ms(INDEX_TTL_DAYS)) {
        return Ok(None);
    }
    let order_id = OrderId::try_from(order.as_str());
    Ok(Some(EventEntry {
        event_id: event.clone(),
        order_id: order_id.map_err(|error| unreadable(operation, error))?,
        partition,
        offset,
        received_at,
    }))
}

pub(crate) fn checkpoint(disk: &Disk, key: &CheckpointKey) -> Read<Option<Checkpoint>> {
    measured(disk, Operation::ReadCheckpoint, |transaction| {
        let table = transaction.open_table(CHECKPOINTS)?;
        let row = table.get((key.topic.as_str(), key.partition, key.epoch))?;
        Ok(row.map(|row| {
            let (events, orders, saved_at, _) = row.value();
            Checkpoint {
                events,
                orders,
                saved_at,
            }
        }))
    })
}

/// Reads and counts it. What could not be read is a fault, and never "not found".
pub(crate) fn measured<T>(
    disk: &Disk,
    operation: Operation,
    reading: impl Fn(&redb::ReadTransaction) -> Result<T, redb::Error>,
) -> Read<T> {
    let began = std::time::Instant::now();
    metrics::began();
    let read = disk.read(reading);
    metrics::ended();
    metrics::answered(operation, read.is_ok(), began.elapsed());
    read.map_err(|reason| unreadable(operation, reason))
}
