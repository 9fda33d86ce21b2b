//! `ledger apply`: creates or migrates the keyspace and its tables.

use serde::Serialize;
use tokio::runtime::Runtime;
use trueup_ledger::{Applied, apply_schema};

use super::store;
use crate::config::LedgerConfig;
use crate::failure::Failure;
use crate::output;

/// What became of the keyspace.
#[derive(Debug, Serialize)]
pub struct Outcome {
    keyspace: String,
    /// `created`, `migrated` or `unchanged`.
    result: &'static str,
    from: i32,
    to: i32,
    migrations: Vec<&'static str>,
    /// How the keyspace is replicated, where that is not what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_replication: Option<String>,
}

pub fn run(config: &LedgerConfig) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = apply(&runtime, config)?;
    if config.json {
        return Ok(output::json(&outcome)?);
    }
    Ok(output::line(&format!(
        "{}  {}  schema {}",
        outcome.result, outcome.keyspace, outcome.to
    ))?)
}

/// # Errors
/// A store that does not answer, or whose tables are a later version's.
pub fn apply(runtime: &Runtime, config: &LedgerConfig) -> Result<Outcome, Failure> {
    let settings = store::settings(&config.store, Some(config.replication.clone()));
    let applied = runtime
        .block_on(apply_schema(&settings))
        .map_err(Failure::failed)?;
    if let Some(found) = &applied.other_replication {
        tracing::warn!(
            keyspace = applied.keyspace,
            replication = found,
            "the keyspace is replicated otherwise and left as it is: change it with ALTER KEYSPACE \
             and run a repair"
        );
    }
    Ok(Outcome::of(applied))
}

impl Outcome {
    fn of(applied: Applied) -> Self {
        let result = match (applied.created_keyspace, applied.ran.is_empty()) {
            (true, _) => "created",
            (false, false) => "migrated",
            (false, true) => "unchanged",
        };
        Self {
            keyspace: applied.keyspace,
            result,
            from: applied.from,
            to: applied.to,
            migrations: applied.ran,
            other_replication: applied.other_replication,
        }
    }
}
