//! The ledger store as commands use it, CQL or a file: opened once, shared by workers and look-ups.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time;
use trueup_domain::ids::{EventId, ObjectId, OrderId};
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, LedgerStore, StoreFault};
use trueup_ledger::{
    AnyLedger, AnyStore, ConnectFault, CqlLedger, CqlSettings, EmbeddedLedger, Replication,
};

use crate::audit::Rows;
use crate::config::StoreTarget;
use crate::failure::Failure;
use crate::lookup::{Index, Indexed};
use crate::shutdown::Stop;

/// The first and the longest wait for a store that is away.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One session, or one open file, of a process.
#[derive(Debug, Clone)]
pub struct Stores(AnyLedger);

impl Stores {
    /// # Errors
    /// A store that is away, or whose tables are not this program's.
    pub fn connect(runtime: &Handle, target: &StoreTarget) -> Result<Self, Failure> {
        let ledger = runtime
            .block_on(CqlLedger::connect(settings(target, None)))
            .map_err(Failure::failed)?;
        Ok(Self(AnyLedger::Cql {
            ledger,
            runtime: runtime.clone(),
        }))
    }

    /// A file that is open.
    pub fn embedded(ledger: EmbeddedLedger) -> Self {
        Self(AnyLedger::Embedded(ledger))
    }

    /// As [`Stores::connect`], but waits for a store that is away; `None` when asked to stop
    /// meanwhile.
    ///
    /// # Errors
    /// What waiting does not mend: tables that are absent, older or newer.
    pub async fn await_connected(
        target: &StoreTarget,
        stop: Stop,
    ) -> Result<Option<Self>, Failure> {
        let mut wait = FIRST_WAIT;
        loop {
            // A host that swallows what it is sent keeps a connection waiting for long.
            let connected = tokio::select! {
                () = stop.clone().wait() => return Ok(None),
                connected = CqlLedger::connect(settings(target, None)) => connected,
            };
            match connected {
                Ok(ledger) => {
                    let runtime = Handle::current();
                    return Ok(Some(Self(AnyLedger::Cql { ledger, runtime })));
                }
                Err(ConnectFault::Unreachable(fault)) => {
                    tracing::warn!(%fault, "waiting for the store");
                }
                Err(fault) => return Err(Failure::failed(fault)),
            }
            tokio::select! {
                () = stop.clone().wait() => return Ok(None),
                () = time::sleep(wait) => wait = wait.saturating_mul(2).min(LONGEST_WAIT),
            }
        }
    }

    /// The store for one worker's thread.
    pub fn worker(&self) -> AnyStore {
        self.0.store()
    }

    /// A sweep's cursor, in Unix seconds.
    pub fn load_cursor(&self, name: &str) -> Result<Option<i64>, StoreFault> {
        self.0.load_cursor(name)
    }

    /// Keeps a sweep's cursor.
    pub fn save_cursor(&self, name: &str, until: i64) -> Result<(), StoreFault> {
        self.0.save_cursor(name, until)
    }

    /// For look-ups, from threads that may wait.
    pub fn index(&self) -> Box<dyn Index> {
        Box::new(self.clone())
    }
}

impl Index for Stores {
    fn find_ledger(&self, order: &OrderId) -> Result<Option<Vec<u8>>, StoreFault> {
        let found = self.0.find_ledger(order)?;
        Ok(found.map(|stored| stored.cell))
    }

    fn find_event(&self, event: &EventId) -> Result<Option<Indexed>, StoreFault> {
        let found = self.0.find_event(event)?;
        Ok(found.map(|entry| Indexed {
            order_id: entry.order_id,
            partition: entry.partition,
            offset: entry.offset,
            received_at: entry.received_at,
        }))
    }

    fn find_order_of(&self, object: &ObjectId) -> Result<Option<OrderId>, StoreFault> {
        let mut store = self.0.store();
        trueup_linker::batch::owner_of(&mut store, object)
    }
}

impl Rows for Stores {
    fn checkpoint(&self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault> {
        self.0.store().load_checkpoint(key)
    }

    fn cells(&self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        self.0.store().load(orders)
    }
}

/// The store's settings; `replication` counts only where the keyspace is made.
pub fn settings(target: &StoreTarget, replication: Option<Replication>) -> CqlSettings {
    let mut settings = CqlSettings::new(target.hosts.clone(), target.keyspace.clone());
    if let Some(replication) = replication {
        settings.replication = replication;
    }
    settings.local_datacenter.clone_from(&target.datacenter);
    settings.user.clone_from(&target.user);
    settings.password.clone_from(&target.password);
    settings
}

/// What `check` sees of the store.
#[derive(Debug)]
pub struct Inspected {
    pub tables: Result<String, String>,
    pub clock_ms: i64,
}

/// Connects, looks at the tables and asks for the time; changes nothing.
///
/// # Errors
/// A sentence, when the store does not answer or its tables are not this program's.
pub fn inspect(runtime: &Handle, target: &StoreTarget) -> Result<Inspected, String> {
    runtime.block_on(async {
        let ledger = CqlLedger::connect(settings(target, None))
            .await
            .map_err(|fault| fault.to_string())?;
        let clock_ms = ledger.clock_ms().await.map_err(|fault| fault.to_string())?;
        let tables = Ok(format!(
            "keyspace `{}` has schema {}",
            target.keyspace,
            trueup_ledger::SCHEMA_VERSION
        ));
        Ok(Inspected { tables, clock_ms })
    })
}
