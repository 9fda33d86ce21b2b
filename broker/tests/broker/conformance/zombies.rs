//! Those whose time is over: producers with a successor, members of older generations, strangers.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::Offset;

use crate::site::{PATIENCE, Site, becomes, poll_until};

pub(super) fn a_second_producer_of_the_same_name_fences_the_first_and_ends_its_transaction(
    site: &Site,
) {
    site.create_topic("t", 1, &[]);
    let first = site.transactional("same");
    first.begin_transaction().unwrap();
    site.send(&first, "t", 0, &["first"]);
    let second = site.transactional("same");
    let refused = first.commit_transaction(PATIENCE).unwrap_err();
    let KafkaError::Transaction(fault) = refused else {
        panic!("{refused}")
    };
    assert!(fault.is_fatal(), "{fault}");
    second.begin_transaction().unwrap();
    site.queue(&second, "t", 0, "second");
    second.commit_transaction(PATIENCE).unwrap();
    becomes(&vec!["second".to_owned()], || {
        site.values("t", 0, "read_committed")
    });
}

pub(super) fn a_fenced_producer_can_begin_nothing_more(site: &Site) {
    site.create_topic("t", 1, &[]);
    let first = site.transactional("same");
    first.begin_transaction().unwrap();
    site.queue(&first, "t", 0, "first");
    first.commit_transaction(PATIENCE).unwrap();
    let _second = site.transactional("same");
    first.begin_transaction().unwrap();
    site.queue(&first, "t", 0, "zombie");
    assert!(first.commit_transaction(PATIENCE).is_err());
    assert_eq!(site.values("t", 0, "read_uncommitted"), ["first"]);
}

pub(super) fn a_fenced_producer_cannot_abort_what_its_successor_does(site: &Site) {
    site.create_topic("t", 1, &[]);
    let first = site.transactional("same");
    first.begin_transaction().unwrap();
    site.send(&first, "t", 0, &["first"]);
    let second = site.transactional("same");
    second.begin_transaction().unwrap();
    site.send(&second, "t", 0, &["second"]);
    assert!(first.abort_transaction(PATIENCE).is_err());
    second.commit_transaction(PATIENCE).unwrap();
    becomes(&vec!["second".to_owned()], || {
        site.values("t", 0, "read_committed")
    });
}

pub(super) fn offsets_from_a_member_of_an_older_generation_are_refused(site: &Site) {
    site.create_topic("in", 2, &[]);
    site.send(&site.producer(&[]), "in", 0, &["a"]);
    let topic = site.name("in");
    let first = site.consumer("group", &[]);
    first.subscribe(&[&topic]).unwrap();
    poll_until(&first, |value| value.is_some());
    let old = first.group_metadata().unwrap();
    // A second member makes a new generation.
    let second = site.consumer("group", &[]);
    second.subscribe(&[&topic]).unwrap();
    poll_until(&first, |_| {
        let _ = second.poll(Duration::from_millis(20));
        let held = |consumer: &BaseConsumer| consumer.assignment().map_or(0, |list| list.count());
        held(&first) == 1 && held(&second) == 1
    });

    let producer = site.transactional("zombie");
    producer.begin_transaction().unwrap();
    let offsets = site.at("in", 0, Offset::Offset(1));
    let refused = producer.send_offsets_to_transaction(&offsets, &old, PATIENCE);
    assert_eq!(
        refused.unwrap_err().rdkafka_error_code(),
        Some(RDKafkaErrorCode::IllegalGeneration)
    );
    producer.abort_transaction(PATIENCE).unwrap();
    assert_eq!(site.committed("group", "in", 0), Offset::Invalid);
}

pub(super) fn offsets_from_a_stranger_to_the_group_are_refused(site: &Site) {
    site.create_topic("in", 1, &[]);
    site.send(&site.producer(&[]), "in", 0, &["a"]);
    let topic = site.name("in");
    let gone = site.consumer("group", &[]);
    gone.subscribe(&[&topic]).unwrap();
    poll_until(&gone, |value| value.is_some());
    let left = gone.group_metadata().unwrap();
    drop(gone);
    let member = site.consumer("group", &[]);
    member.subscribe(&[&topic]).unwrap();
    poll_until(&member, |value| value.is_some());

    let producer = site.transactional("stranger");
    producer.begin_transaction().unwrap();
    let offsets = site.at("in", 0, Offset::Offset(1));
    let refused = producer.send_offsets_to_transaction(&offsets, &left, PATIENCE);
    assert_eq!(
        refused.unwrap_err().rdkafka_error_code(),
        Some(RDKafkaErrorCode::UnknownMemberId)
    );
    producer.abort_transaction(PATIENCE).unwrap();
}
