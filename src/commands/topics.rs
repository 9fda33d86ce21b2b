//! `topics apply`: creates or verifies every topic; never changes a partition count.
//!
//! Every record's partition is murmur2 of its key over the count, so a topic whose count changed
//! would hold one order in two places: that is refused, whatever the direction.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use serde::Serialize;
use tokio::runtime::Runtime;
use trueup_schemas::registry::Registry;
use trueup_schemas::topics::{TopicSpec, Topics};

use crate::config::TopicsConfig;
use crate::config::tools::Partitions;
use crate::failure::Failure;
use crate::output;

/// How long the brokers may take for one administrative call.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two tries of one.
const ADMIN_PAUSE: Duration = Duration::from_millis(100);
/// How long somebody who waits at a terminal shall wait for brokers that are away.
pub const BROKERS_TIMEOUT: Duration = Duration::from_secs(10);
/// Brokers from which on topics are made with three replicas.
const BROKERS_FOR_REPLICAS: usize = 3;

/// What became of one topic.
#[derive(Debug, Serialize)]
struct Outcome {
    topic: String,
    /// `created`, `unchanged`, `altered` or `refused`.
    result: &'static str,
    partitions: i32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<String>,
}

pub type Admin = AdminClient<DefaultClientContext>;

pub fn run(config: &TopicsConfig) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcomes = runtime.block_on(apply(config))?;
    report(&outcomes, config.json)?;
    end(config, &outcomes)?;
    if config.kafka.registry.is_some() && !config.json {
        output::line("subjects   registered")?;
    }
    Ok(())
}

/// The same, as the first thing another command does: it says what is wrong and nothing else.
///
/// # Errors
/// Brokers that do not answer or refuse, a topic that has another partition count.
pub fn prepare(runtime: &Runtime, config: &TopicsConfig) -> Result<(), Failure> {
    let outcomes = runtime.block_on(apply(config))?;
    end(config, &outcomes)
}

/// Refuses where a topic was refused, else registers the schemas.
fn end(config: &TopicsConfig, outcomes: &[Outcome]) -> Result<(), Failure> {
    if outcomes.iter().any(|outcome| outcome.result == "refused") {
        return Err(Failure::failed(
            "nothing was changed: a topic has another partition count than asked for, and a count \
             cannot change under records that are keyed: ask for the count it has (--partitions), or make new topics \
             under another --topic-prefix",
        ));
    }
    if let Some(url) = &config.kafka.registry {
        register(url, &config.kafka.prefix)?;
    }
    Ok(())
}

async fn apply(config: &TopicsConfig) -> Result<Vec<Outcome>, Failure> {
    let admin: Admin = config.kafka.client().create().map_err(Failure::failed)?;
    let known = known_topics(&admin, BROKERS_TIMEOUT)?;
    let replication = config.replication.unwrap_or_else(|| known.replication());
    let topics = Topics::new(&config.kafka.prefix);
    let partitions = match config.partitions {
        Partitions::Just(partitions) => partitions,
        Partitions::AsTheyAre(partitions) => {
            let held = known.topics.get(&topics.payments_events());
            held.map_or(partitions, |held| held.partitions)
        }
    };
    let specs = topics.specs(partitions, replication);
    let refused: Vec<Outcome> = specs
        .iter()
        .filter_map(|spec| refusal(spec, *known.topics.get(&spec.name)?))
        .collect();
    // All or nothing: topics made beside one of another count would be of no use to anybody.
    if !refused.is_empty() {
        return Ok(refused);
    }
    create(&admin, &specs, &known, replication).await?;
    let mut outcomes = Vec::new();
    for spec in &specs {
        outcomes.push(outcome(&admin, spec, known.topics.get(&spec.name)).await?);
    }
    Ok(outcomes)
}

/// A topic that exists with another partition count than asked for.
fn refusal(spec: &TopicSpec, held: Held) -> Option<Outcome> {
    let (has, asked) = (held.partitions, spec.partitions);
    (has != asked).then(|| Outcome {
        topic: spec.name.clone(),
        result: "refused",
        partitions: has,
        changes: vec![format!("has {has} partitions, {asked} were asked for")],
    })
}

