//! The ledger store of a process: one session, shared by all its workers.

use std::cmp::Ordering;
use std::future::Future;
use std::sync::{Arc, Weak};

use futures::StreamExt;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::{ExecutionError, PrepareError};
use scylla::response::query_result::QueryResult;
use scylla::value::CqlTimestamp;
use tokio::runtime::Handle;
use trueup_domain::event::UnixSeconds;
use trueup_domain::ids::{EventId, OrderId};
use trueup_engine::ports::store::StoreFault;

use crate::connect::{ConnectFault, NewSchema, NoSchema, OldSchema, Unreachable, session};
use crate::cursor;
use crate::index::{self, EventEntry};
use crate::limits::{GAUGE_EVERY, LOOKUPS_AT_ONCE};
use crate::metrics::{self, Operation};
use crate::read::no_cell;
use crate::request::{Gate, unreadable};
use crate::schema::{READ_VERSION, SCHEMA_VERSION, is_invalid};
use crate::settings::CqlSettings;
use crate::statements::Statements;
use crate::store::CqlStore;

/// One order's row, as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLedger {
    pub order_id: OrderId,
    /// Canonical Avro of the ledger.
    pub cell: Vec<u8>,
    /// `version * 256 + fold revision`.
    pub timestamp: i64,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) session: Session,
    pub(crate) statements: Statements,
    pub(crate) gate: Gate,
    pub(crate) settings: CqlSettings,
}

/// A connected store. Clones share its session.
#[derive(Debug, Clone)]
pub struct CqlLedger {
    inner: Arc<Inner>,
}

