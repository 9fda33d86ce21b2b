//! Records come back as they were sent, in order, once; what cannot be taken is refused.

use std::sync::Mutex;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use crate::site::{PATIENCE, Site};

pub(super) fn what_is_produced_is_consumed_in_order(site: &Site) {
    site.create_topic("orders", 2, &[]);
    let producer = site.producer(&[]);
    site.send(&producer, "orders", 0, &["a", "b", "c"]);
    site.send(&producer, "orders", 1, &["d"]);
    let read = |partition, isolation| site.values("orders", partition, isolation);
    assert_eq!(read(0, "read_uncommitted"), ["a", "b", "c"]);
    assert_eq!(read(1, "read_committed"), ["d"]);
}

pub(super) fn an_idempotent_producer_keeps_many_records_in_order_with_requests_in_flight(
    site: &Site,
) {
    site.create_topic("many", 1, &[]);
    let producer = site.producer(&[("enable.idempotence", "true"), ("batch.num.messages", "10")]);
    let values: Vec<String> = (0..2_000).map(|number| format!("{number}")).collect();
    for value in &values {
        site.queue(&producer, "many", 0, value);
    }
    producer.flush(PATIENCE).unwrap();
    assert_eq!(site.values("many", 0, "read_committed"), values);
}

pub(super) fn every_codec_comes_back_as_it_was_sent(site: &Site) {
    site.create_topic("packed", 1, &[]);
    let long = "x".repeat(10_000);
    let mut expected = Vec::new();
    for codec in ["none", "gzip", "lz4", "snappy", "zstd"] {
        let producer = site.producer(&[("compression.type", codec)]);
        site.send(&producer, "packed", 0, &[codec, &long]);
        expected.extend([codec.to_owned(), long.clone()]);
    }
    assert_eq!(site.values("packed", 0, "read_committed"), expected);
}

type Content = (
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(String, Option<Vec<u8>>)>,
);

fn content(message: &BorrowedMessage<'_>) -> Content {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
            .collect()
    });
    let key = message.key().map(<[u8]>::to_vec);
    (key, message.payload().map(<[u8]>::to_vec), headers)
}

pub(super) fn empty_and_absent_keys_values_and_headers_come_back_as_they_were(site: &Site) {
    site.create_topic("bare", 1, &[]);
    let topic = site.name("bare");
    let producer = site.producer(&[]);
    let header = |key, value| Header { key, value };
    let sent: [BaseRecord<'_, str, str>; 5] = [
        BaseRecord::to(&topic),
        BaseRecord::to(&topic).key("").payload(""),
        BaseRecord::to(&topic).key("k"),
        BaseRecord::to(&topic).payload("v"),
        BaseRecord::to(&topic).key("k").payload("v").headers(
            OwnedHeaders::new()
                .insert(header("twice", Some("1")))
                .insert(header("twice", Some("2")))
                .insert(header("empty", Some("")))
                .insert(header("absent", None::<&str>)),
        ),
    ];
    for record in sent {
        let placed = producer.send(record.partition(0));
        placed.map_err(|(fault, _)| fault).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let headers = vec![
        ("twice".to_owned(), bytes("1")),
        ("twice".to_owned(), bytes("2")),
        ("empty".to_owned(), bytes("")),
        ("absent".to_owned(), None),
    ];
    assert_eq!(
        site.records("bare", 0, "read_committed", content),
        [
            (None, None, vec![]),
            (bytes(""), bytes(""), vec![]),
            (bytes("k"), None, vec![]),
            (None, bytes("v"), vec![]),
            (bytes("k"), bytes("v"), headers),
        ]
    );
}

pub(super) fn records_larger_than_a_fetch_come_all_the_same(site: &Site) {
    site.create_topic("large", 1, &[]);
    let producer = site.producer(&[]);
    let values: Vec<String> = ["a", "b", "c"].map(|letter| letter.repeat(900_000)).into();
    for value in &values {
        site.send(&producer, "large", 0, &[value]);
    }
    let consumer = site.consumer(
        "reader",
        &[
            ("fetch.max.bytes", "1000"),
            ("message.max.bytes", "1000"),
            ("max.partition.fetch.bytes", "1000"),
        ],
    );
    let from = site.at("large", 0, rdkafka::Offset::Beginning);
    rdkafka::consumer::Consumer::assign(&consumer, &from).unwrap();
    for value in &values {
        let message = consumer.poll(PATIENCE).unwrap().unwrap();
        assert_eq!(message.payload(), Some(value.as_bytes()));
    }
}

/// How each record fared, in the order in which that became known.
#[derive(Default)]
struct Fates(Mutex<Vec<Result<(), RDKafkaErrorCode>>>);

impl ClientContext for Fates {}

impl ProducerContext for Fates {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let fate = match result {
            Ok(_) => Ok(()),
            Err((fault, _)) => Err(fault.rdkafka_error_code().unwrap()),
        };
        self.0.lock().unwrap().push(fate);
    }
}

