use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::producer::Producer;
use trueup_broker::disk::Survival;

use crate::support::{PATIENCE, Running};

#[test]
fn a_full_disk_refuses_producers_serves_readers_and_goes_on_when_there_is_room() {
    let mut running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[("enable.idempotence", "true")]);
    running.send(&producer, "t", 0, &["before"]);
    running.disk.limit_bytes(Some(0));
    running.queue(&producer, "t", 0, "while");
    producer.poll(Duration::from_millis(300));
    assert_eq!(running.values("t", 0, "read_committed"), ["before"]);
    assert_eq!(producer.in_flight_count(), 1);
    let writable = running.broker().writable();
    assert!(!writable.load(Ordering::Relaxed));
    running.disk.limit_bytes(None);
    producer.flush(PATIENCE).unwrap();
    assert!(writable.load(Ordering::Relaxed));
    assert_eq!(
        running.values("t", 0, "read_committed"),
        ["before", "while"]
    );
    running.crash(Survival::Nothing);
    assert_eq!(
        running.values("t", 0, "read_committed"),
        ["before", "while"]
    );
}

#[test]
fn a_sync_that_fails_brings_the_broker_back_to_what_its_disk_holds() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[("enable.idempotence", "true")]);
    running.send(&producer, "t", 0, &["before"]);
    running.disk.fail_syncs(1);
    running.queue(&producer, "t", 0, "again");
    producer.poll(Duration::from_millis(300));
    producer.flush(PATIENCE).unwrap();
    assert_eq!(
        running.values("t", 0, "read_committed"),
        ["before", "again"]
    );
}

#[test]
fn a_second_broker_is_refused_the_same_disk() {
    let running = Running::start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let second = trueup_broker::Broker::start(
        trueup_broker::config::BrokerConfig::default(),
        listener,
        std::sync::Arc::new(running.disk.clone()),
        std::sync::Arc::new(trueup_broker::clock::SystemClock),
    );
    assert!(second.is_err());
}

#[test]
fn a_long_journal_brings_a_checkpoint_and_a_crash_after_it_loses_nothing() {
    let mut running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[("enable.idempotence", "true")]);
    let value = "x".repeat(900_000);
    for _ in 0..90 {
        running.queue(&producer, "t", 0, &value);
    }
    producer.flush(PATIENCE).unwrap();
    running.send(&producer, "t", 0, &["last"]);
    running.crash(Survival::Nothing);
    let values = running.values("t", 0, "read_committed");
    assert_eq!(values.len(), 91);
    assert_eq!(values.last().map(String::as_str), Some("last"));
}
