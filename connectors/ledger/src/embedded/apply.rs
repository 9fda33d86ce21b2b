//! What one write does to the file: the same comparisons as the CQL store's.

use redb::{ReadableTable, StorageError, Table, WriteTransaction};
use trueup_domain::event::UnixMillis;
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, IndexWrite, LedgerWrite};

use super::tables::{CHECKPOINTS, EVENTS, LEDGERS};
use crate::index;
use crate::limits::INDEX_TTL_DAYS;

/// Of two writes the one with the greater timestamp stays, and of equal timestamps the one with
/// the greater bytes, as Cassandra and ScyllaDB have it: no order of landing makes a difference.
/// Equal timestamps of different bytes are a mistake elsewhere, and not one to decide here anew.
pub(crate) fn ledgers<'a>(
    transaction: &WriteTransaction,
    writes: impl Iterator<Item = &'a LedgerWrite>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(LEDGERS)?;
    for write in writes {
        keep_greatest(&mut table, write)?;
    }
    Ok(())
}

fn keep_greatest(
    table: &mut Table<'_, &'static str, (i64, &'static [u8])>,
    write: &LedgerWrite,
) -> Result<(), StorageError> {
    let order = write.order_id.as_str();
    let written = (write.timestamp, write.cell.as_slice());
    let stays = table
        .get(order)?
        .is_some_and(|held| held.value() >= written);
    if !stays {
        table.insert(order, written)?;
    }
    Ok(())
}

/// Rows go to the day they were received. What no look-up would find any longer is not written.
pub(crate) fn events<'a>(
    transaction: &WriteTransaction,
    writes: impl Iterator<Item = &'a IndexWrite>,
    now: UnixMillis,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(EVENTS)?;
    let today = index::day_of(now);
    let oldest = today.saturating_sub(INDEX_TTL_DAYS);
    for write in writes {
        // Received tomorrow, by a clock that runs ahead, it is looked for no later than that.
        let day = index::day_of(write.received_at).min(today.saturating_add(1));
        if day < oldest {
            continue;
        }
        let key = (day, write.event_id.as_str());
        let row = (
            write.order_id.as_str(),
            write.partition,
            write.offset,
            write.received_at,
        );
        table.insert(key, row)?;
    }
    Ok(())
}

/// Each position is the greatest that was saved. The time goes with the positions' sum, and with
/// equal sums the latest stays.
pub(crate) fn checkpoint(
    transaction: &WriteTransaction,
    key: &CheckpointKey,
    saved: Checkpoint,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(CHECKPOINTS)?;
    let key = (key.topic.as_str(), key.partition, key.epoch);
    let sum = saved.events.saturating_add(saved.orders);
    let mut row = (saved.events, saved.orders, saved.saved_at, sum);
    if let Some(held) = table.get(key)? {
        let (events, orders, saved_at, held_sum) = held.value();
        let (sum, saved_at) = (sum, saved.saved_at).max((held_sum, saved_at));
        row = (events.max(row.0), orders.max(row.1), saved_at, sum);
    }
    table.insert(key, row)?;
    Ok(())
}
