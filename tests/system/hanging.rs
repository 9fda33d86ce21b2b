//! A transaction that covers the group's offsets and that nobody ends: the processor waits for it
//! as long as it could still be committed, and then goes on from what was committed before.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use trueup_testkit::wait_until;

use crate::support::bench::Bench;
use crate::support::http::metric_becomes;
use crate::support::shop::{now_s, success};
use crate::support::{LIMIT, PARTITIONS};

/// Longer than the processor waits, and no longer than the broker allows.
const OPEN: Duration = Duration::from_secs(600);
/// What the processor waits, what it takes to start, and a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// A member of the reconciler's group that was given its partitions.
fn member(bench: &Bench, group: &str) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &bench.kafka)
        .set("group.id", group)
        .create()
        .unwrap();
    consumer
        .subscribe(&[&bench.topics.payments_events()])
        .unwrap();
    let assigned = wait_until(LIMIT, || {
        consumer.poll(Duration::from_millis(100));
        (consumer.assignment().unwrap().count() > 0).then_some(())
    });
    assert!(assigned.is_some(), "no partitions were assigned");
    consumer
}

/// Opens a transaction that would skip every event, and leaves it open.
fn hanging(bench: &Bench, group: &str) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &bench.kafka)
        .set("transactional.id", format!("{}hanging", bench.prefix))
        .set("transaction.timeout.ms", OPEN.as_millis().to_string())
        .create()
        .unwrap();
    producer.init_transactions(LIMIT).unwrap();
    producer.begin_transaction().unwrap();
    let mut skipped = TopicPartitionList::new();
    for topic in [bench.topics.payments_events(), bench.topics.orders()] {
        for partition in 0..PARTITIONS {
            skipped
                .add_partition_offset(&topic, partition, Offset::Offset(1))
                .unwrap();
        }
    }
    let member = member(bench, group);
    let generation = member.group_metadata().unwrap();
    producer
        .send_offsets_to_transaction(&skipped, &generation, LIMIT)
        .unwrap();
    producer
}

#[test]
fn a_transaction_that_never_ends_delays_the_processor_and_changes_nothing() {
    let bench = Bench::applied("hanging");
    let mut ingest = bench.ingest();
    let gateway = ingest.ready(LIMIT);
    bench.send(&gateway, &[success("H-0", 0, now_s())]);
    let group = format!("{}.reconciler", bench.topics.payments_events());
    let producer = hanging(&bench, &group);

    let mut process = bench.process(&[]);
    let ops = process.ready(PATIENCE).ops.unwrap();
    // Its wait for the one that hangs comes before all others.
    let told = wait_until(PATIENCE, || {
        Some(bench.statuses("H-0")).filter(|told| !told.is_empty())
    });
    let told = told.unwrap_or_else(|| panic!("`H-0` is never told of"));
    assert_eq!(told.len(), 1, "{told:?}");
    metric_becomes(&ops, "trueup_hanging_transactions_total", 1.0);

    // What hung is ended at last, and takes nothing with it.
    producer.abort_transaction(LIMIT).unwrap();
    bench.send(&gateway, &[success("H-0", 1, now_s())]);
    assert_eq!(bench.statuses_once("H-0", 2).len(), 2);
}
