//! A sweep's cursors in the file: written with the writer's next transaction, which is waited for.

use std::sync::mpsc::sync_channel;

use redb::{ReadableTable, TableError, WriteTransaction};
use trueup_domain::event::UnixSeconds;
use trueup_engine::ports::store::StoreFault;

use super::inbox::Pointing;
use super::ledger::EmbeddedLedger;
use super::read;
use super::tables::CURSORS;
use crate::cursor;
use crate::limits::SAVE_DEADLINE;
use crate::metrics::Operation;
use crate::request::unreadable;

impl EmbeddedLedger {
    /// The cursor of a sweep, `None` where none was saved.
    ///
    /// # Errors
    /// [`StoreFault`] when it could not be read, which is never "none".
    pub fn load_cursor(&self, name: &str) -> Result<Option<UnixSeconds>, StoreFault> {
        let disk = &self.shared.disk;
        read::measured(disk, Operation::ReadCursor, |transaction| {
            match transaction.open_table(CURSORS) {
                Ok(table) => Ok(table.get(name)?.map(|held| held.value())),
                // A file that no sweep has written to yet.
                Err(TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Keeps the cursor of a sweep; of two that were saved the later holds. One try: who sweeps
    /// does it again.
    ///
    /// # Errors
    /// [`StoreFault`] when it is not known to be kept.
    pub fn save_cursor(&self, name: &str, until: UnixSeconds) -> Result<(), StoreFault> {
        cursor::check(until)?;
        let operation = Operation::SaveCursor;
        let (saved, told) = sync_channel(1);
        self.shared.inbox.point(Pointing {
            name: name.to_owned(),
            until,
            saved,
        });
        match told.recv_timeout(SAVE_DEADLINE) {
            Ok(answer) => answer.map_err(|reason| unreadable(operation, reason)),
            Err(fault) => Err(unreadable(operation, fault)),
        }
    }
}

pub(crate) fn apply(
    transaction: &WriteTransaction,
    pointings: &[Pointing],
) -> Result<(), redb::Error> {
    if pointings.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(CURSORS)?;
    for Pointing { name, until, .. } in pointings {
        let held = table.get(name.as_str())?.map(|held| held.value());
        if held.is_none_or(|held| held < *until) {
            table.insert(name.as_str(), *until)?;
        }
    }
    Ok(())
}
