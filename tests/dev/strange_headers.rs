//! A record whose header has a name that is not UTF-8, which no broker refuses and which librdkafka's
//! binding panics over: a dead letter, and the end of nobody.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use trueup_schemas::partition::partition_for;
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said};
use crate::poison::{Poison, dlq, expect_depths, json, kafka};

const PARTITIONS: i32 = 3;

/// A number as Kafka's records have it, for those that fit one byte or two.
fn varint(into: &mut Vec<u8>, number: usize) {
    let zigzag = number * 2;
    assert!(zigzag < 1 << 14, "{number} is too large for this test");
    if zigzag < 1 << 7 {
        into.push(u8::try_from(zigzag).unwrap());
    } else {
        into.push(u8::try_from(zigzag & 0x7f).unwrap() | 0x80);
        into.push(u8::try_from(zigzag >> 7).unwrap());
    }
}

fn counted(into: &mut Vec<u8>, bytes: &[u8]) {
    varint(into, bytes.len());
    into.extend(bytes);
}

/// One record batch with one record, and one header of that name.
fn batch(key: &[u8], value: &[u8], header: &[u8]) -> Vec<u8> {
    let mut record = vec![0, 0, 0];
    counted(&mut record, key);
    counted(&mut record, value);
    varint(&mut record, 1);
    counted(&mut record, header);
    counted(&mut record, b"x");
    let mut checked = vec![0, 0]; // attributes
    checked.extend(0_i32.to_be_bytes()); // the last offset's delta
    checked.extend(1_700_000_000_000_i64.to_be_bytes());
    checked.extend(1_700_000_000_000_i64.to_be_bytes());
    checked.extend([0xff; 8 + 2 + 4]); // no producer, no epoch, no sequence
    checked.extend(1_i32.to_be_bytes());
    counted(&mut checked, &record);
    let mut behind = vec![0, 0, 0, 0, 2]; // leader's epoch, magic
    behind.extend(crc32c::crc32c(&checked).to_be_bytes());
    behind.extend(checked);
    let mut batch = vec![0; 8];
    batch.extend(i32::try_from(behind.len()).unwrap().to_be_bytes());
    batch.extend(behind);
    batch
}

/// Asks for it in version 3 of `Produce`, and expects that it was written.
fn produce(dev: &Dev, (topic, partition): (&str, i32), batch: &[u8]) {
    let mut body = vec![0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff]; // Produce, 3, correlation, no client
    body.extend([0xff, 0xff, 0xff, 0xff]); // no transaction, all replicas
    body.extend(5_000_i32.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
    body.extend(topic.as_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend(partition.to_be_bytes());
    body.extend(i32::try_from(batch.len()).unwrap().to_be_bytes());
    body.extend(batch);
    let mut stream = TcpStream::connect(kafka(dev)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let size = i32::try_from(body.len()).unwrap().to_be_bytes();
    stream.write_all(&size).unwrap();
    stream.write_all(&body).unwrap();
    // Size, correlation, topics, the topic's name, partitions, partition; then the code.
    let mut answer = vec![0; 4 + 4 + 4 + 2 + topic.len() + 4 + 4 + 2];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[answer.len() - 2..], [0, 0], "refused");
}

#[test]
fn a_header_whose_name_is_not_utf_8_is_the_end_of_nobody() {
    let dev = Dev::start(&[]);
    let own = partition_for(b"mug", PARTITIONS);
    let unlinked = partition_for(b"pi_strange", PARTITIONS);
    let strange = b"\xff\xfe";
    produce(
        &dev,
        ("payments.events", own),
        &batch(b"mug", b"?", strange),
    );
    let place = ("payments.unlinked", unlinked);
    produce(&dev, place, &batch(b"pi_strange", b"?", strange));
    // A snapshot needs no header, and is taken whatever else it carries.
    let snapshot = br#"{"order_id":"mug","status":"pending","amount_due":100,"currency":"eur","version":1,"updated_at":1700000000000}"#;
    produce(&dev, ("orders", own), &batch(b"mug", snapshot, strange));
    Poison::of(&dev).flush();
    expect_depths(&dev, &[("forged", 2)]);
    let letters = json(&dlq(&dev, &["list", "--class", "forged"]));
    for letter in letters["items"].as_array().unwrap() {
        let shown = dlq(&dev, &["show", letter["id"].as_str().unwrap()]);
        assert!(shown.status.success(), "{}", said(&shown));
    }
    let order = wait_until(LIMIT, || {
        let url = format!("http://{}/api/v1/orders/mug", dev.ops());
        let told = ureq::get(url).call().ok()?.body_mut().read_json::<Value>();
        told.ok().filter(|order| order["amount_due"] == 100)
    });
    assert!(order.is_some(), "the snapshot was not taken");
}
