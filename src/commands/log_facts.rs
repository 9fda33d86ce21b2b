//! What must hold of the topics before anything starts on them, and what they tell.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use tokio::time;
use trueup_schemas::topics::Topics;

use super::topics::{self, Known};
use crate::config::KafkaTarget;
use crate::failure::Failure;
use crate::shutdown::Stop;

/// The first and the longest wait for brokers that are away.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long one try may keep the process from hearing that it shall stop.
const ONE_TRY: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFacts {
    /// `min.compaction.lag.ms` of the orders topic.
    pub orders_lag_ms: i64,
    /// The orders topic holds a record, or held one: an order service feeds it.
    pub orders_told: bool,
}

type Admin = AdminClient<DefaultClientContext>;

/// Waits for the brokers; `None` when asked to stop meanwhile.
///
/// # Errors
/// What waiting does not mend: a topic that is missing or has another partition count.
pub async fn await_facts(kafka: &KafkaTarget, stop: Stop) -> Result<Option<LogFacts>, Failure> {
    let admin: Admin = kafka.client().create().map_err(Failure::failed)?;
    let mut wait = FIRST_WAIT;
    loop {
        let asked = match tokio::task::block_in_place(|| topics::known_topics(&admin, ONE_TRY)) {
            Ok(known) => {
                copartitioned(kafka, &known)?;
                let told = tokio::task::block_in_place(|| orders_told(&admin, kafka, &known));
                match told {
                    Ok(told) => orders_lag(&admin, kafka).await.map(|lag| (lag, told)),
                    Err(fault) => Err(fault),
                }
            }
            Err(fault) => Err(fault),
        };
        match asked {
            Ok((orders_lag_ms, orders_told)) => {
                return Ok(Some(LogFacts {
                    orders_lag_ms,
                    orders_told,
                }));
            }
            Err(fault) => tracing::warn!(%fault, "waiting for the brokers"),
        }
        tokio::select! {
            () = stop.clone().wait() => return Ok(None),
            () = time::sleep(wait) => wait = wait.saturating_mul(2).min(LONGEST_WAIT),
        }
    }
}

/// The inputs and outputs of the reconciler are there and have one partition count.
fn copartitioned(kafka: &KafkaTarget, known: &Known) -> Result<(), Failure> {
    let mut counts = Vec::new();
    for name in agreeing(&Topics::new(&kafka.prefix)) {
        match known.topics.get(&name) {
            Some(held) => counts.push((name, held.partitions)),
            None => {
                let remedy = "run `trueup topics apply`, or is --topic-prefix another?";
                return Err(Failure::failed(format!(
                    "topic `{name}` is missing; {remedy}"
                )));
            }
        }
    }
    let equal = counts.windows(2).all(|pair| match pair {
        [(_, left), (_, right)] => left == right,
        _ => true,
    });
    if equal {
        return Ok(());
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    Err(Failure::failed(format!(
        "these topics must have one partition count: {}; make them anew with `trueup topics apply`",
        counts.join(", ")
    )))
}

/// The topics that a key must find under one partition number.
pub fn agreeing(topics: &Topics) -> [String; 5] {
    [
        topics.payments_events(),
        topics.orders(),
        topics.orders_status(),
        topics.payments_gaps(),
        topics.payments_windows(),
    ]
}

/// Whether anything was ever written to the orders topic.
fn orders_told(admin: &Admin, kafka: &KafkaTarget, known: &Known) -> Result<bool, Failure> {
    let orders = Topics::new(&kafka.prefix).orders();
    let partitions = known.topics.get(&orders).map_or(0, |held| held.partitions);
    for partition in 0..i32::try_from(partitions).unwrap_or(i32::MAX) {
        let bounds = admin
            .inner()
            .fetch_watermarks(&orders, partition, ONE_TRY)
            .map_err(Failure::failed)?;
        if bounds.1 > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn orders_lag(admin: &Admin, kafka: &KafkaTarget) -> Result<i64, Failure> {
    let orders = Topics::new(&kafka.prefix).orders();
    let resources = [ResourceSpecifier::Topic(&orders)];
    let described = admin
        .describe_configs(&resources, &AdminOptions::new())
        .await
        .map_err(Failure::failed)?;
    let lag = described
        .into_iter()
        .filter_map(Result::ok)
        .find_map(|topic| {
            topic
                .get("min.compaction.lag.ms")?
                .value
                .as_ref()?
                .parse()
                .ok()
        });
    lag.ok_or_else(|| {
        Failure::failed(format!(
            "min.compaction.lag.ms of `{orders}` cannot be read"
        ))
    })
}
