//! The prepared statements, all idempotent, and the values each of them takes.

use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::statement::Statement;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;
use trueup_engine::ports::store::{IndexWrite, LedgerWrite};

use crate::index;
use crate::limits::INDEX_TTL_DAYS;
use crate::schema::READ_VERSION;

const SECONDS_PER_DAY: i32 = 86_400;

#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) write_ledger: PreparedStatement,
    pub(crate) read_ledgers: PreparedStatement,
    pub(crate) find_ledger: PreparedStatement,
    pub(crate) write_event: PreparedStatement,
    pub(crate) find_event: PreparedStatement,
    pub(crate) save_events: PreparedStatement,
    pub(crate) save_orders: PreparedStatement,
    pub(crate) save_time: PreparedStatement,
    pub(crate) read_checkpoint: PreparedStatement,
    pub(crate) read_links: PreparedStatement,
    pub(crate) put_link: PreparedStatement,
    pub(crate) remove_link: PreparedStatement,
    pub(crate) read_cursor: PreparedStatement,
    pub(crate) save_cursor: PreparedStatement,
    pub(crate) read_version: PreparedStatement,
    pub(crate) now: PreparedStatement,
}

impl Statements {
    /// Prepares all on `keyspace`, by its name: a session belongs to no keyspace.
    pub(crate) async fn prepare(session: &Session, keyspace: &str) -> Result<Self, PrepareError> {
        let prepare = async |text: String| {
            let mut statement = Statement::new(text);
            statement.set_is_idempotent(true);
            session.prepare(statement).await
        };
        let save = |column: &str| {
            format!(
                "UPDATE {keyspace}.checkpoints USING TIMESTAMP ? SET {column} = ? \
                 WHERE topic = ? AND \"partition\" = ? AND epoch = ?"
            )
        };
        let read_version =
            READ_VERSION.replace("schema_versions", &format!("{keyspace}.schema_versions"));
        Ok(Self {
            write_ledger: prepare(format!(
                "INSERT INTO {keyspace}.ledgers (order_id, cell, status, version, amount_due, \
                 amount_received, amount_refunded, currency, last_event_id, updated_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
            ))
            .await?,
            read_ledgers: prepare(format!(
                "SELECT order_id, cell, writetime(cell) FROM {keyspace}.ledgers WHERE order_id IN ?"
            ))
            .await?,
            find_ledger: prepare(format!(
                "SELECT cell, writetime(cell) FROM {keyspace}.ledgers WHERE order_id = ?"
            ))
            .await?,
            write_event: prepare(format!(
                "INSERT INTO {keyspace}.event_index (bucket, day, event_id, order_id, \
                 \"partition\", \"offset\", received_at) VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL {}",
                INDEX_TTL_DAYS.saturating_mul(SECONDS_PER_DAY)
            ))
            .await?,
            find_event: prepare(format!(
                "SELECT order_id, \"partition\", \"offset\", received_at FROM {keyspace}.event_index \
                 WHERE bucket = ? AND day = ? AND event_id = ?"
            ))
            .await?,
            save_events: prepare(save("events")).await?,
            save_orders: prepare(save("orders")).await?,
            save_time: prepare(save("saved_at")).await?,
            read_checkpoint: prepare(format!(
                "SELECT events, orders, saved_at FROM {keyspace}.checkpoints \
                 WHERE topic = ? AND \"partition\" = ? AND epoch = ?"
            ))
            .await?,
            read_links: prepare(format!(
                "SELECT item, value FROM {keyspace}.object_links WHERE object_id = ?"
            ))
            .await?,
            put_link: prepare(format!(
                "INSERT INTO {keyspace}.object_links (object_id, item, value) VALUES (?, ?, ?)"
            ))
            .await?,
            remove_link: prepare(format!(
                "DELETE FROM {keyspace}.object_links WHERE object_id = ? AND item = ?"
            ))
            .await?,
            read_cursor: prepare(format!(
                "SELECT until FROM {keyspace}.sweep_cursors WHERE name = ?"
            ))
            .await?,
            save_cursor: prepare(format!(
                "UPDATE {keyspace}.sweep_cursors USING TIMESTAMP ? SET until = ? WHERE name = ?"
            ))
            .await?,
            read_version: prepare(read_version).await?,
            now: prepare("SELECT toTimestamp(now()) FROM system.local".into()).await?,
        })
    }
}

pub(crate) type LedgerValues<'a> = (
    &'a str,
    &'a [u8],
    &'a str,
    i64,
    Option<i64>,
    i64,
    i64,
    Option<&'a str>,
    Option<&'a str>,
    CqlTimestamp,
    i64,
);

pub(crate) fn ledger_values(write: &LedgerWrite) -> LedgerValues<'_> {
    let columns = &write.columns;
    (
        write.order_id.as_str(),
        &write.cell,
        columns.status,
        i64::try_from(write.version).unwrap_or(i64::MAX),
        columns.amount_due,
        columns.amount_received,
        columns.amount_refunded,
        columns.currency.as_deref(),
        columns.last_event_id.as_deref(),
        CqlTimestamp(columns.updated_at),
        write.timestamp,
    )
}

pub(crate) type EventValues<'a> = (i32, i32, &'a str, &'a str, i32, i64, CqlTimestamp);

/// Bucket and day: the partition of an entry of the event index.
pub(crate) fn index_partition(values: &EventValues<'_>) -> (i32, i32) {
    (values.0, values.1)
}

pub(crate) fn event_values(write: &IndexWrite) -> EventValues<'_> {
    (
        index::bucket(&write.event_id),
        index::day(write.created, write.received_at),
        write.event_id.as_str(),
        write.order_id.as_str(),
        write.partition,
        write.offset,
        CqlTimestamp(write.received_at),
    )
}
