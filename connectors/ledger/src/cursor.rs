//! A sweep's cursors in CQL: each is written with itself as its timestamp, so it can only grow.

use trueup_domain::event::UnixSeconds;
use trueup_engine::ports::store::StoreFault;

use crate::ledger::{Inner, first};
use crate::metrics::Operation;
use crate::request::unreadable;

/// A time before 1970 is no cursor: it would be written with a timestamp below zero.
pub(crate) fn check(until: UnixSeconds) -> Result<(), StoreFault> {
    if until < 0 {
        let reason = format!("{until} is no time that a sweep could have reached");
        return Err(unreadable(Operation::SaveCursor, reason));
    }
    Ok(())
}

pub(crate) async fn save(inner: &Inner, name: &str, until: UnixSeconds) -> Result<(), StoreFault> {
    check(until)?;
    let operation = Operation::SaveCursor;
    let statement = &inner.statements.save_cursor;
    let values = (until.saturating_add(1), until, name);
    let request = || inner.session.execute_unpaged(statement, values);
    let deadline = inner.settings.read_deadline;
    inner.gate.ask(operation, deadline, request).await.map(drop)
}

pub(crate) async fn load(inner: &Inner, name: &str) -> Result<Option<UnixSeconds>, StoreFault> {
    let operation = Operation::ReadCursor;
    let statement = &inner.statements.read_cursor;
    let request = || inner.session.execute_unpaged(statement, (name,));
    let deadline = inner.settings.read_deadline;
    let answer = inner.gate.ask(operation, deadline, request).await?;
    let row: Option<(Option<i64>,)> = first(operation, answer)?;
    Ok(row.and_then(|(until,)| until))
}
