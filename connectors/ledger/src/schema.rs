//! Creates the keyspace and its tables and brings them up to date. Repeating it changes nothing;
//! a schema that a later version made is refused.
//!
//! Best one at a time: two that create a table at once can leave an old cluster with two of one
//! name. Several at once get in each other's way, try again, and all end well.

use std::collections::BTreeMap;
use std::time::Instant;

use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use scylla::response::query_result::QueryResult;
use thiserror::Error;

use crate::connect::{ConnectFault, NewSchema, Unreachable, session};
use crate::limits::{SCHEMA_PATIENCE, START_DEADLINE};
use crate::request::backoff;
use crate::settings::{CqlSettings, Replication};

/// Each file once, in this order, never changed after a release: its place is the version.
const MIGRATIONS: [(&str, &str); 4] = [
    ("0001_ledgers", include_str!("../cql/0001_ledgers.cql")),
    (
        "0002_event_index",
        include_str!("../cql/0002_event_index.cql"),
    ),
    (
        "0003_object_links",
        include_str!("../cql/0003_object_links.cql"),
    ),
    (
        "0004_sweep_cursors",
        include_str!("../cql/0004_sweep_cursors.cql"),
    ),
];
/// The version that this program reads and writes: the number of migrations.
pub const SCHEMA_VERSION: i32 = 4;

const VERSIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    component text, version int, name text, applied_at timestamp,
    PRIMARY KEY (component, version)) WITH CLUSTERING ORDER BY (version DESC)";
pub(crate) const READ_VERSION: &str =
    "SELECT version FROM schema_versions WHERE component = 'ledger' LIMIT 1";
const WRITE_VERSION: &str = "INSERT INTO schema_versions (component, version, name, applied_at)
    VALUES ('ledger', ?, ?, toTimestamp(now()))";
const READ_REPLICATION: &str =
    "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";

/// What [`apply_schema`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub keyspace: String,
    pub created_keyspace: bool,
    /// The version before, 0 for none, and now.
    pub from: i32,
    pub to: i32,
    /// Migrations that ran.
    pub ran: Vec<&'static str>,
    /// How the keyspace is replicated, where that is not what the settings say: it is left as it
    /// is, since changing it needs a repair afterwards.
    pub other_replication: Option<String>,
}

/// A statement of a migration was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "migration `{migration}` of keyspace `{keyspace}` failed: {reason}; mend what it names and run \
     `trueup ledger apply` again: what was done is kept"
)]
pub struct MigrationFailed {
    pub keyspace: String,
    pub migration: &'static str,
    pub reason: String,
}

/// Why the schema could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MigrateFault {
    #[error(transparent)]
    Connect(#[from] ConnectFault),
    #[error(transparent)]
    Migration(#[from] MigrationFailed),
}

/// Creates or migrates the keyspace of `settings`, and returns once every node agrees.
///
/// # Errors
/// [`MigrateFault`] when the store is away, refuses a statement or is of a later version.
pub async fn apply_schema(settings: &CqlSettings) -> Result<Applied, MigrateFault> {
    let session = session(settings, START_DEADLINE).await?;
    let mut applied = Applied {
        keyspace: settings.keyspace.clone(),
        created_keyspace: false,
        from: SCHEMA_VERSION,
        to: SCHEMA_VERSION,
        ran: Vec::new(),
        other_replication: None,
    };
    let began = Instant::now();
    let mut waits = backoff();
    loop {
        match bring_up_to_date(&session, settings, &mut applied).await {
            Err(MigrateFault::Migration(fault)) if began.elapsed() < SCHEMA_PATIENCE => {
                tracing::debug!(%fault, "trying again");
                tokio::time::sleep(waits.next().unwrap_or(SCHEMA_PATIENCE)).await;
            }
            ended => return ended.map(|()| applied),
        }
    }
}

/// Does what is left to do, and notes what it found and did in `applied`, over all tries.
async fn bring_up_to_date(
    session: &Session,
    settings: &CqlSettings,
    applied: &mut Applied,
) -> Result<(), MigrateFault> {
    let keyspace = &settings.keyspace;
    let failed = |migration: &'static str, reason: &dyn ToString| MigrationFailed {
        keyspace: keyspace.clone(),
        migration,
        reason: reason.to_string(),
    };
    match replication(session, keyspace)
        .await
        .map_err(|e| failed("keyspace", &e))?
    {
        Some(found) if found != wanted(&settings.replication) => {
            applied.other_replication = Some(shown(&found));
        }
        Some(_) => {}
        None => {
            let create = create_keyspace(settings);
            let created = session.query_unpaged(create, ()).await;
            created.map_err(|e| failed("keyspace", &e))?;
            applied.created_keyspace = true;
        }
    }
    session
        .use_keyspace(keyspace, true)
        .await
        .map_err(|e| failed("keyspace", &e))?;
    session
        .query_unpaged(VERSIONS_TABLE, ())
        .await
        .map_err(|e| failed("schema_versions", &e))?;
    let found = read_version(session)
        .await
        .map_err(|e| failed("schema_versions", &e))?;
    if found > SCHEMA_VERSION {
        let keyspace = keyspace.clone();
        let newer = NewSchema {
            keyspace,
            found,
            wanted: SCHEMA_VERSION,
        };
        return Err(ConnectFault::from(newer).into());
    }
    applied.from = applied.from.min(found);
    for (version, (name, text)) in (1_i32..).zip(MIGRATIONS) {
        if version > found {
            migrate(session, version, name, text)
                .await
                .map_err(|e| failed(name, &e))?;
            applied.ran.push(name);
        }
    }
    session
        .await_schema_agreement()
        .await
        .map_err(|e| ConnectFault::from(Unreachable::new(settings, e)))?;
    Ok(())
}