async fn outcome(admin: &Admin, spec: &TopicSpec, held: Option<&Held>) -> Result<Outcome, Failure> {
    let (result, changes) = match held {
        None => ("created", Vec::new()),
        Some(held) => {
            let changes = verify_configs(admin, spec, *held).await?;
            let result = if changes.is_empty() {
                "unchanged"
            } else {
                "altered"
            };
            (result, changes)
        }
    };
    Ok(Outcome {
        topic: spec.name.clone(),
        result,
        partitions: spec.partitions,
        changes,
    })
}

/// What the brokers hold before anything is done.
pub struct Known {
    brokers: usize,
    pub topics: HashMap<String, Held>,
}

/// One topic that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub partitions: i32,
    pub replicas: usize,
}

impl Known {
    /// Replicas where nobody said: three where there are brokers for them.
    pub fn replication(&self) -> i32 {
        if self.brokers >= BROKERS_FOR_REPLICAS {
            3
        } else {
            1
        }
    }

    pub fn brokers(&self) -> usize {
        self.brokers
    }
}

/// # Errors
/// Brokers that do not answer within `limit`.
pub fn known_topics(admin: &Admin, limit: Duration) -> Result<Known, Failure> {
    let until = Instant::now() + limit;
    let metadata = loop {
        let left = until.saturating_duration_since(Instant::now());
        match admin.inner().fetch_metadata(None, left) {
            Ok(metadata) => break metadata,
            // A connection that broke; the client makes another.
            Err(fault)
                if fault.rdkafka_error_code() == Some(RDKafkaErrorCode::BrokerTransportFailure)
                    && left > ADMIN_PAUSE =>
            {
                thread::sleep(ADMIN_PAUSE);
            }
            Err(fault) => {
                return Err(Failure::failed(format!(
                    "the brokers do not answer: {fault}; is --kafka right, and are they up?"
                )));
            }
        }
    };
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| topic.error().is_none())
        .map(|topic| {
            let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
            let replicas = topic
                .partitions()
                .iter()
                .map(|one| one.replicas().len())
                .min();
            (
                topic.name().to_owned(),
                Held {
                    partitions,
                    replicas: replicas.unwrap_or_default(),
                },
            )
        })
        .collect();
    Ok(Known {
        brokers: metadata.brokers().len(),
        topics,
    })
}

/// Makes a call again whose connection broke or whose answer did not come: what it asks for can be
/// asked for twice.
async fn patiently<T>(call: impl AsyncFn() -> KafkaResult<T>) -> Result<T, Failure> {
    let started = tokio::time::Instant::now();
    loop {
        let fault = match call().await {
            Ok(done) => return Ok(done),
            Err(fault) => fault,
        };
        let code = match &fault {
            KafkaError::AdminOp(code) => Some(*code),
            other => other.rdkafka_error_code(),
        };
        let passes = matches!(
            code,
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::RequestTimedOut
            )
        );
        if !passes || started.elapsed() >= ADMIN_TIMEOUT {
            return Err(Failure::failed(fault));
        }
        tracing::debug!(%fault, "an administrative call is made again");
        tokio::time::sleep(ADMIN_PAUSE).await;
    }
}

async fn create(
    admin: &Admin,
    specs: &[TopicSpec],
    known: &Known,
    replication: i32,
) -> Result<(), Failure> {
    let missing: Vec<NewTopic<'_>> = specs
        .iter()
        .filter(|spec| !known.topics.contains_key(&spec.name))
        .map(|spec| NewTopic {
            name: &spec.name,
            num_partitions: spec.partitions,
            replication: TopicReplication::Fixed(replication),
            config: spec
                .configs
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
                .collect(),
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let options = AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT));
    let results = patiently(async || admin.create_topics(&missing, &options).await).await?;
    let refused: Vec<String> = results
        .into_iter()
        .filter_map(Result::err)
        // Somebody else applied at the same time; the next run verifies what he made.
        .filter(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists)
        .map(|(topic, code)| format!("{topic}: {code}"))
        .collect();
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "the brokers made no {}",
            refused.join(", ")
        )))
    }
}

