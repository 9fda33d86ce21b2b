//! Writes one submitted batch: unlogged batches to the nodes that own their rows, each repeated
//! with the same bytes until the store has acknowledged it.
//!
//! Unlogged, because nothing here needs two rows to land together: every row is idempotent and
//! carries its own timestamp, and the whole is told as acknowledged only when each row is.

use futures::StreamExt;
use scylla::client::session::Session;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use trueup_engine::ports::store::{IndexWrite, LedgerWrite, WriteBatch};

use crate::group::{Weighed, groups};
use crate::ledger::Inner;
use crate::limits::{BACKOFF_LONGEST, GROUPS_AT_ONCE, ROW_OVERHEAD_BYTES};
use crate::metrics::{self, Operation};
use crate::request::{backoff, is_refused};
use crate::statements::{event_values, index_partition, ledger_values};

/// Writes it all. `false` when `abandoned` says that nobody wants to know any longer and the store
/// still fails: then some rows may be missing.
pub(crate) async fn write(
    inner: &Inner,
    batch: &WriteBatch,
    abandoned: &impl Fn() -> bool,
) -> bool {
    let ledgers: Vec<_> = batch.ledgers.iter().map(ledger_values).collect();
    let events: Vec<_> = batch.events.iter().map(event_values).collect();
    let statements = &inner.statements;
    let ledger_writer = Writer {
        inner,
        statement: &statements.write_ledger,
        operation: Operation::WriteLedgers,
        abandoned,
    };
    let event_writer = Writer {
        statement: &statements.write_event,
        operation: Operation::WriteIndex,
        ..ledger_writer
    };
    let (ledgers, events) = futures::join!(
        ledger_writer.write(&ledgers, |place| {
            let bytes = batch.ledgers.get(place).map_or(0, ledger_bytes);
            (bytes, (0, 0))
        }),
        event_writer.write(&events, |place| {
            let bytes = batch.events.get(place).map_or(0, event_bytes);
            (bytes, events.get(place).map_or((0, 0), index_partition))
        }),
    );
    ledgers && events
}

fn ledger_bytes(write: &LedgerWrite) -> usize {
    let columns = &write.columns;
    let words = columns.last_event_id.as_ref().map_or(0, String::len);
    let key = write.order_id.as_str().len();
    write
        .cell
        .len()
        .saturating_add(key)
        .saturating_add(words)
        .saturating_add(ROW_OVERHEAD_BYTES)
}

fn event_bytes(write: &IndexWrite) -> usize {
    let ids = write
        .event_id
        .as_str()
        .len()
        .saturating_add(write.order_id.as_str().len());
    ids.saturating_add(ROW_OVERHEAD_BYTES)
}

#[derive(Clone, Copy)]
struct Writer<'a, A> {
    inner: &'a Inner,
    statement: &'a PreparedStatement,
    operation: Operation,
    abandoned: &'a A,
}

impl<A: Fn() -> bool> Writer<'_, A> {
    /// `weigh` tells the bytes of a row, and which rows it should travel with.
    async fn write<R: SerializeRow>(
        &self,
        rows: &[R],
        weigh: impl Fn(usize) -> (usize, (i32, i32)),
    ) -> bool {
        if rows.is_empty() {
            return true;
        }
        let homes = Homes::of(&self.inner.session, self.statement, rows);
        let weighed = (0..rows.len())
            .map(|place| {
                let (bytes, near) = weigh(place);
                Weighed {
                    place,
                    bytes,
                    home: homes.of_row(place),
                    near,
                }
            })
            .collect();
        futures::stream::iter(groups(weighed))
            .map(|places| async move {
                let group: Vec<&R> = places.iter().filter_map(|place| rows.get(*place)).collect();
                self.write_group(&group).await
            })
            .buffer_unordered(GROUPS_AT_ONCE)
            .fold(true, |all, one| async move { all && one })
            .await
    }

    async fn write_group<R: SerializeRow>(&self, rows: &[&R]) -> bool {
        match self.write_until_acknowledged(rows).await {
            Outcome::Acknowledged => true,
            Outcome::Abandoned => false,
            // Too large by the store's own measure, which ours only estimates: then one by one.
            Outcome::Refused => {
                let mut all = true;
                for row in rows.chunks(1) {
                    all &= matches!(
                        self.write_until_acknowledged(row).await,
                        Outcome::Acknowledged
                    );
                }
                all
            }
        }
    }

    async fn write_until_acknowledged<R: SerializeRow>(&self, rows: &[&R]) -> Outcome {
        let mut waits = backoff();
        let inner = self.inner;
        loop {
            let sending = self.send(rows);
            let error = match inner.gate.send(self.operation, sending).await {
                Ok(()) => {
                    metrics::wrote(rows.len());
                    return Outcome::Acknowledged;
                }
                Err(error) if is_refused(&error) && rows.len() > 1 => return Outcome::Refused,
                Err(error) => error,
            };
            inner.gate.failed(self.operation, &error);
            if (self.abandoned)() {
                return Outcome::Abandoned;
            }
            tokio::time::sleep(waits.next().unwrap_or(BACKOFF_LONGEST)).await;
        }
    }

    async fn send<R: SerializeRow>(
        &self,
        rows: &[&R],
    ) -> Result<(), scylla::errors::ExecutionError> {
        let session = &self.inner.session;
        if let [row] = rows {
            return session.execute_unpaged(self.statement, row).await.map(drop);
        }
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_is_idempotent(true);
        for _ in rows {
            batch.append_statement(self.statement.clone());
        }
        session.batch(&batch, rows).await.map(drop)
    }
}

enum Outcome {
    Acknowledged,
    /// The store will not take these rows together.
    Refused,
    Abandoned,
}

/// Which node should take each row. The driver sends a batch to a replica of its first row, so
/// rows with a replica in common go together; where every node has every row it is all one.
struct Homes(Option<Vec<Option<u128>>>);

impl Homes {
    fn of<R: SerializeRow>(session: &Session, statement: &PreparedStatement, rows: &[R]) -> Self {
        let cluster = session.get_cluster_state();
        let nodes = cluster.get_nodes_info().len();
        let table = statement
            .get_keyspace_name()
            .zip(statement.get_table_name());
        let Some((keyspace, table)) = table.filter(|_| nodes > 1) else {
            return Self(None);
        };
        let mut homes = Vec::with_capacity(rows.len());
        for row in rows {
            let token = statement.calculate_token(row).ok().flatten();
            let replicas = token
                .map(|token| cluster.get_token_endpoints(keyspace, table, token))
                .unwrap_or_default();
            if replicas.len() >= nodes {
                return Self(None);
            }
            homes.push(replicas.first().map(|(node, _)| node.host_id.as_u128()));
        }
        Self(Some(homes))
    }

    fn of_row(&self, place: usize) -> Option<u128> {
        self.0
            .as_ref()
            .and_then(|homes| homes.get(place).copied().flatten())
    }
}
