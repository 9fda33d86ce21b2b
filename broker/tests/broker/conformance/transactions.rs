//! Transactions: all of one is read, or nothing of it, and never before its end.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::Offset;

use crate::site::{PATIENCE, Site, poll_until};

pub(super) fn a_committed_transaction_is_read_and_an_aborted_one_is_not(site: &Site) {
    site.create_topic("t", 1, &[]);
    let producer = site.transactional("writer");
    for (value, commits) in [("a", true), ("b", false), ("c", true), ("d", false)] {
        producer.begin_transaction().unwrap();
        site.queue(&producer, "t", 0, value);
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    readable(site, "t", 0, &["a", "c"]);
    assert_eq!(
        site.values("t", 0, "read_uncommitted"),
        ["a", "b", "c", "d"]
    );
}

/// The marks of a transaction may be written after its end is acknowledged.
fn readable(site: &Site, topic: &str, partition: i32, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|value| (*value).to_owned()).collect();
    crate::site::becomes(&expected, || {
        site.values(topic, partition, "read_committed")
    });
}

pub(super) fn a_reader_of_committed_records_waits_for_the_open_transaction(site: &Site) {
    site.create_topic("t", 1, &[]);
    let open = site.transactional("open");
    open.begin_transaction().unwrap();
    site.queue(&open, "t", 0, "open");
    open.flush(PATIENCE).unwrap();
    site.send(&site.producer(&[]), "t", 0, &["after"]);
    assert!(site.values("t", 0, "read_committed").is_empty());
    open.commit_transaction(PATIENCE).unwrap();
    readable(site, "t", 0, &["open", "after"]);
}

pub(super) fn interleaved_transactions_are_told_apart(site: &Site) {
    site.create_topic("t", 1, &[]);
    let [one, two, three] = ["one", "two", "three"].map(|id| site.transactional(id));
    for (producer, value) in [(&one, "1a"), (&two, "2a"), (&three, "3a")] {
        producer.begin_transaction().unwrap();
        site.send(producer, "t", 0, &[value]);
    }
    for (producer, value) in [(&three, "3b"), (&two, "2b"), (&one, "1b")] {
        site.send(producer, "t", 0, &[value]);
    }
    two.commit_transaction(PATIENCE).unwrap();
    assert!(site.values("t", 0, "read_committed").is_empty());
    one.abort_transaction(PATIENCE).unwrap();
    readable(site, "t", 0, &["2a"]);
    three.commit_transaction(PATIENCE).unwrap();
    readable(site, "t", 0, &["2a", "3a", "3b", "2b"]);
}

pub(super) fn one_transaction_ends_on_all_its_partitions_at_once(site: &Site) {
    site.create_topic("t", 3, &[]);
    site.create_topic("u", 2, &[]);
    let places = [("t", 0), ("t", 1), ("t", 2), ("u", 0), ("u", 1)];
    let producer = site.transactional("writer");
    for (value, commits) in [("kept", true), ("gone", false), ("kept too", true)] {
        producer.begin_transaction().unwrap();
        for (topic, partition) in places {
            site.queue(&producer, topic, partition, value);
        }
        producer.flush(PATIENCE).unwrap();
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    for (topic, partition) in places {
        readable(site, topic, partition, &["kept", "kept too"]);
    }
}

pub(super) fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(site: &Site) {
    site.create_topic("t", 1, &[]);
    let slow = site.transactional_for("slow", Duration::from_secs(1));
    slow.begin_transaction().unwrap();
    site.send(&slow, "t", 0, &["late"]);
    site.send(&site.producer(&[]), "t", 0, &["after"]);

    let reader = site.consumer("r", &[("isolation.level", "read_committed")]);
    reader.assign(&site.at("t", 0, Offset::Beginning)).unwrap();
    poll_until(&reader, |value| {
        assert_ne!(value.as_deref(), Some("late"));
        value.as_deref() == Some("after")
    });
    assert!(slow.commit_transaction(PATIENCE).is_err());
}

pub(super) fn a_timeout_beyond_the_broker_s_limit_is_refused(site: &Site) {
    let producer = site.producer(&[
        ("transactional.id", site.name("patient").as_str()),
        ("transaction.timeout.ms", "900001"),
    ]);
    let refused = producer.init_transactions(PATIENCE).unwrap_err();
    assert_eq!(
        refused.rdkafka_error_code(),
        Some(RDKafkaErrorCode::InvalidTransactionTimeout)
    );
}

pub(super) fn records_outside_of_transactions_stand_beside_them(site: &Site) {
    site.create_topic("t", 1, &[]);
    let plain = site.producer(&[("enable.idempotence", "true")]);
    let producer = site.transactional("writer");
    site.send(&plain, "t", 0, &["1"]);
    producer.begin_transaction().unwrap();
    site.send(&producer, "t", 0, &["gone"]);
    site.send(&plain, "t", 0, &["2"]);
    producer.abort_transaction(PATIENCE).unwrap();
    site.send(&plain, "t", 0, &["3"]);
    readable(site, "t", 0, &["1", "2", "3"]);
}
