//! Opens the session: token-aware, quorum in the local datacenter, no retries but our own.

use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::Consistency;
use thiserror::Error;

use crate::limits::{KEEPALIVE, START_DEADLINE};
use crate::settings::{CqlSettings, SettingsFault};

/// No node of the store could be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "store at `{hosts}` cannot be reached: {reason}; start it, or name the right hosts, user and \
     datacenter"
)]
pub struct Unreachable {
    pub hosts: String,
    pub reason: String,
}

/// The keyspace has none of our tables, or is not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("keyspace `{keyspace}` has no ledger tables ({reason}); run `trueup ledger apply`")]
pub struct NoSchema {
    pub keyspace: String,
    pub reason: String,
}

/// The tables are of an earlier version than this program's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "keyspace `{keyspace}` has schema {found}, this program needs {wanted}; run `trueup ledger apply`"
)]
pub struct OldSchema {
    pub keyspace: String,
    pub found: i32,
    pub wanted: i32,
}

/// The tables are of a later version than this program's, which must not write into them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "keyspace `{keyspace}` has schema {found}, this program knows {wanted}; run the version of \
     trueup that made it, or a later one"
)]
pub struct NewSchema {
    pub keyspace: String,
    pub found: i32,
    pub wanted: i32,
}

/// Why a ledger store could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectFault {
    #[error(transparent)]
    Settings(#[from] SettingsFault),
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error(transparent)]
    NoSchema(#[from] NoSchema),
    #[error(transparent)]
    OldSchema(#[from] OldSchema),
    #[error(transparent)]
    NewSchema(#[from] NewSchema),
}

impl Unreachable {
    pub(crate) fn new(settings: &CqlSettings, reason: impl ToString) -> Self {
        Self {
            hosts: settings.hosts.join(","),
            reason: reason.to_string(),
        }
    }
}

/// A session on `settings`, whose requests may take `request_timeout`.
pub(crate) async fn session(
    settings: &CqlSettings,
    request_timeout: Duration,
) -> Result<Session, ConnectFault> {
    if let Some(fault) = settings.faults().into_iter().next() {
        return Err(fault.into());
    }
    let mut policy = DefaultPolicy::builder().token_aware(true);
    if let Some(datacenter) = settings.datacenter() {
        // Another datacenter's quorum would say nothing about what this one acknowledged.
        policy = policy
            .prefer_datacenter(datacenter.to_owned())
            .permit_dc_failover(false);
    }
    let profile = ExecutionProfile::builder()
        .load_balancing_policy(policy.build())
        .consistency(Consistency::LocalQuorum)
        // Every repetition is ours: counted, jittered and bounded in one place.
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .request_timeout(Some(request_timeout))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(
            settings
                .hosts
                .iter()
                .map(|host| host.trim())
                .filter(|host| !host.is_empty()),
        )
        .default_execution_profile_handle(profile.into_handle())
        .connection_timeout(settings.connect_timeout)
        .tcp_nodelay(true)
        .keepalive_interval(KEEPALIVE)
        .keepalive_timeout(KEEPALIVE)
        .schema_agreement_timeout(START_DEADLINE);
    if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
        builder = builder.user(user, password);
    }
    let deadline = deadline(settings);
    let connecting = tokio::time::timeout(deadline, builder.build());
    match connecting.await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => Err(Unreachable::new(settings, error).into()),
        Err(_) => {
            let reason = format!("no answer within {} s", deadline.as_secs_f32());
            Err(Unreachable::new(settings, reason).into())
        }
    }
}

/// The driver's timeout covers the connection and not what is said over it, so a host that takes
/// connections and stays silent is ours to give up. Each host may cost one timeout in vain, and the
/// one that answers has as long for its answers.
fn deadline(settings: &CqlSettings) -> Duration {
    let hosts = u32::try_from(settings.hosts.len()).unwrap_or(u32::MAX);
    let each = settings.connect_timeout;
    each.saturating_mul(hosts.saturating_add(1))
        .min(START_DEADLINE)
}