/// Sends one value after the other and tells how each fared.
fn fates(
    site: &Site,
    topic: &str,
    partition: i32,
    values: &[&str],
) -> Vec<Result<(), RDKafkaErrorCode>> {
    let mut config = site.client();
    config
        .set("linger.ms", "0")
        // How long the client takes a missing topic for one that is about to be there.
        .set("topic.metadata.propagation.max.ms", "500");
    let producer: BaseProducer<Fates> = config.create_with_context(Fates::default()).unwrap();
    let topic = site.name(topic);
    let mut refused = Vec::new();
    for value in values {
        let record = BaseRecord::<(), str>::to(&topic).payload(value);
        match producer.send(record.partition(partition)) {
            // Apart: one batch of both would be refused whole.
            Ok(()) => producer.flush(PATIENCE).unwrap(),
            Err((KafkaError::MessageProduction(code), _)) => refused.push(Err(code)),
            Err((fault, _)) => panic!("{fault}"),
        }
    }
    refused.append(&mut producer.context().0.lock().unwrap());
    refused
}

pub(super) fn a_record_beyond_the_topic_s_limit_is_refused_and_the_next_is_taken(site: &Site) {
    site.create_topic("small", 1, &[("max.message.bytes", "1000")]);
    assert_eq!(
        fates(site, "small", 0, &[&"x".repeat(2_000), "fits"]),
        [Err(RDKafkaErrorCode::MessageSizeTooLarge), Ok(())]
    );
    assert_eq!(site.values("small", 0, "read_committed"), ["fits"]);
}

pub(super) fn records_that_nobody_acknowledges_arrive(site: &Site) {
    site.create_topic("blind", 1, &[]);
    let producer = site.producer(&[("acks", "0")]);
    site.send(&producer, "blind", 0, &["a", "b"]);
    // One that is acknowledged, on the same connection, comes after them.
    crate::site::becomes(&vec!["a".to_owned(), "b".to_owned()], || {
        site.values("blind", 0, "read_committed")
    });
}

pub(super) fn the_broker_s_time_is_written_where_the_topic_asks_for_it(site: &Site) {
    for (topic, kind) in [("made", "CreateTime"), ("appended", "LogAppendTime")] {
        // The record's own time is long past.
        let settings = [("message.timestamp.type", kind), ("retention.ms", "-1")];
        site.create_topic(topic, 1, &settings);
        let name = site.name(topic);
        let record = BaseRecord::<(), str>::to(&name).payload("x").partition(0);
        let producer = site.producer(&[]);
        let placed = producer.send(record.timestamp(1_700_000_000_000));
        placed.map_err(|(fault, _)| fault).unwrap();
        producer.flush(PATIENCE).unwrap();
        let times = site.records(topic, 0, "read_committed", |message| message.timestamp());
        match (kind, times.as_slice()) {
            ("CreateTime", [Timestamp::CreateTime(time_ms)]) => {
                assert_eq!(*time_ms, 1_700_000_000_000);
            }
            ("LogAppendTime", [Timestamp::LogAppendTime(time_ms)]) => {
                assert!(*time_ms > 1_700_000_000_000);
            }
            (_, other) => panic!("{kind}: {other:?}"),
        }
    }
}

pub(super) fn a_topic_that_is_not_there_is_refused(site: &Site) {
    assert_eq!(
        fates(site, "none", 0, &["x"]),
        [Err(RDKafkaErrorCode::UnknownTopicOrPartition)]
    );
}

pub(super) fn a_partition_that_is_not_there_is_refused(site: &Site) {
    site.create_topic("narrow", 1, &[]);
    assert_eq!(
        fates(site, "narrow", 1, &["x"]),
        [Err(RDKafkaErrorCode::UnknownPartition)]
    );
}