impl CqlLedger {
    /// Connects to the keyspace of `settings`, whose tables must be this program's.
    ///
    /// # Errors
    /// [`ConnectFault`]: settings, a store that is away, tables that are absent, older or newer.
    pub async fn connect(settings: CqlSettings) -> Result<Self, ConnectFault> {
        let session = session(&settings, settings.request_timeout).await?;
        check_version(&session, &settings).await?;
        let statements = Statements::prepare(&session, &settings.keyspace).await;
        let statements = statements.map_err(|error| absent_or_away(&settings, &error))?;
        let inner = Arc::new(Inner {
            session,
            statements,
            gate: Gate::new(),
            settings,
        });
        tokio::spawn(show_nodes(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// The store for one worker's thread, which waits for its answers on `runtime`.
    #[must_use]
    pub fn store(&self, runtime: Handle) -> CqlStore {
        CqlStore::new(Arc::clone(&self.inner), runtime)
    }

    /// Asks the keyspace something small, with a quorum.
    ///
    /// # Errors
    /// [`StoreFault`] when there was no answer.
    pub async fn ping(&self) -> Result<(), StoreFault> {
        let inner = &self.inner;
        let statement = &inner.statements.read_version;
        self.ask(Operation::Ping, || {
            inner.session.execute_unpaged(statement, ())
        })
        .await
        .map(drop)
    }

    /// The store's own time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`StoreFault`] when there was no answer.
    pub async fn clock_ms(&self) -> Result<i64, StoreFault> {
        let inner = &self.inner;
        let now = &inner.statements.now;
        let answer = self
            .ask(Operation::Ping, || inner.session.execute_unpaged(now, ()))
            .await?;
        let told = first::<(CqlTimestamp,)>(Operation::Ping, answer)?;
        let Some((CqlTimestamp(now),)) = told else {
            return Err(unreadable(Operation::Ping, "it tells no time"));
        };
        Ok(now)
    }

    /// The cursor of a sweep, `None` where none was saved.
    ///
    /// # Errors
    /// [`StoreFault`] when there was no answer, which is never "none".
    pub async fn load_cursor(&self, name: &str) -> Result<Option<UnixSeconds>, StoreFault> {
        cursor::load(&self.inner, name).await
    }

    /// Keeps the cursor of a sweep; of two that were saved the later holds.
    ///
    /// # Errors
    /// [`StoreFault`] when it is not known to be kept.
    pub async fn save_cursor(&self, name: &str, until: UnixSeconds) -> Result<(), StoreFault> {
        cursor::save(&self.inner, name, until).await
    }

    /// One order's row, `None` where the store answered that there is none.
    ///
    /// # Errors
    /// [`StoreFault`] when it did not answer.
    pub async fn find_ledger(&self, order: &OrderId) -> Result<Option<StoredLedger>, StoreFault> {
        let inner = &self.inner;
        let operation = Operation::ReadLedgers;
        let statement = &inner.statements.find_ledger;
        let key = (order.as_str(),);
        let answer = self
            .ask(operation, || inner.session.execute_unpaged(statement, key))
            .await?;
        let row: Option<(Option<Vec<u8>>, Option<i64>)> = first(operation, answer)?;
        match row {
            None => Ok(None),
            Some((Some(cell), Some(timestamp))) => Ok(Some(StoredLedger {
                order_id: order.clone(),
                cell,
                timestamp,
            })),
            Some(_) => Err(no_cell(order.as_str())),
        }
    }

    /// Where an event was first read; `None` when the index, which forgets after 35 days, has no
    /// such event.
    ///
    /// # Errors
    /// [`StoreFault`] when any day could not be read: then nothing is known.
    pub async fn find_event(&self, event: &EventId) -> Result<Option<EventEntry>, StoreFault> {
        let operation = Operation::ReadIndex;
        let inner = &self.inner;
        // The store's clock: it is the store that lets rows expire.
        let now = self.clock_ms().await?;
        let bucket = index::bucket(event);
        let statement = &inner.statements.find_event;
        let mut days = futures::stream::iter(index::days(now))
            .map(|day| async move {
                let key = (bucket, day, event.as_str());
                let request = || inner.session.execute_unpaged(statement, key);
                first(operation, self.ask(operation, request).await?)
            })
            .buffered(LOOKUPS_AT_ONCE);
        while let Some(row) = days.next().await {
            let row: Option<(String, i32, i64, CqlTimestamp)> = row?;
            if let Some((order, partition, offset, CqlTimestamp(received_at))) = row {
                let order_id = OrderId::try_from(order.as_str());
                let order_id = order_id.map_err(|error| unreadable(operation, error))?;
                let event_id = event.clone();
                return Ok(Some(EventEntry {
                    event_id,
                    order_id,
                    partition,
                    offset,
                    received_at,
                }));
            }
        }
        Ok(None)
    }

    async fn ask<F>(
        &self,
        operation: Operation,
        request: impl FnMut() -> F,
    ) -> Result<QueryResult, StoreFault>
    where
        F: Future<Output = Result<QueryResult, ExecutionError>>,
    {
        self.inner
            .gate
            .ask(operation, self.inner.settings.read_deadline, request)
            .await
    }
}

/// The first row of an answer, if it has one.
pub(crate) fn first<R>(operation: Operation, answer: QueryResult) -> Result<Option<R>, StoreFault>
where
    R: for<'a> DeserializeRow<'a, 'a>,
{
    let rows = answer
        .into_rows_result()
        .map_err(|error| unreadable(operation, error))?;
    rows.maybe_first_row()
        .map_err(|error| unreadable(operation, error))
}

async fn check_version(session: &Session, settings: &CqlSettings) -> Result<(), ConnectFault> {
    let keyspace = settings.keyspace.clone();
    let question = READ_VERSION.replace("schema_versions", &format!("{keyspace}.schema_versions"));
    let statement = session.prepare(question).await;
    let statement = statement.map_err(|error| absent_or_away(settings, &error))?;
    let answer = session.execute_unpaged(&statement, ()).await;
    let answer = answer.map_err(|error| Unreachable::new(settings, error))?;
    let found = first::<(i32,)>(Operation::Ping, answer);
    let found = found.map_err(|fault| Unreachable::new(settings, fault))?;
    let (found, wanted) = (found.map_or(0, |(version,)| version), SCHEMA_VERSION);
    match found.cmp(&wanted) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(OldSchema {
            keyspace,
            found,
            wanted,
        }
        .into()),
        Ordering::Greater => Err(NewSchema {
            keyspace,
            found,
            wanted,
        }
        .into()),
    }
}

/// What the store says is not there is absent; any other failure says nothing about the tables.
fn absent_or_away(settings: &CqlSettings, error: &PrepareError) -> ConnectFault {
    if is_invalid(error) {
        let (keyspace, reason) = (settings.keyspace.clone(), error.to_string());
        NoSchema { keyspace, reason }.into()
    } else {
        Unreachable::new(settings, error).into()
    }
}

/// Shows how many nodes are connected, for as long as anybody holds the session, and says when the
/// last is lost and the first is back: without a request under way nobody else would.
async fn show_nodes(inner: Weak<Inner>) {
    let mut reached = true;
    loop {
        {
            let Some(inner) = inner.upgrade() else { return };
            let cluster = inner.session.get_cluster_state();
            let connected = cluster
                .get_nodes_info()
                .iter()
                .filter(|node| node.is_connected());
            let connected = connected.count();
            metrics::connected(connected);
            match (reached, connected > 0) {
                (true, false) => tracing::warn!("no node of the ledger store is connected"),
                (false, true) => tracing::info!(connected, "the ledger store is connected again"),
                (true, true) | (false, false) => {}
            }
            reached = connected > 0;
        }
        tokio::time::sleep(GAUGE_EVERY).await;
    }
}
