//! Reads the cells of many orders: `IN` reads of a bounded size, a few at once; all or nothing.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt};
use trueup_domain::ids::OrderId;
use trueup_engine::FOLD_REVISION;
use trueup_engine::ports::store::StoreFault;

use crate::ledger::Inner;
use crate::limits::{READ_KEYS, READS_AT_ONCE};
use crate::metrics::Operation;
use crate::request::unreadable;

const OPERATION: Operation = Operation::ReadLedgers;
/// A cell's timestamp is `version * 256 + fold revision`.
const REVISIONS: i64 = 256;

/// The cells of `orders`, in their order.
pub(crate) async fn load(
    inner: &Inner,
    orders: &[OrderId],
) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
    let chunks: Vec<HashMap<String, Vec<u8>>> = futures::stream::iter(orders.chunks(READ_KEYS))
        .map(|keys| read(inner, keys))
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    let mut cells = Vec::with_capacity(orders.len());
    for (keys, mut found) in orders.chunks(READ_KEYS).zip(chunks) {
        for (place, order) in keys.iter().enumerate() {
            // An order that is asked for twice is in the answer once.
            let again = keys
                .iter()
                .skip(place.saturating_add(1))
                .any(|later| later == order);
            let cell = if again {
                found.get(order.as_str()).cloned()
            } else {
                found.remove(order.as_str())
            };
            cells.push(cell);
        }
    }
    Ok(cells)
}

async fn read(inner: &Inner, keys: &[OrderId]) -> Result<HashMap<String, Vec<u8>>, StoreFault> {
    let names: Vec<&str> = keys.iter().map(OrderId::as_str).collect();
    let statement = &inner.statements.read_ledgers;
    let deadline = inner.settings.read_deadline;
    let request = || inner.session.execute_unpaged(statement, (&names,));
    let answer = inner.gate.ask(OPERATION, deadline, request).await?;
    let answer = answer
        .into_rows_result()
        .map_err(|error| unreadable(OPERATION, error))?;
    let rows = answer.rows::<(&str, Option<&[u8]>, Option<i64>)>();
    let mut found = HashMap::with_capacity(answer.rows_num());
    for row in rows.map_err(|error| unreadable(OPERATION, error))? {
        let (order, cell, timestamp) = row.map_err(|error| unreadable(OPERATION, error))?;
        let (Some(cell), Some(timestamp)) = (cell, timestamp) else {
            return Err(no_cell(order));
        };
        check_revision(order, timestamp)?;
        found.insert(order.to_owned(), cell.to_vec());
    }
    Ok(found)
}

/// Nothing here writes such a row. It must not be deleted as it is: a delete that names no
/// timestamp carries the clock's, and hides every later write of the order.
pub(crate) fn no_cell(order: &str) -> StoreFault {
    let reason = format!(
        "order `{order}` has a row without a cell: somebody changed it by hand; restore the table, \
         or adopt an empty keyspace with a new epoch"
    );
    unreadable(OPERATION, reason)
}

/// A ledger that other rules made must not be folded on, nor overwritten.
pub(crate) fn check_revision(order: &str, timestamp: i64) -> Result<(), StoreFault> {
    let revision = timestamp.rem_euclid(REVISIONS);
    if u64::try_from(revision) == Ok(FOLD_REVISION) {
        return Ok(());
    }
    let reason = format!(
        "order `{order}` was folded by revision {revision}, this program has {FOLD_REVISION}; run \
         the version of trueup that wrote it"
    );
    Err(unreadable(OPERATION, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_another_fold_revision_is_a_fault() {
        assert_eq!(check_revision("o", 7 * 256 + 1), Ok(()));
        let fault = check_revision("o", 7 * 256 + 2).unwrap_err();
        assert!(fault.reason.contains("revision 2"), "{fault}");
        assert!(
            check_revision("o", 1_700_000_000_000_000).is_err(),
            "a clock's timestamp"
        );
    }
}
