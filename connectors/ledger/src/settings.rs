//! Where the CQL store is and how to speak to it. Refuses names that CQL could not hold and
//! replication over several datacenters.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::limits::{CONNECT_TIMEOUT, KEYSPACE_BYTES, READ_DEADLINE, REQUEST_TIMEOUT};

/// How the keyspace is replicated when it is created. It lives in one datacenter: a quorum is
/// asked of that one, and failover to another is an operator's step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replication {
    /// `SimpleStrategy`: clusters of one datacenter, and single nodes.
    Simple { replicas: u8 },
    /// `NetworkTopologyStrategy` with one datacenter, which is also the local one.
    Datacenter { name: String, replicas: u8 },
}

#[derive(Clone, PartialEq, Eq)]
pub struct CqlSettings {
    /// Contact points, `host` or `host:port` (9042 unless said).
    pub hosts: Vec<String>,
    /// 1 to 48 of a–z, 0–9 and `_`, the first a letter.
    pub keyspace: String,
    pub replication: Replication,
    /// Whose nodes are asked; that of the replication unless set.
    pub local_datacenter: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    /// For one connection to open.
    pub connect_timeout: Duration,
    /// For one try of a request.
    pub request_timeout: Duration,
    /// For a read with its retries; then it is a fault.
    pub read_deadline: Duration,
}

impl CqlSettings {
    /// One replica, nobody's name, the default limits.
    #[must_use]
    pub fn new(hosts: Vec<String>, keyspace: impl Into<String>) -> Self {
        Self {
            hosts,
            keyspace: keyspace.into(),
            replication: Replication::Simple { replicas: 1 },
            local_datacenter: None,
            user: None,
            password: None,
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            read_deadline: READ_DEADLINE,
        }
    }

    /// Every fault of these settings at once; none when they can be used.
    #[must_use]
    pub fn faults(&self) -> Vec<SettingsFault> {
        let mut faults = Vec::new();
        if self.hosts.iter().all(|host| host.trim().is_empty()) {
            faults.push(SettingsFault::NoHosts);
        }
        if !is_keyspace(&self.keyspace) {
            faults.push(SettingsFault::Keyspace {
                name: self.keyspace.clone(),
            });
        }
        let replicas = match &self.replication {
            Replication::Simple { replicas } => *replicas,
            Replication::Datacenter { name, replicas } => {
                if !is_datacenter(name) {
                    faults.push(SettingsFault::Datacenter { name: name.clone() });
                }
                *replicas
            }
        };
        if replicas == 0 {
            faults.push(SettingsFault::NoReplicas);
        }
        if let Some(name) = self
            .local_datacenter
            .as_ref()
            .filter(|name| !is_datacenter(name))
        {
            faults.push(SettingsFault::Datacenter { name: name.clone() });
        }
        if self.user.is_some() != self.password.is_some() {
            faults.push(SettingsFault::HalfLogin);
        }
        faults
    }

    /// The datacenter to stay in, where one is known.
    pub(crate) fn datacenter(&self) -> Option<&str> {
        match (&self.local_datacenter, &self.replication) {
            (Some(name), _) | (None, Replication::Datacenter { name, .. }) => Some(name),
            (None, Replication::Simple { .. }) => None,
        }
    }
}

/// The password is nobody's to read.
impl fmt::Debug for CqlSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CqlSettings")
            .field("hosts", &self.hosts)
            .field("keyspace", &self.keyspace)
            .field("replication", &self.replication)
            .field("local_datacenter", &self.local_datacenter)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("read_deadline", &self.read_deadline)
            .finish()
    }
}

fn is_keyspace(name: &str) -> bool {
    name.len() <= KEYSPACE_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
}

/// Names of datacenters stand in CQL between quotes.
fn is_datacenter(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c != '\'' && !c.is_control())
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsFault {
    #[error("the store has no hosts; name at least one as `host` or `host:port`")]
    NoHosts,
    #[error(
        "keyspace `{name}` is no name for one; take 1 to {KEYSPACE_BYTES} of a-z, 0-9 and `_`, \
         the first a letter"
    )]
    Keyspace { name: String },
    #[error("datacenter `{name}` is no name for one; take the store's own, without quotes")]
    Datacenter { name: String },
    #[error("the keyspace has 0 replicas; the least is 1, and 3 survive the loss of a node")]
    NoReplicas,
    #[error("the store's user and password go together; set both or neither")]
    HalfLogin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let mut settings = CqlSettings::new(vec![String::new()], "Orders");
        settings.replication = Replication::Datacenter {
            name: "d'c".into(),
            replicas: 0,
        };
        settings.user = Some("trueup".into());
        assert_eq!(
            settings.faults(),
            [
                SettingsFault::NoHosts,
                SettingsFault::Keyspace {
                    name: "Orders".into()
                },
                SettingsFault::Datacenter { name: "d'c".into() },
                SettingsFault::NoReplicas,
                SettingsFault::HalfLogin,
            ]
        );
        assert_eq!(CqlSettings::new(vec!["db".into()], "trueup_1").faults(), []);
        assert!(!is_keyspace(&"k".repeat(49)) && is_keyspace(&"k".repeat(48)));
    }

    #[test]
    fn a_password_is_never_shown() {
        let mut settings = CqlSettings::new(vec!["db".into()], "trueup");
        settings.user = Some("trueup".into());
        settings.password = Some("correct horse".into());
        let shown = format!("{settings:?}");
        assert!(shown.contains("***") && !shown.contains("horse"), "{shown}");
    }

    #[test]
    fn the_datacenter_of_the_replication_is_the_local_one_unless_another_is_set() {
        let mut settings = CqlSettings::new(vec!["db".into()], "trueup");
        assert_eq!(settings.datacenter(), None);
        settings.replication = Replication::Datacenter {
            name: "eu".into(),
            replicas: 3,
        };
        assert_eq!(settings.datacenter(), Some("eu"));
        settings.local_datacenter = Some("us".into());
        assert_eq!(settings.datacenter(), Some("us"));
    }
}
