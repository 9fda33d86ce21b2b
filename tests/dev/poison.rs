//! Records that are refused, written to the topics of a `dev` by Kafka's own client.

use std::collections::BTreeMap;
use std::process::Output;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use trueup_domain::event::{Event, EventType, Facts, PaymentFacts};
use trueup_domain::ids::{EventId, ObjectId};
use trueup_domain::money::{Currency, MinorUnits};
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{PaymentEvent, Source};
use trueup_schemas::seal::SigningKeys;
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, trueup};

const PARTITIONS: i32 = 3;
pub(crate) const EVENTS: &str = "payments.events";

/// Writes to one `dev`, and signs as its gateway would.
pub(crate) struct Poison {
    producer: BaseProducer,
    keys: SigningKeys,
}

impl Poison {
    pub(crate) fn of(dev: &Dev) -> Self {
        let keys = std::fs::read_to_string(dev.data().join("signing-keys")).unwrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", kafka(dev))
            .set("message.max.bytes", "3145728")
            .set("linger.ms", "5")
            .create()
            .unwrap();
        Self {
            producer,
            keys: SigningKeys::parse(keys.trim()).unwrap(),
        }
    }

    /// Each is acknowledged when this returns.
    pub(crate) fn flush(&self) {
        self.producer.flush(LIMIT).unwrap();
    }

    pub(crate) fn write(
        &self,
        (topic, partition): (&str, i32),
        key: &[u8],
        value: &[u8],
        headers: &[(&str, &[u8])],
    ) {
        let own = headers
            .iter()
            .fold(OwnedHeaders::new(), |own, (key, value)| {
                let value = Some(*value);
                own.insert(Header { key, value })
            });
        let record = BaseRecord::to(topic)
            .partition(partition)
            .key(key)
            .payload(value)
            .headers(own);
        self.producer
            .send(record)
            .map_err(|(fault, _)| fault)
            .unwrap();
        self.producer.poll(Duration::ZERO);
    }

    /// A payment of its own that succeeded, signed, in the partition beside its own.
    pub(crate) fn misplaced(&self, order: &str, number: usize) {
        let beside = (partition_for(order.as_bytes(), PARTITIONS) + 1) % PARTITIONS;
        self.signed(order, number, EventType::PaymentIntentSucceeded, beside);
    }

    /// A payment of its own that was begun, signed, in its own partition.
    pub(crate) fn begun(&self, order: &str, number: usize) {
        let own = partition_for(order.as_bytes(), PARTITIONS);
        self.signed(order, number, EventType::PaymentIntentCreated, own);
    }

    fn signed(&self, order: &str, number: usize, kind: EventType, partition: i32) {
        let amount = MinorUnits::try_from(100).unwrap();
        let event = Event {
            id: EventId::try_from(format!("evt_{order}_{number}").as_str()).unwrap(),
            kind,
            created: 1_700_000_000,
            livemode: Some(false),
            facts: Facts::Payment(PaymentFacts {
                id: ObjectId::try_from(format!("pi_{order}_{number}").as_str()).unwrap(),
                amount,
                amount_received: amount,
                currency: Currency::try_from("eur").unwrap(),
            }),
        };
        let value = Codec::SingleObject.encode(&PaymentEvent {
            event,
            account: None,
            source: Source::Webhook,
            received_at: 1_700_000_000_000,
            body_sha256: [0; 32],
        });
        let datum = Codec::SingleObject.unframe::<PaymentEvent>(&value).unwrap();
        let seal = self.keys.seal(EVENTS, order.as_bytes(), datum);
        let headers = [
            (headers::KEY_ID, seal.key_id.as_bytes()),
            (headers::SIGNATURE, seal.signature.as_bytes()),
        ];
        self.write((EVENTS, partition), order.as_bytes(), &value, &headers);
    }

    /// Two that nobody signed, one too large, one that cannot be read, one that contradicts itself.
    pub(crate) fn hopeless(&self) {
        let own = |key: &str| partition_for(key.as_bytes(), PARTITIONS);
        for key in ["forged-1", "forged-2"] {
            self.write(
                (EVENTS, own(key)),
                key.as_bytes(),
                b"nobody signed this",
                &[],
            );
        }
        let large = vec![b'x'; 70_000];
        self.write(
            (EVENTS, own("large")),
            b"large",
            &large,
            &[("shop", b"north")],
        );
        let place = ("orders", own("mug"));
        self.write(place, b"mug", b"no snapshot", &[("shop", b"north")]);
        let other = br#"{"order_id":"cup","status":"pending","amount_due":100,"currency":"eur",
            "version":1,"updated_at":1700000000000}"#;
        self.write(place, b"mug", other, &[]);
    }
}

pub(crate) fn kafka(dev: &Dev) -> &str {
    dev.ready.kafka.as_deref().unwrap()
}

/// `trueup dlq …` beside a running `dev`.
pub(crate) fn dlq(dev: &Dev, words: &[&str]) -> Output {
    trueup()
        .args(["dlq"])
        .args(words.iter().copied())
        .args(["--json", "--ops", dev.ops()])
        .output()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|fault| panic!("{fault}: {}", crate::bench::said(output)))
}

/// `webhook_dead_letter_depth` by class, once the process shows it.
pub(crate) fn depths(dev: &Dev) -> Option<BTreeMap<String, u64>> {
    let url = format!("http://{}/metrics", dev.ops());
    let page = ureq::get(url).call().ok()?.body_mut().read_to_string();
    let page = page.ok()?;
    let lines = page
        .lines()
        .filter_map(|line| line.strip_prefix("webhook_dead_letter_depth{class=\""));
    let depths: BTreeMap<String, u64> = lines
        .map(|line| {
            let (class, count) = line.split_once("\"} ").unwrap();
            (class.to_owned(), count.parse().unwrap())
        })
        .collect();
    (!depths.is_empty()).then_some(depths)
}

/// Waits until the metric says just this, and 0 of every other class.
pub(crate) fn expect_depths(dev: &Dev, expected: &[(&str, u64)]) {
    let classes = [
        "malformed",
        "forged",
        "misplaced",
        "oversize",
        "order_full",
        "contract",
    ];
    let expected: BTreeMap<String, u64> = classes
        .iter()
        .map(|class| {
            let found = expected.iter().find(|(name, _)| name == class);
            ((*class).to_owned(), found.map_or(0, |(_, count)| *count))
        })
        .collect();
    let found = wait_until(LIMIT, || depths(dev).filter(|found| *found == expected));
    assert!(found.is_some(), "{expected:?}\nis not {:?}", depths(dev));
}