/// Brings a topic's configuration to `spec`, and says what had to change.
async fn verify_configs(
    admin: &Admin,
    spec: &TopicSpec,
    held: Held,
) -> Result<Vec<String>, Failure> {
    let differences = differing(admin, spec, held).await?;
    if differences.wrong.is_empty() {
        return Ok(Vec::new());
    }
    // The call replaces the whole set of a topic's own settings, so those that others made on it
    // go along unchanged.
    let mut entries: HashMap<&str, &str> = differences
        .own
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    entries.extend(
        differences
            .wrong
            .iter()
            .map(|wrong| (wrong.key, wrong.wanted.as_str())),
    );
    let change = AlterConfig {
        specifier: ResourceSpecifier::Topic(&spec.name),
        entries,
    };
    let (changes, options) = ([change], AdminOptions::new());
    let results = patiently(async || admin.alter_configs(&changes, &options).await).await?;
    for result in results {
        result.map_err(|(_, code)| {
            Failure::failed(format!("{} cannot be altered: {code}", spec.name))
        })?;
    }
    Ok(differences.wrong.iter().map(ToString::to_string).collect())
}

/// One setting of a topic that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    key: &'static str,
    held: String,
    wanted: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: was `{}`, shall be `{}`",
            self.key, self.held, self.wanted
        )
    }
}

/// How a topic's configuration differs from its specification.
pub struct Differences {
    pub wrong: Vec<Wrong>,
    /// What is set on the topic itself.
    own: Vec<(String, String)>,
}

/// Compares a topic that exists with its specification.
pub async fn differing(
    admin: &Admin,
    spec: &TopicSpec,
    held: Held,
) -> Result<Differences, Failure> {
    let resources = [ResourceSpecifier::Topic(&spec.name)];
    let options = AdminOptions::new();
    let described = patiently(async || admin.describe_configs(&resources, &options).await).await?;
    let mut differences = Differences {
        wrong: Vec::new(),
        own: Vec::new(),
    };
    for resource in described {
        let resource = resource.map_err(|code| {
            Failure::failed(format!(
                "the configuration of {} cannot be read: {code}",
                spec.name
            ))
        })?;
        let entries = resource.entry_map();
        for (key, wanted) in &spec.configs {
            // Two in sync of one replica would refuse every write.
            if *key == "min.insync.replicas" && held.replicas < BROKERS_FOR_REPLICAS {
                continue;
            }
            let value = entries
                .get(key)
                .and_then(|entry| entry.value.as_deref())
                .unwrap_or_default();
            if !good_enough(key, value, wanted) {
                let (held, wanted) = (value.to_owned(), wanted.clone());
                differences.wrong.push(Wrong { key, held, wanted });
            }
        }
        let own = resource
            .entries
            .iter()
            .filter(|entry| entry.source == ConfigSource::DynamicTopic);
        differences
            .own
            .extend(own.filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?))));
    }
    Ok(differences)
}

/// Whether what a topic has will do: an operator may keep more and longer than asked, not less.
fn good_enough(key: &str, held: &str, wanted: &str) -> bool {
    let (Ok(number), Ok(least)) = (held.parse::<i64>(), wanted.parse::<i64>()) else {
        return held == wanted;
    };
    match key {
        // -1 keeps for ever.
        "retention.ms" => number == -1 || number >= least,
        "max.message.bytes"
        | "min.insync.replicas"
        | "min.compaction.lag.ms"
        | "delete.retention.ms" => number >= least,
        "segment.ms" | "max.compaction.lag.ms" => number <= least,
        _ => number == least,
    }
}

fn register(url: &str, prefix: &str) -> Result<(), Failure> {
    Registry::new(url)
        .and_then(|registry| registry.register_all(&Topics::new(prefix)))
        .map(drop)
        .map_err(|fault| {
            Failure::failed(format!(
                "the schema registry did not take the schemas: {fault}"
            ))
        })
}

fn report(outcomes: &[Outcome], json: bool) -> Result<(), Failure> {
    if json {
        return Ok(output::json(&outcomes)?);
    }
    for outcome in outcomes {
        output::line(&format!(
            "{:<10} {} ({} partitions)",
            outcome.result, outcome.topic, outcome.partitions
        ))?;
        for change in &outcome.changes {
            output::line(&format!("           {change}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_may_keep_more_and_longer_but_not_less() {
        assert!(
            good_enough("retention.ms", "-1", "100") && good_enough("retention.ms", "200", "100")
        );
        assert!(!good_enough("retention.ms", "99", "100"));
        assert!(good_enough("segment.ms", "50", "100") && !good_enough("segment.ms", "101", "100"));
        assert!(!good_enough("cleanup.policy", "delete", "compact"));
    }
}
