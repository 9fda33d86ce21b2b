//! Where things lie: by time, at the ends, around the marks of transactions, and as committed.

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::topic_partition_list::Offset;

use crate::site::{PATIENCE, Site, poll_until};

pub(super) fn offsets_are_found_by_their_time(site: &Site) {
    // The times are long past.
    site.create_topic("times", 1, &[("retention.ms", "-1")]);
    let producer = site.producer(&[]);
    let name = site.name("times");
    let now_ms = 1_700_000_000_000_i64;
    for step in 0..3 {
        let record = BaseRecord::<(), str>::to(&name).payload("x").partition(0);
        let placed = producer.send(record.timestamp(now_ms + step * 1_000));
        placed.map_err(|(fault, _)| fault).unwrap();
        producer.flush(PATIENCE).unwrap();
    }
    let consumer = site.consumer("times", &[]);
    let at = |time_ms: i64| {
        let list = site.at("times", 0, Offset::Offset(time_ms));
        let found = consumer.offsets_for_times(list, PATIENCE).unwrap();
        found.find_partition(&name, 0).unwrap().offset()
    };
    assert_eq!(at(now_ms - 5_000), Offset::Offset(0));
    assert_eq!(at(now_ms), Offset::Offset(0));
    assert_eq!(at(now_ms + 1), Offset::Offset(1));
    assert_eq!(at(now_ms + 2_000), Offset::Offset(2));
    assert_eq!(at(now_ms + 2_001), Offset::End);
    assert_eq!(site.bounds("times", 0), (0, 3));
}

pub(super) fn a_reader_beyond_the_end_is_told_so(site: &Site) {
    site.create_topic("t", 1, &[]);
    site.send(&site.producer(&[]), "t", 0, &["a"]);
    let consumer = site.consumer("reader", &[("auto.offset.reset", "error")]);
    consumer
        .assign(&site.at("t", 0, Offset::Offset(7)))
        .unwrap();
    let told = consumer.poll(PATIENCE).unwrap().unwrap_err();
    assert_eq!(
        told,
        KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)
    );
}

pub(super) fn marks_of_transactions_take_offsets(site: &Site) {
    site.create_topic("t", 1, &[]);
    let producer = site.transactional("writer");
    for commits in [true, false] {
        producer.begin_transaction().unwrap();
        site.queue(&producer, "t", 0, "x");
        producer.flush(PATIENCE).unwrap();
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    site.send(&site.producer(&[]), "t", 0, &["y"]);
    let offsets = site.records("t", 0, "read_uncommitted", |message| {
        rdkafka::Message::offset(message)
    });
    assert_eq!(offsets, [0, 2, 4]);
    assert_eq!(site.bounds("t", 0), (0, 5));
}

pub(super) fn the_end_for_readers_of_committed_records_is_the_open_transaction(site: &Site) {
    site.create_topic("t", 1, &[]);
    site.send(&site.producer(&[]), "t", 0, &["before"]);
    let open = site.transactional("open");
    open.begin_transaction().unwrap();
    site.queue(&open, "t", 0, "open");
    open.flush(PATIENCE).unwrap();
    let end = |isolation| {
        let consumer = site.consumer("ends", &[("isolation.level", isolation)]);
        let bounds = consumer.fetch_watermarks(&site.name("t"), 0, PATIENCE);
        bounds.unwrap()
    };
    assert_eq!(end("read_committed"), (0, 1));
    assert_eq!(end("read_uncommitted"), (0, 2));
    open.commit_transaction(PATIENCE).unwrap();
    crate::site::becomes(&(0, 3), || end("read_committed"));
}

pub(super) fn a_committed_offset_is_where_the_next_member_goes_on(site: &Site) {
    site.create_topic("t", 1, &[]);
    let producer = site.producer(&[]);
    site.send(&producer, "t", 0, &["a", "b"]);
    let name = site.name("t");
    let first = site.consumer("g", &[]);
    first.subscribe(&[&name]).unwrap();
    poll_until(&first, |value| value.as_deref() == Some("b"));
    let read = site.at("t", 0, Offset::Offset(2));
    first.commit(&read, CommitMode::Sync).unwrap();
    drop(first);
    site.send(&producer, "t", 0, &["c"]);
    let second = site.consumer("g", &[]);
    second.subscribe(&[&name]).unwrap();
    let mut seen = None;
    poll_until(&second, |value| {
        seen = value;
        seen.is_some()
    });
    assert_eq!(seen.as_deref(), Some("c"));
}

pub(super) fn an_offset_carries_its_metadata(site: &Site) {
    site.create_topic("t", 1, &[]);
    let consumer = site.consumer("g", &[]);
    let name = site.name("t");
    let mut list = site.at("t", 0, Offset::Offset(5));
    for mut element in list.elements_for_topic(&name) {
        element.set_metadata("a note");
    }
    consumer.commit(&list, CommitMode::Sync).unwrap();
    list = site.at("t", 0, Offset::Invalid);
    let list = consumer.committed_offsets(list, PATIENCE).unwrap();
    let found = list.find_partition(&name, 0).unwrap();
    assert_eq!(found.offset(), Offset::Offset(5));
    assert_eq!(found.metadata(), "a note");
}

pub(super) fn nothing_committed_is_no_offset(site: &Site) {
    site.create_topic("t", 1, &[]);
    assert_eq!(site.committed("g", "t", 0), Offset::Invalid);
}
