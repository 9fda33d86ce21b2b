//! Checks that a planted bug must fail, each run with the bug and without it. That of
//! `yes-before-ack` is beside the outage that it needs.

use trueup_schemas::partition::partition_for;
use trueup_testkit::kafka;

use crate::shop::{PARTITIONS, Shop, success};

/// Keys and their hashes from Kafka's own `UtilsTest.testMurmur2`.
const ORDERS: [(&str, i32); 5] = [
    ("21", -973_932_308),
    ("foobar", -790_332_482),
    ("a-little-bit-long-string", -985_981_536),
    ("a-little-bit-longer-string", -1_486_304_829),
    ("abc", 479_470_107),
];

fn planted(plant: &str) -> Shop {
    Shop::open_with(&kafka(), "planted", |launch| {
        launch.env("TRUEUP_PLANT", plant)
    })
}

/// Records that do not lie where Java's default partitioner would put them.
fn misplaced(shop: &Shop) -> Vec<String> {
    for (order_id, _) in ORDERS {
        let event = success(
            &format!("evt_{order_id}"),
            &format!("pi_{order_id}"),
            Some(order_id),
        );
        assert_eq!(shop.post(event.to_string().as_bytes()).status, 200);
        let event = success(
            &format!("evt_u{order_id}"),
            &format!("pi_u{order_id}"),
            None,
        );
        assert_eq!(shop.post(event.to_string().as_bytes()).status, 200);
    }
    let mut found = Vec::new();
    for (topic, expected) in [
        ("payments.events", 5),
        ("payments.links", 5),
        ("payments.unlinked", 5),
        ("payments.bodies", 10),
    ] {
        let records = shop.records(topic);
        assert_eq!(records.len(), expected, "{topic}");
        for record in records {
            let key = record.key.unwrap();
            let of_kafka = ORDERS
                .iter()
                .find(|(order_id, _)| order_id.as_bytes() == key);
            let right = match of_kafka {
                Some((_, hash)) => (hash & 0x7fff_ffff) % PARTITIONS,
                None => partition_for(&key, PARTITIONS),
            };
            if record.partition != right {
                found.push(format!("{topic}: {}", String::from_utf8_lossy(&key)));
            }
        }
    }
    found
}

#[test]
fn every_record_lies_where_a_java_client_would_put_it() {
    assert_eq!(
        misplaced(&Shop::open(&kafka(), "murmur2")),
        Vec::<String>::new()
    );
}

#[test]
fn the_default_partitioner_of_librdkafka_is_caught() {
    let found = misplaced(&planted("default-partitioner"));
    assert!(!found.is_empty(), "the planted bug goes unseen");
}

/// Bodies that only their own bytes verify: spaces, escapes, a number with a fraction, the order
/// of keys. Those that are refused are told.
fn refused_for_their_layout(shop: &Shop) -> Vec<String> {
    let event = success("evt_layout", "pi_layout", Some("order-1"));
    let compact = event.to_string();
    let bodies = [
        serde_json::to_string_pretty(&event).unwrap(),
        compact.replacen(r#""evt_layout""#, r#""\u0065vt_layout""#, 1),
        compact.replacen('{', r#"{"z_first":1.0e0,"#, 1),
        format!("{compact}\n"),
    ];
    let refused = bodies
        .into_iter()
        .filter(|body| shop.post(body.as_bytes()).status != 200);
    refused.collect()
}

#[test]
fn the_signature_is_checked_over_the_bytes_that_came() {
    let refused = refused_for_their_layout(&Shop::open(&kafka(), "layout"));
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn checking_the_signature_over_the_body_written_anew_is_caught() {
    let refused = refused_for_their_layout(&planted("signature-over-reserialised"));
    assert_eq!(refused.len(), 4, "the planted bug goes unseen");
}
