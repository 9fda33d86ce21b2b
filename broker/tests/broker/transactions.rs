use rdkafka::consumer::{Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::{PATIENCE, Running, poll_until, queue, send};

#[test]
fn a_committed_transaction_is_read_and_an_aborted_one_is_not() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.transactional("writer");
    for (value, commits) in [("a", true), ("b", false), ("c", true), ("d", false)] {
        producer.begin_transaction().unwrap();
        queue(&producer, "t", 0, value);
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    assert_eq!(running.values("t", 0, "read_committed"), ["a", "c"]);
    assert_eq!(
        running.values("t", 0, "read_uncommitted"),
        ["a", "b", "c", "d"]
    );
}

#[test]
fn a_reader_of_committed_records_waits_for_the_open_transaction() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let open = running.transactional("open");
    open.begin_transaction().unwrap();
    queue(&open, "t", 0, "open");
    open.flush(PATIENCE).unwrap();
    send(&running.producer(&[]), "t", 0, &["after"]);
    assert!(running.values("t", 0, "read_committed").is_empty());
    open.commit_transaction(PATIENCE).unwrap();
    assert_eq!(running.values("t", 0, "read_committed"), ["open", "after"]);
}

#[test]
fn a_second_producer_of_the_same_name_fences_the_first_and_ends_its_transaction() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let first = running.transactional("same");
    first.begin_transaction().unwrap();
    queue(&first, "t", 0, "first");
    first.flush(PATIENCE).unwrap();
    let second = running.transactional("same");
    let refused = first.commit_transaction(PATIENCE).unwrap_err();
    let KafkaError::Transaction(fault) = refused else {
        panic!("{refused}")
    };
    assert!(fault.is_fatal(), "{fault}");
    second.begin_transaction().unwrap();
    queue(&second, "t", 0, "second");
    second.commit_transaction(PATIENCE).unwrap();
    assert_eq!(running.values("t", 0, "read_committed"), ["second"]);
}

#[test]
fn a_fenced_producer_can_begin_nothing_more() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let first = running.transactional("same");
    first.begin_transaction().unwrap();
    queue(&first, "t", 0, "first");
    first.commit_transaction(PATIENCE).unwrap();
    let _second = running.transactional("same");
    first.begin_transaction().unwrap();
    queue(&first, "t", 0, "zombie");
    assert!(first.commit_transaction(PATIENCE).is_err());
    assert_eq!(running.values("t", 0, "read_uncommitted"), ["first"]);
}

fn metadata(consumer: &impl Consumer) -> ConsumerGroupMetadata {
    consumer.group_metadata().unwrap()
}

fn offsets(topic: &str, offset: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset))
        .unwrap();
    list
}

#[test]
fn offsets_of_a_transaction_are_seen_after_its_commit_and_never_after_its_abort() {
    let running = Running::start();
    running.create_topic("in", 1, &[]);
    running.create_topic("out", 1, &[]);
    send(&running.producer(&[]), "in", 0, &["a", "b"]);
    let consumer = running.consumer("group", &[]);
    consumer.subscribe(&["in"]).unwrap();
    poll_until(&consumer, |value| value.as_deref() == Some("b"));

    let producer = running.transactional("processor");
    for (offset, commits) in [(1, true), (2, false)] {
        producer.begin_transaction().unwrap();
        queue(&producer, "out", 0, "made");
        producer
            .send_offsets_to_transaction(&offsets("in", offset), &metadata(&consumer), PATIENCE)
            .unwrap();
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        }
        assert_eq!(running.committed("group", "in", 0), Offset::Offset(1));
    }
    assert_eq!(running.values("out", 0, "read_committed"), ["made"]);
}

#[test]
fn offsets_from_a_member_of_an_older_generation_are_refused() {
    let running = Running::start();
    running.create_topic("in", 2, &[]);
    send(&running.producer(&[]), "in", 0, &["a"]);
    let first = running.consumer("group", &[]);
    first.subscribe(&["in"]).unwrap();
    poll_until(&first, |value| value.is_some());
    let old = metadata(&first);
    // A second member makes a new generation.
    let second = running.consumer("group", &[]);
    second.subscribe(&["in"]).unwrap();
    poll_until(&first, |_| {
        let _ = second.poll(std::time::Duration::from_millis(20));
        let held = |consumer: &rdkafka::consumer::BaseConsumer| {
            consumer.assignment().map_or(0, |list| list.count())
        };
        held(&first) == 1 && held(&second) == 1
    });

    let producer = running.transactional("zombie");
    producer.begin_transaction().unwrap();
    let refused = producer
        .send_offsets_to_transaction(&offsets("in", 1), &old, PATIENCE)
        .unwrap_err();
    assert_eq!(
        refused.rdkafka_error_code(),
        Some(RDKafkaErrorCode::IllegalGeneration),
        "{refused}"
    );
    producer.abort_transaction(PATIENCE).unwrap();
    assert_eq!(running.committed("group", "in", 0), Offset::Invalid);
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let slow = running.producer(&[
        ("transactional.id", "slow"),
        ("transaction.timeout.ms", "1000"),
    ]);
    slow.init_transactions(PATIENCE).unwrap();
    slow.begin_transaction().unwrap();
    queue(&slow, "t", 0, "late");
    slow.flush(PATIENCE).unwrap();
    send(&running.producer(&[]), "t", 0, &["after"]);

    let reader = running.consumer("r", &[("isolation.level", "read_committed")]);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Beginning)
        .unwrap();
    reader.assign(&list).unwrap();
    poll_until(&reader, |value| {
        assert_ne!(value.as_deref(), Some("late"));
        value.as_deref() == Some("after")
    });
    assert!(slow.commit_transaction(PATIENCE).is_err());
}
