//! Forgets the events that are too old to be looked for, a few with each transaction: a bounded
//! step, so that no worker waits for the end of a day's events.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use trueup_domain::event::UnixMillis;

use super::tables::EVENTS;
use crate::index;
use crate::limits::{EXPIRE_ROWS, INDEX_TTL_DAYS};

/// The first day whose events may still be looked for.
fn oldest(now: UnixMillis) -> i32 {
    index::day_of(now).saturating_sub(INDEX_TTL_DAYS)
}

/// Whether there is anything to forget at `now`.
pub(crate) fn is_due(transaction: &ReadTransaction, now: UnixMillis) -> Result<bool, redb::Error> {
    let table = transaction.open_table(EVENTS)?;
    let first = table.first()?.map(|(key, _)| key.value().0);
    Ok(first.is_some_and(|day| day < oldest(now)))
}

/// Removes the oldest of what has expired at `now`, and says how many rows that was.
pub(crate) fn step(transaction: &WriteTransaction, now: UnixMillis) -> Result<usize, redb::Error> {
    let mut table = transaction.open_table(EVENTS)?;
    let mut removed = 0_usize;
    let expired = table.extract_from_if(..(oldest(now), ""), |_, _| true)?;
    for row in expired.take(EXPIRE_ROWS) {
        row?;
        removed = removed.saturating_add(1);
    }
    Ok(removed)
}
