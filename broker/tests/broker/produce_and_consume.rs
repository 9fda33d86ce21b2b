use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::{PATIENCE, Running, queue, send};

#[test]
fn what_is_produced_is_consumed_in_order() {
    let running = Running::start();
    running.create_topic("orders", 2, &[]);
    let producer = running.producer(&[]);
    send(&producer, "orders", 0, &["a", "b", "c"]);
    send(&producer, "orders", 1, &["d"]);
    assert_eq!(
        running.values("orders", 0, "read_uncommitted"),
        ["a", "b", "c"]
    );
    assert_eq!(running.values("orders", 1, "read_committed"), ["d"]);
}

#[test]
fn an_idempotent_producer_keeps_many_records_in_order_with_requests_in_flight() {
    let running = Running::start();
    running.create_topic("many", 1, &[]);
    let producer =
        running.producer(&[("enable.idempotence", "true"), ("batch.num.messages", "10")]);
    let values: Vec<String> = (0..2_000).map(|number| format!("{number}")).collect();
    for value in &values {
        queue(&producer, "many", 0, value);
    }
    rdkafka::producer::Producer::flush(&producer, PATIENCE).unwrap();
    assert_eq!(running.values("many", 0, "read_committed"), values);
}

#[test]
fn every_codec_comes_back_as_it_was_sent() {
    let running = Running::start();
    running.create_topic("packed", 1, &[]);
    let long = "x".repeat(10_000);
    let mut expected = Vec::new();
    for codec in ["none", "gzip", "lz4", "snappy", "zstd"] {
        let producer = running.producer(&[("compression.type", codec)]);
        send(&producer, "packed", 0, &[codec, &long]);
        expected.extend([codec.to_owned(), long.clone()]);
    }
    assert_eq!(running.values("packed", 0, "read_committed"), expected);
}

#[test]
fn a_record_beyond_the_topic_s_limit_is_refused_and_the_next_is_taken() {
    let running = Running::start();
    running.create_topic("small", 1, &[("max.message.bytes", "1000")]);
    let producer = running.producer(&[]);
    // Flushed apart: one batch of both would be refused whole.
    send(&producer, "small", 0, &[&"x".repeat(2_000)]);
    send(&producer, "small", 0, &["fits"]);
    assert_eq!(running.values("small", 0, "read_committed"), ["fits"]);
}

#[test]
fn offsets_are_found_by_their_time() {
    let running = Running::start();
    running.create_topic("times", 1, &[]);
    let producer = running.producer(&[]);
    let now_ms = 1_700_000_000_000_i64;
    for step in 0..3 {
        let record = rdkafka::producer::BaseRecord::<(), str>::to("times")
            .payload("x")
            .partition(0)
            .timestamp(now_ms + step * 1_000);
        producer.send(record).map_err(|(fault, _)| fault).unwrap();
        rdkafka::producer::Producer::flush(&producer, PATIENCE).unwrap();
    }
    let consumer = running.consumer("times", &[]);
    let at = |time_ms: i64| {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("times", 0, Offset::Offset(time_ms))
            .unwrap();
        let found = consumer.offsets_for_times(list, PATIENCE).unwrap();
        found.find_partition("times", 0).unwrap().offset()
    };
    assert_eq!(at(now_ms - 5_000), Offset::Offset(0));
    assert_eq!(at(now_ms), Offset::Offset(0));
    assert_eq!(at(now_ms + 1), Offset::Offset(1));
    assert_eq!(at(now_ms + 2_000), Offset::Offset(2));
    assert_eq!(at(now_ms + 2_001), Offset::End);
    let bounds = consumer.fetch_watermarks("times", 0, PATIENCE).unwrap();
    assert_eq!(bounds, (0, 3));
}
