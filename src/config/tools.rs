//! What the commands that do one thing and end need.

use std::net::SocketAddr;

use trueup_ledger::Replication;
use trueup_schemas::seal::SigningKeys;

use super::targets::{self, KafkaTarget, OpsTarget, StoreTarget};
use crate::settings::{Faults, Merged, Reader, value};

/// `topics apply`.
#[derive(Debug)]
pub struct TopicsConfig {
    pub kafka: KafkaTarget,
    pub partitions: Partitions,
    /// `None`: 3 where there are three brokers, else 1.
    pub replication: Option<i32>,
    pub json: bool,
}

impl TopicsConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let kafka = KafkaTarget::read(&mut reader);
        let partitions = partitions(&mut reader);
        let replication = replication_factor(&mut reader);
        let json = reader.switch("json");
        match (kafka, partitions) {
            (Some(kafka), Some(partitions)) if reader.faults.is_empty() => Ok(Self {
                kafka,
                partitions: Partitions::Just(partitions),
                replication,
                json,
            }),
            _ => Err(reader.faults),
        }
    }
}

/// How many partitions the topics shall have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitions {
    Just(i32),
    /// As many as they have; so many where they are made.
    AsTheyAre(i32),
}

/// The partitions that the topics shall have.
pub fn partitions(reader: &mut Reader<'_>) -> Option<i32> {
    reader.required("partitions", |text| {
        value::number(text, 1, value::MAX_PARTITIONS)
    })
}

/// The replicas of each, where somebody said.
pub fn replication_factor(reader: &mut Reader<'_>) -> Option<i32> {
    reader.optional("replication-factor", |text| {
        value::number(text, 1, value::MAX_REPLICATION)
    })
}

/// `ledger apply`.
#[derive(Debug)]
pub struct LedgerConfig {
    pub store: StoreTarget,
    pub replication: Replication,
    pub json: bool,
}

impl LedgerConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let store = StoreTarget::read(&mut reader);
        let replication = reader.required("replication", value::replication);
        let json = reader.switch("json");
        match (store, replication) {
            (Some(store), Some(replication)) if reader.faults.is_empty() => Ok(Self {
                store,
                replication,
                json,
            }),
            _ => Err(reader.faults),
        }
    }
}

/// `send`.
#[derive(Debug)]
pub struct SendConfig {
    pub http: SocketAddr,
    pub secret: String,
    pub json: bool,
}

impl SendConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let http = reader.required("http", value::address);
        if merged.get("stripe-webhook-secret").is_none() {
            reader.missing("stripe-webhook-secret");
        }
        let secret = reader
            .secrets("stripe-webhook-secret")
            .and_then(|all| all.into_iter().next());
        let json = reader.switch("json");
        match (http, secret) {
            (Some(http), Some(secret)) if reader.faults.is_empty() => {
                Ok(Self { http, secret, json })
            }
            _ => Err(reader.faults),
        }
    }
}

/// Kafka and the store, to be read without a process between.
#[derive(Debug)]
pub struct Stores {
    pub kafka: KafkaTarget,
    pub store: StoreTarget,
    pub signing_keys: Option<SigningKeys>,
}

/// Where `order` and `event` look.
#[derive(Debug)]
pub enum Asked {
    Stores(Box<Stores>),
    /// The ops listener of a running process.
    Ops(OpsTarget),
}

/// `order` and `event`.
#[derive(Debug)]
pub struct AskConfig {
    pub asked: Asked,
    pub json: bool,
}

impl AskConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let json = reader.switch("json");
        let direct = is_direct(merged, &["kafka", "scylla"]);
        let asked = if direct {
            let kafka = KafkaTarget::read(&mut reader);
            let store = StoreTarget::read(&mut reader);
            let signing_keys = targets::signing_keys_if_set(&mut reader);
            let stores = kafka.zip(store).map(|(kafka, store)| Stores {
                kafka,
                store,
                signing_keys,
            });
            stores.map(|stores| Asked::Stores(Box::new(stores)))
        } else {
            OpsTarget::read(&mut reader).map(Asked::Ops)
        };
        match asked {
            Some(asked) if reader.faults.is_empty() => Ok(Self { asked, json }),
            _ => Err(reader.faults),
        }
    }
}

/// Whether `named` (Kafka, the store) are to be read: where somebody named one, unless `--ops` was
/// named nearer by. A file or an environment shared with `trueup process` names them always.
pub(super) fn is_direct(merged: &Merged, named: &[&str]) -> bool {
    let nearness = |name: &str| merged.get(name).map(|value| value.source.nearness());
    let stores = named.iter().filter_map(|name| nearness(name)).max();
    stores.is_some() && stores >= nearness("ops")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, Flags};

    fn is_direct_with(flags: &[&str], variables: &[&str]) -> bool {
        let flags: Flags = flags
            .iter()
            .map(|name| ((*name).to_owned(), vec!["127.0.0.1:1".to_owned()]))
            .collect();
        let variables: Environment = variables
            .iter()
            .map(|name| ((*name).to_owned(), "127.0.0.1:1".to_owned()))
            .collect();
        let merged = Merged::new(&flags, &variables, &mut Faults::default());
        is_direct(&merged, &["kafka", "scylla"])
    }

    #[test]
    fn the_ops_listener_is_asked_unless_kafka_or_the_store_is_named() {
        assert!(!is_direct_with(&[], &[]));
        assert!(!is_direct_with(&["ops"], &[]));
        assert!(is_direct_with(&["kafka", "scylla"], &[]));
        assert!(is_direct_with(&[], &["TRUEUP_SCYLLA"]));
    }

    #[test]
    fn a_flag_names_nearer_than_a_variable_and_kafka_wins_a_tie() {
        assert!(!is_direct_with(
            &["ops"],
            &["TRUEUP_KAFKA", "TRUEUP_SCYLLA"]
        ));
        assert!(is_direct_with(&["kafka"], &["TRUEUP_OPS"]));
        assert!(is_direct_with(&["ops", "kafka"], &[]));
        assert!(is_direct_with(&[], &["TRUEUP_OPS", "TRUEUP_KAFKA"]));
    }
}
