//! Offsets committed within a transaction share its fate.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::Offset;

use crate::site::{PATIENCE, Site, becomes, poll_until};

/// Long enough for an answer, and too short to wait for what does not come.
const SHORT: Duration = Duration::from_secs(1);

pub(super) fn offsets_of_a_transaction_are_seen_after_its_commit_and_never_after_its_abort(
    site: &Site,
) {
    site.create_topic("in", 1, &[]);
    site.create_topic("out", 1, &[]);
    site.send(&site.producer(&[]), "in", 0, &["a", "b"]);
    let consumer = site.consumer("group", &[]);
    consumer.subscribe(&[&site.name("in")]).unwrap();
    poll_until(&consumer, |value| value.as_deref() == Some("b"));

    let producer = site.transactional("processor");
    for (offset, commits) in [(1, true), (2, false)] {
        producer.begin_transaction().unwrap();
        site.queue(&producer, "out", 0, "made");
        let offsets = site.at("in", 0, Offset::Offset(offset));
        let member = consumer.group_metadata().unwrap();
        let sent = producer.send_offsets_to_transaction(&offsets, &member, PATIENCE);
        sent.unwrap();
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        }
        assert_eq!(site.committed("group", "in", 0), Offset::Offset(1));
    }
    becomes(&vec!["made".to_owned()], || {
        site.values("out", 0, "read_committed")
    });
}

pub(super) fn a_transaction_of_offsets_alone_is_one(site: &Site) {
    site.create_topic("in", 1, &[]);
    let consumer = site.consumer("group", &[]);
    let producer = site.transactional("processor");
    for offset in [3, 4] {
        producer.begin_transaction().unwrap();
        let offsets = site.at("in", 0, Offset::Offset(offset));
        // Of a group without members, under its name alone.
        let group = consumer.group_metadata().unwrap();
        let sent = producer.send_offsets_to_transaction(&offsets, &group, PATIENCE);
        sent.unwrap();
        producer.commit_transaction(PATIENCE).unwrap();
        assert_eq!(site.committed("group", "in", 0), Offset::Offset(offset));
    }
}

pub(super) fn readers_of_stable_offsets_wait_for_the_open_transaction(site: &Site) {
    site.create_topic("in", 1, &[]);
    let group = site.consumer("group", &[]);
    let producer = site.transactional("processor");
    producer.begin_transaction().unwrap();
    let offsets = site.at("in", 0, Offset::Offset(9));
    let sent =
        producer.send_offsets_to_transaction(&offsets, &group.group_metadata().unwrap(), PATIENCE);
    sent.unwrap();
    let seen = |isolation| {
        let reader = site.consumer("group", &[("isolation.level", isolation)]);
        let list = site.at("in", 0, Offset::Invalid);
        let list = reader.committed_offsets(list, SHORT).ok()?;
        let found = list.find_partition(&site.name("in"), 0)?;
        found.error().is_ok().then(|| found.offset())
    };
    assert_eq!(seen("read_uncommitted"), Some(Offset::Invalid));
    assert_eq!(seen("read_committed"), None);
    producer.commit_transaction(PATIENCE).unwrap();
    becomes(&Some(Offset::Offset(9)), || seen("read_committed"));
    assert_eq!(seen("read_uncommitted"), Some(Offset::Offset(9)));
}

pub(super) fn offsets_of_a_fenced_producer_s_transaction_are_never_seen(site: &Site) {
    site.create_topic("in", 1, &[]);
    let group = site.consumer("group", &[]);
    let first = site.transactional("same");
    first.begin_transaction().unwrap();
    let offsets = site.at("in", 0, Offset::Offset(9));
    let member = group.group_metadata().unwrap();
    let sent = first.send_offsets_to_transaction(&offsets, &member, PATIENCE);
    sent.unwrap();
    let _second = site.transactional("same");
    assert!(first.commit_transaction(PATIENCE).is_err());
    assert_eq!(site.committed("group", "in", 0), Offset::Invalid);
}
