//! The audit of a `dev` that has stopped: nothing on what it did by itself, and each thing by its
//! name that somebody did behind its back.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use redb::{Database, ReadableTable, TableDefinition};
use serde_json::{Value, json};
use trueup_domain::event::Facts;
use trueup_domain::ledger::Ledger;
use trueup_domain::money::MinorUnits;
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::records::{PaymentEvent, Record};
use trueup_schemas::seal::SigningKeys;
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said, success, trueup};

const LEDGERS: TableDefinition<&str, (i64, &[u8])> = TableDefinition::new("ledgers");
const CODEC: Codec = Codec::SingleObject;

/// What the audit prints, and its exit code.
fn audit(dev: &Dev, arguments: &[&str]) -> (Option<i32>, Value) {
    let data = dev.data();
    let told = trueup()
        .args([
            "check",
            "--audit",
            "--json",
            "--data-dir",
            data.to_str().unwrap(),
        ])
        .args(arguments.to_vec())
        .output();
    let report = serde_json::from_slice(&told.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", said(&told)));
    (told.status.code(), report)
}

fn refund(order: &str) -> Value {
    let object = json!({
        "id": format!("re_{order}"), "object": "refund", "amount": 400, "currency": "eur",
        "charge": format!("ch_{order}"), "payment_intent": format!("pi_{order}1"),
        "status": "succeeded", "created": 1_700_000_100, "metadata": {},
    });
    json!({
        "id": format!("evt_refund_{order}"), "object": "event", "created": 1_700_000_300,
        "api_version": "2026-07-29.dahlia", "livemode": false, "pending_webhooks": 1,
        "type": "refund.created", "data": {"object": object},
    })
}

/// Waits until the ledgers hold all of `orders`, with their refund, and stops.
fn settle_and_stop(dev: &mut Dev, orders: &[&str], events: usize) {
    for order in orders {
        let settled = wait_until(LIMIT, || {
            let found = dev.look_up("order", order)?;
            (found["timeline"].as_array()?.len() == events).then_some(())
        });
        assert!(
            settled.is_some(),
            "{order}: {:?}",
            dev.look_up("order", order)
        );
    }
    assert!(dev.process.terminate(LIMIT).success());
}

/// The first event of an order, its success, told again with another amount and signed by the
/// right key.
fn alter(dev: &Dev, order: &str) {
    let kafka = dev.ready.kafka.as_deref().unwrap();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "test")
        .create()
        .unwrap();
    let mut places = TopicPartitionList::new();
    for partition in 0..3 {
        places
            .add_partition_offset("payments.events", partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&places).unwrap();
    let (partition, mut told) = wait_until(LIMIT, || {
        let message = consumer.poll(Duration::from_millis(100))?.unwrap();
        (message.key() == Some(order.as_bytes())).then(|| {
            let told: PaymentEvent = CODEC.decode(message.payload().unwrap()).unwrap();
            (message.partition(), told)
        })
    })
    .unwrap();
    let Facts::Payment(payment) = &mut told.event.facts else {
        panic!("{told:?}");
    };
    payment.amount_received = MinorUnits::try_from(999).unwrap();
    let keys = std::fs::read_to_string(dev.data().join("signing-keys")).unwrap();
    let keys = SigningKeys::parse(keys.trim()).unwrap();
    let datum = told.encode_datum();
    let seal = keys.seal("payments.events", order.as_bytes(), &datum);
    let header = |key, value| Header { key, value };
    let signed = OwnedHeaders::new()
        .insert(header(headers::KEY_ID, Some(seal.key_id)))
        .insert(header(headers::SIGNATURE, Some(seal.signature.as_str())));
    let value = CODEC.encode(&told);
    let record = BaseRecord::to("payments.events").key(order).payload(&value);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .create()
        .unwrap();
    let record = record.partition(partition).headers(signed);
    producer.send(record).map_err(|(fault, _)| fault).unwrap();
    producer.flush(LIMIT).unwrap();
}

/// Gives the row of one order another amount, and takes that of another away.
fn tamper(dev: &Dev, changed: &str, deleted: &str) {
    let file = Database::open(dev.data().join("ledger.redb")).unwrap();
    let transaction = file.begin_write().unwrap();
    {
        let mut rows = transaction.open_table(LEDGERS).unwrap();
        let (timestamp, cell) = {
            let row = rows.get(changed).unwrap().unwrap();
            let (timestamp, cell) = row.value();
            (timestamp, cell.to_vec())
        };
        let mut ledger: Ledger = CODEC.decode(&cell).unwrap();
        ledger.payments[0].amount_received = MinorUnits::try_from(1).unwrap();
        let cell = CODEC.encode(&ledger);
        rows.insert(changed, (timestamp, cell.as_slice())).unwrap();
        rows.remove(deleted).unwrap().unwrap();
    }
    transaction.commit().unwrap();
}

#[test]
fn an_audit_finds_nothing_until_a_record_a_row_and_its_absence_are_put_there_and_names_all_three() {
    let orders = ["a1", "a2", "a3", "a4"];
    let mut dev = Dev::start(&[]);
    // Refunds come first and wait for their order, so that links and forwarded events are there.
    let mut events: Vec<Value> = orders.map(refund).into();
    events.extend(orders.map(|order| success(order, 1)));
    for _ in 0..2 {
        let sent = dev.send(&events);
        assert!(sent.status.success(), "{}", said(&sent));
    }
    let (code, report) = {
        let running = trueup()
            .args([
                "check",
                "--audit",
                "--data-dir",
                dev.data().to_str().unwrap(),
            ])
            .output();
        assert!(
            said(&running).contains("in use by another"),
            "{}",
            said(&running)
        );
        settle_and_stop(&mut dev, &orders, 2);
        audit(&dev, &[])
    };
    assert_eq!(
        (code, &report["findings"]),
        (Some(0), &json!([])),
        "{report}"
    );
    let audited = &report["audited"];
    assert_eq!(
        (&audited["orders"], &audited["bodies"]),
        (&json!(4), &json!(16)),
        "{report}"
    );
    assert!(
        audited["unlinked events"].as_i64().unwrap() >= 4,
        "{report}"
    );
    assert_eq!(report["not_compared"], json!({}), "{report}");

    dev.kill_and_restart();
    alter(&dev, "a1");
    settle_and_stop(&mut dev, &["a1"], 3);
    tamper(&dev, "a2", "a3");
    let (code, report) = audit(&dev, &[]);
    assert_eq!(code, Some(1), "{report}");
    let findings = report["findings"].as_array().unwrap();
    let named: Vec<[&str; 3]> = findings
        .iter()
        .map(|finding| ["fault", "subject", "id"].map(|field| finding[field].as_str().unwrap()))
        .collect();
    let expected = [
        ["changed", "event", "evt_a11"],
        ["missing", "ledger", "a3"],
        ["differs", "ledger", "a2"],
    ];
    assert_eq!(named, expected, "{report}");
    let detail = |place: usize| findings[place]["detail"].as_str().unwrap();
    assert!(
        detail(0).contains("amount_received is 999, its body says 1000"),
        "{report}"
    );
    assert_eq!(findings[0]["position"]["topic"], "payments.events");
    assert!(detail(2).contains("payment `pi_a21`"), "{report}");
}