async fn migrate(
    session: &Session,
    version: i32,
    name: &'static str,
    text: &str,
) -> Result<(), ExecutionError> {
    for statement in statements(text) {
        session.query_unpaged(statement, ()).await?;
    }
    session.await_schema_agreement().await?;
    let written = session.query_unpaged(WRITE_VERSION, (version, name)).await;
    written.map(drop)
}

/// The newest migration of the keyspace in use, 0 when there is none.
async fn read_version(session: &Session) -> Result<i32, String> {
    let answer = session.query_unpaged(READ_VERSION, ()).await;
    let found = only_row::<(i32,)>(answer)?;
    Ok(found.map_or(0, |(version,)| version))
}

/// The row of an answer, if it has one. An answer that cannot be read is not an empty one.
fn only_row<R>(answer: Result<QueryResult, ExecutionError>) -> Result<Option<R>, String>
where
    R: for<'a> DeserializeRow<'a, 'a>,
{
    let rows = answer.map_err(|e| e.to_string())?.into_rows_result();
    let row = rows.map_err(|e| e.to_string())?.maybe_first_row();
    row.map_err(|e| e.to_string())
}

/// Whether the store said that the statement names what is not there.
pub(crate) fn is_invalid(error: &PrepareError) -> bool {
    let attempt = match error {
        PrepareError::AllAttemptsFailed { first_attempt } => first_attempt,
        _ => return false,
    };
    matches!(attempt, RequestAttemptError::DbError(DbError::Invalid, _))
}

/// As the store has it, without the package of the class.
type ReplicationMap = BTreeMap<String, String>;

async fn replication(session: &Session, keyspace: &str) -> Result<Option<ReplicationMap>, String> {
    let answer = session.query_unpaged(READ_REPLICATION, (keyspace,)).await;
    let found = only_row::<(ReplicationMap,)>(answer)?;
    Ok(found.map(|(mut map,)| {
        for value in map.values_mut() {
            if let Some(short) = value.strip_prefix("org.apache.cassandra.locator.") {
                *value = short.to_owned();
            }
        }
        map
    }))
}

fn shown(replication: &ReplicationMap) -> String {
    let pairs = replication
        .iter()
        .map(|(name, value)| format!("'{name}': '{value}'"));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

fn wanted(replication: &Replication) -> ReplicationMap {
    let (class, name, replicas) = match replication {
        Replication::Simple { replicas } => ("SimpleStrategy", "replication_factor", replicas),
        Replication::Datacenter { name, replicas } => {
            ("NetworkTopologyStrategy", name.as_str(), replicas)
        }
    };
    BTreeMap::from([
        ("class".to_owned(), class.to_owned()),
        (name.to_owned(), replicas.to_string()),
    ])
}

fn create_keyspace(settings: &CqlSettings) -> String {
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {} AND durable_writes = true",
        settings.keyspace,
        shown(&wanted(&settings.replication))
    )
}

/// The statements of a file: comments stand on lines of their own, no literal holds a `;`.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    code.join("\n")
        .split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_counts_the_migrations_and_every_file_can_be_repeated() {
        assert_eq!(usize::try_from(SCHEMA_VERSION), Ok(MIGRATIONS.len()));
        for (number, (name, text)) in (1..).zip(MIGRATIONS) {
            assert!(name.starts_with(&format!("{number:04}_")), "{name}");
            for statement in statements(text) {
                assert!(statement.contains(" IF NOT EXISTS "), "{name}: {statement}");
            }
        }
    }

    #[test]
    fn a_file_is_cut_into_its_statements_without_comments() {
        assert_eq!(
            statements("-- one; two\nA\n B;\n\n C ;\n-- end\n"),
            ["A\n B", "C"]
        );
    }

    #[test]
    fn a_keyspace_is_created_with_the_replication_of_the_settings() {
        let mut settings = CqlSettings::new(vec!["db".into()], "trueup");
        settings.replication = Replication::Datacenter {
            name: "eu-1".into(),
            replicas: 3,
        };
        assert_eq!(
            create_keyspace(&settings),
            "CREATE KEYSPACE IF NOT EXISTS trueup WITH replication = {'class': \
             'NetworkTopologyStrategy', 'eu-1': '3'} AND durable_writes = true"
        );
    }

    #[test]
    fn one_datacenter_too_many_is_another_replication() {
        let one = Replication::Datacenter {
            name: "eu".into(),
            replicas: 3,
        };
        let mut found = wanted(&one);
        assert_eq!(
            shown(&found),
            "{'class': 'NetworkTopologyStrategy', 'eu': '3'}"
        );
        found.insert("us".into(), "3".into());
        assert_ne!(found, wanted(&one));
    }
}
