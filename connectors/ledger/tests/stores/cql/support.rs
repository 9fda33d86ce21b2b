//! The CQL store as tests use it: a keyspace of its own each, a runtime, and a way to ask the
//! store past the crate under test.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::response::query_result::QueryRowsResult;
use tokio::runtime::Runtime;
use trueup_ledger::{CqlLedger, CqlSettings, CqlStore, apply_schema};
use trueup_testkit::unique;

/// For what a sound store does at once, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The name of the runtimes' threads.
pub(crate) const WORKER_THREAD: &str = "test-runtime";

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(WORKER_THREAD)
        .enable_all()
        .build()
        .unwrap()
}

/// The settings of a keyspace that is not there yet.
pub(crate) fn settings(address: &str, name: &str) -> CqlSettings {
    let mut settings = CqlSettings::new(vec![address.to_owned()], keyspace(name));
    // The node shares two cores with everything else.
    settings.request_timeout = Duration::from_secs(10);
    settings.read_deadline = Duration::from_secs(20);
    settings
}

/// A name of its own, within CQL's limit.
pub(crate) fn keyspace(name: &str) -> String {
    let name: String = name.chars().take(20).collect();
    unique(&name)
}

/// A keyspace with its tables and a session on it; the keyspace goes with this handle.
pub(crate) struct Cql {
    pub(crate) runtime: Runtime,
    pub(crate) settings: CqlSettings,
    pub(crate) ledger: CqlLedger,
    owns_keyspace: bool,
}

impl Cql {
    pub(crate) fn new(address: &str, name: &str) -> Self {
        Self::of(settings(address, name))
    }

    pub(crate) fn of(settings: CqlSettings) -> Self {
        Self::applied(&settings);
        let mut cql = Self::connected(settings);
        cql.owns_keyspace = true;
        cql
    }

    /// Makes the keyspace and its tables.
    pub(crate) fn applied(settings: &CqlSettings) {
        runtime().block_on(apply_schema(settings)).unwrap();
    }

    /// On a keyspace that somebody else removes.
    pub(crate) fn connected(settings: CqlSettings) -> Self {
        let runtime = runtime();
        let connecting = CqlLedger::connect(settings.clone());
        let ledger = runtime.block_on(connecting).unwrap();
        Self {
            runtime,
            settings,
            ledger,
            owns_keyspace: false,
        }
    }

    /// Ends the runtime with all that is under way; the keyspace is removed by another.
    pub(crate) fn end_runtime(mut self) {
        let ended = std::mem::replace(&mut self.runtime, runtime());
        ended.shutdown_timeout(SOON);
    }

    pub(crate) fn store(&self) -> CqlStore {
        self.ledger.store(self.runtime.handle().clone())
    }

    pub(crate) fn raw(&self) -> Raw<'_> {
        Raw::open(&self.runtime, &self.settings.hosts[0])
    }
}

impl Drop for Cql {
    fn drop(&mut self) {
        if !self.owns_keyspace {
            return;
        }
        let keyspace = &self.settings.keyspace;
        let raw = Raw::try_open(&self.runtime, &self.settings.hosts[0]);
        if let Some(raw) = raw {
            raw.forget_keyspace(keyspace);
        }
    }
}

/// CQL in words, past the crate under test.
pub(crate) struct Raw<'a> {
    runtime: &'a Runtime,
    session: Session,
}

impl<'a> Raw<'a> {
    pub(crate) fn open(runtime: &'a Runtime, address: &str) -> Self {
        Self::try_open(runtime, address).unwrap()
    }

    fn try_open(runtime: &'a Runtime, address: &str) -> Option<Self> {
        let builder = SessionBuilder::new().known_node(address);
        let session = runtime.block_on(builder.build()).ok()?;
        Some(Self { runtime, session })
    }

    pub(crate) fn run(&self, statement: &str) {
        self.runtime
            .block_on(self.session.query_unpaged(statement, ()))
            .unwrap();
    }

    pub(crate) fn rows(&self, statement: &str) -> QueryRowsResult {
        let answer = self
            .runtime
            .block_on(self.session.query_unpaged(statement, ()));
        answer.unwrap().into_rows_result().unwrap()
    }

    pub(crate) fn forget_keyspace(&self, keyspace: &str) {
        let statement = format!("DROP KEYSPACE IF EXISTS {keyspace}");
        let _ = self
            .runtime
            .block_on(self.session.query_unpaged(statement, ()));
    }
}
