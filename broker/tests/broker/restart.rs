use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use trueup_broker::disk::Survival;

use crate::support::{PATIENCE, Running, poll_until};

fn filled() -> Running {
    let running = Running::start();
    running.create_topic("t", 2, &[("retention.ms", "777777777")]);
    running.send(
        &running.producer(&[("enable.idempotence", "true")]),
        "t",
        0,
        &["a", "b"],
    );
    let producer = running.transactional("writer");
    for (value, commits) in [("c", true), ("d", false)] {
        producer.begin_transaction().unwrap();
        running.queue(&producer, "t", 1, value);
        producer.flush(PATIENCE).unwrap();
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    let consumer = running.consumer("g", &[]);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Offset(1))
        .unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
    running
}

fn check(running: &Running) {
    assert_eq!(running.values("t", 0, "read_committed"), ["a", "b"]);
    assert_eq!(running.values("t", 1, "read_committed"), ["c"]);
    assert_eq!(running.values("t", 1, "read_uncommitted"), ["c", "d"]);
    assert_eq!(running.committed("g", "t", 0), Offset::Offset(1));
}

#[test]
fn everything_is_kept_over_stops() {
    let mut running = filled();
    for _ in 0..3 {
        running.restart();
        check(&running);
    }
}

#[test]
fn a_crash_that_loses_what_was_not_synced_loses_nothing_acknowledged() {
    let mut running = filled();
    for _ in 0..3 {
        running.crash(Survival::Nothing);
        check(&running);
    }
    running.send(&running.producer(&[]), "t", 0, &["e"]);
    running.restart();
    assert_eq!(running.values("t", 0, "read_committed"), ["a", "b", "e"]);
}

#[test]
fn a_transaction_open_at_a_crash_is_ended_by_the_next_producer_of_its_name() {
    let mut running = Running::start();
    running.create_topic("t", 1, &[]);
    let first = running.transactional("same");
    first.begin_transaction().unwrap();
    running.queue(&first, "t", 0, "open");
    first.flush(PATIENCE).unwrap();
    running.crash(Survival::Nothing);
    assert!(running.values("t", 0, "read_committed").is_empty());
    let second = running.transactional("same");
    second.begin_transaction().unwrap();
    running.queue(&second, "t", 0, "next");
    second.commit_transaction(PATIENCE).unwrap();
    assert_eq!(running.values("t", 0, "read_committed"), ["next"]);
}

#[test]
fn a_producer_and_a_group_go_on_over_a_crash() {
    let mut running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[("enable.idempotence", "true")]);
    let consumer = running.consumer("g", &[]);
    consumer.subscribe(&["t"]).unwrap();
    let mut expected = Vec::new();
    let mut seen = Vec::new();
    for round in 0..4 {
        for number in 0..50 {
            let value = format!("{round}-{number}");
            running.queue(&producer, "t", 0, &value);
            expected.push(value);
        }
        // What was not synced is lost in part, otherwise in each round.
        running.crash(Survival::Torn { seed: round });
    }
    producer.flush(PATIENCE).unwrap();
    poll_until(&consumer, |value| {
        seen.extend(value);
        seen.len() >= expected.len()
    });
    assert_eq!(seen, expected);
}
