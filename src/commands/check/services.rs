//! The checks that ask somebody: brokers, store, topics and clock. None of them changes anything.

use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use trueup_schemas::topics::Topics;

use super::Finding;
use crate::clock;
use crate::commands::log_facts;
use crate::commands::store;
use crate::commands::topics::{self, Known};
use crate::config::{KafkaTarget, StoreTarget};
use crate::settings::{Faults, Merged, Reader};

/// Clocks that differ by more than this are a fault: `created`, the signature's tolerance and
/// every gap's grace are told by them.
const MAX_SKEW_MS: i64 = 5_000;

/// One finding each, in the order of the help.
pub fn findings(merged: &Merged) -> Vec<Finding> {
    let mut reader = Reader::new(merged, Faults::default());
    let kafka = KafkaTarget::read(&mut reader);
    let store = StoreTarget::read(&mut reader);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(fault) => return vec![Finding::new("runtime", Err(fault.to_string()))],
    };
    let unset = |what: &str, flag: &str| Err(format!("no {what} to ask; give --{flag}"));
    let asked = kafka.as_ref().map(|kafka| (kafka, brokers(kafka)));
    let (brokers, topics) = match asked {
        Some((kafka, Ok((known, admin)))) => (
            Ok(format!("{} answer", plural(known.brokers(), "broker"))),
            runtime.block_on(check_topics(kafka, &known, &admin)),
        ),
        Some((_, Err(fault))) => (
            Err(fault),
            Err("not checked: the brokers do not answer".to_owned()),
        ),
        None => (unset("broker", "kafka"), unset("broker", "kafka")),
    };
    let asked = store
        .as_ref()
        .map(|store| store::inspect(runtime.handle(), store));
    let (store, clock) = match asked {
        Some(Ok(found)) => (found.tables, skew(found.clock_ms)),
        Some(Err(fault)) => (
            Err(fault),
            Err("not compared: the store does not answer".to_owned()),
        ),
        None => (
            unset("store", "scylla"),
            Err("not compared: only the store tells its time; give --scylla".to_owned()),
        ),
    };
    vec![
        Finding::new("brokers", brokers),
        Finding::new("store", store),
        Finding::new("topics", topics),
        Finding::new("clock", clock),
    ]
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

type Admin = AdminClient<DefaultClientContext>;

fn brokers(kafka: &KafkaTarget) -> Result<(Known, Admin), String> {
    let admin: Admin = kafka.client().create().map_err(|fault| fault.to_string())?;
    let known =
        topics::known_topics(&admin, topics::BROKERS_TIMEOUT).map_err(|fault| fault.to_string())?;
    Ok((known, admin))
}

/// Every topic is there, the five that must agree have one partition count, and each is
/// configured as it shall be.
async fn check_topics(kafka: &KafkaTarget, known: &Known, admin: &Admin) -> Result<String, String> {
    let names = Topics::new(&kafka.prefix);
    let held = known.topics.get(&names.payments_events()).copied();
    let partitions = held.map_or(1, |held| held.partitions);
    let specs = names.specs(partitions, known.replication());
    let agreeing = log_facts::agreeing(&names);
    let mut faults = Vec::new();
    for spec in &specs {
        let Some(held) = known.topics.get(&spec.name).copied() else {
            faults.push(format!("{} is missing", spec.name));
            continue;
        };
        if agreeing.contains(&spec.name) && held.partitions != partitions {
            let events = names.payments_events();
            faults.push(format!(
                "{} has {} partitions and {events} {partitions}: they must be equal",
                spec.name, held.partitions
            ));
        }
        match topics::differing(admin, spec, held).await {
            Ok(differences) => faults.extend(
                differences
                    .wrong
                    .iter()
                    .map(|wrong| format!("{} {wrong}", spec.name)),
            ),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    if faults.is_empty() {
        Ok(format!(
            "{}, {} each",
            plural(specs.len(), "topic"),
            plural(usize::try_from(partitions).unwrap_or(0), "partition")
        ))
    } else {
        Err(format!("{}; run `trueup topics apply`", faults.join("; ")))
    }
}

fn skew(store_ms: i64) -> Result<String, String> {
    let skew_ms = clock::wall_clock().saturating_sub(store_ms);
    if skew_ms.abs() <= MAX_SKEW_MS {
        Ok(format!(
            "{} ms beside the store's (the brokers do not tell theirs)",
            skew_ms.abs()
        ))
    } else {
        Err(format!(
            "this host is {skew_ms} ms ahead of the store, the limit is {MAX_SKEW_MS}; set both by NTP"
        ))
    }
}
