//! Records that nobody should have written: each becomes a dead letter with its bytes, and the
//! good ones beside it are folded.

use trueup_domain::event::{Event, EventType, Facts, PaymentFacts};
use trueup_domain::ids::{EventId, ObjectId};
use trueup_domain::money::{Currency, MinorUnits};
use trueup_schemas::codec::Codec;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{DeadLetter, LetterClass, PaymentEvent, Source};
use trueup_schemas::seal::SigningKeys;
use trueup_testkit::{SIGNING_KEYS, wait_until};

use crate::support::bench::Bench;
use crate::support::shop::now_s;
use crate::support::writer::{Sent, Writer};
use crate::support::{LIMIT, PARTITIONS};

const ORDER: &str = "P-3001";

/// A record, what it must become, and a part of what is said of it.
struct Poison {
    sent: Sent,
    class: LetterClass,
    reason: &'static str,
}

fn event(id: &str, kind: EventType, received: i64) -> PaymentEvent {
    let amount = |amount: i64| MinorUnits::try_from(amount).unwrap();
    PaymentEvent {
        event: Event {
            id: EventId::try_from(id).unwrap(),
            kind,
            created: now_s(),
            livemode: Some(false),
            facts: Facts::Payment(PaymentFacts {
                id: ObjectId::try_from("pi_poison").unwrap(),
                amount: amount(1000),
                amount_received: amount(received),
                currency: Currency::try_from("usd").unwrap(),
            }),
        },
        account: None,
        source: Source::Webhook,
        received_at: now_s() * 1000,
        body_sha256: [7; 32],
    }
}

/// Another order whose home is this partition.
fn neighbour(home: i32) -> String {
    (0..)
        .map(|number| format!("P-{number}"))
        .find(|key| key != ORDER && partition_for(key.as_bytes(), PARTITIONS) == home)
        .unwrap()
}

struct Forge {
    keys: SigningKeys,
    topic: String,
    home: i32,
}

impl Forge {
    fn new(topic: String) -> Self {
        Self {
            keys: SigningKeys::parse(SIGNING_KEYS).unwrap(),
            topic,
            home: partition_for(ORDER.as_bytes(), PARTITIONS),
        }
    }

    /// A record under `key` as the gateway would sign it, in the partition of [`ORDER`].
    fn signed(&self, key: &str, value: Vec<u8>) -> Sent {
        let codec = Codec::SingleObject;
        let datum = codec.unframe::<PaymentEvent>(&value).unwrap_or(&value);
        let seal = self.keys.seal(&self.topic, key.as_bytes(), datum);
        let headers = [
            ("trueup-key-id", seal.key_id),
            ("trueup-signature", &seal.signature),
        ];
        Sent {
            key: Some(key.as_bytes().to_vec()),
            headers: headers
                .map(|(name, value)| (name, value.as_bytes().to_vec()))
                .to_vec(),
            value: Some(value),
            partition: Some(self.home),
        }
    }

    fn good(&self, order: &str, id: &str, kind: EventType, received: i64) -> Sent {
        self.signed(
            order,
            Codec::SingleObject.encode(&event(id, kind, received)),
        )
    }

    fn events(&self) -> Vec<Poison> {
        use LetterClass::{Contract, Forged, Malformed, Misplaced, Oversize};
        let sound = || self.good(ORDER, "evt_bad", EventType::PaymentIntentSucceeded, 1000);
        let change = |change: &dyn Fn(&mut Sent)| {
            let mut sent = sound();
            change(&mut sent);
            sent
        };
        let elsewhere = neighbour(1 - self.home);
        let of_other_topic = Self::new(format!("{}x", self.topic));
        let framed = sound().value.unwrap();
        let cut = framed[..framed.len() - 9].to_vec();
        let unknown_schema = [&[0xC3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8][..], &framed[10..]].concat();
        let poison = |class, reason, sent| Poison {
            sent,
            class,
            reason,
        };
        vec![
            poison(Forged, "not signed", change(&|sent| sent.headers.clear())),
            poison(
                Forged,
                "`trueup-signature` is missing",
                change(&|sent| {
                    sent.headers.truncate(1);
                }),
            ),
            poison(
                Forged,
                "not that of this topic, key and value",
                change(&|sent| {
                    sent.headers[1].1 = "0".repeat(64).into_bytes();
                }),
            ),
            poison(
                Forged,
                "not that of this topic, key and value",
                change(&|sent| {
                    sent.key = Some(neighbour(self.home).into_bytes());
                }),
            ),
            poison(Forged, "not that of this topic, key and value", {
                of_other_topic.good(ORDER, "evt_bad", EventType::PaymentIntentSucceeded, 1000)
            }),
            poison(
                Forged,
                "key that is not known",
                change(&|sent| {
                    sent.headers[0].1 = b"nobodys".to_vec();
                }),
            ),
            poison(Forged, "key is missing", change(&|sent| sent.key = None)),
            poison(
                Forged,
                "value is missing",
                change(&|sent| sent.value = None),
            ),
            poison(Malformed, "", change(&|sent| sent.value = Some(Vec::new()))),
            poison(
                Malformed,
                "",
                change(&|sent| sent.value = Some(b"{\"a\":1}".to_vec())),
            ),
            poison(
                Malformed,
                "schema",
                change(&|sent| {
                    sent.value = Some(unknown_schema.clone());
                }),
            ),
            // Signed by us and not readable: our own promise is broken.
            poison(Contract, "", self.signed(ORDER, cut)),
            poison(
                Malformed,
                "control character",
                self.signed("P\n1", framed.clone()),
            ),
            poison(
                Misplaced,
                "murmur2_random",
                self.signed(&elsewhere, framed.clone()),
            ),
            poison(
                Oversize,
                "2000000 bytes",
                self.signed(ORDER, vec![b'x'; 2_000_000]),
            ),
        ]
    }

    /// Without a key nothing gets in: the topic is compacted.
    fn snapshots(&self) -> Vec<Poison> {
        use LetterClass::{Contract, Malformed, Misplaced, Oversize};
        let elsewhere = neighbour(1 - self.home);
        let json = |order: &str, due: i64| {
            format!(
                "{{\"order_id\":\"{order}\",\"status\":\"pending\",\"amount_due\":{due},\
                 \"currency\":\"usd\",\"version\":1,\"updated_at\":1700000000000}}"
            )
            .into_bytes()
        };
        let poison = |class, reason, key: &str, value| Poison {
            sent: Sent {
                key: Some(key.into()),
                value: Some(value),
                partition: Some(self.home),
                headers: vec![("source", b"shop".to_vec())],
            },
            class,
            reason,
        };
        vec![
            poison(Malformed, "", ORDER, b"\x00\x01garbage".to_vec()),
            poison(Malformed, "amount_due", ORDER, json(ORDER, -1)),
            poison(Contract, "key names order", ORDER, json("P-9", 1)),
            poison(Misplaced, "murmur2_random", &elsewhere, json(&elsewhere, 1)),
            poison(Oversize, "70000 bytes", ORDER, vec![b' '; 70_000]),
        ]
    }
}

#[test]
fn a_bad_record_becomes_a_letter_with_its_bytes_and_its_neighbours_are_folded() {
    let bench = Bench::applied("poison");
    let mut process = bench.process(&[]);
    let (events, orders) = (bench.topics.payments_events(), bench.topics.orders());
    let (writer, forge) = (Writer::new(&bench.kafka), Forge::new(events.clone()));
    let mut written = Vec::new();
    let good = [
        forge.good(ORDER, "evt_g1", EventType::PaymentIntentProcessing, 0),
        forge.good(ORDER, "evt_g2", EventType::PaymentIntentSucceeded, 1000),
    ];
    writer.put(&events, &good[0]);
    for (topic, poisons) in [(&events, forge.events()), (&orders, forge.snapshots())] {
        for poison in poisons {
            let position = writer.put(topic, &poison.sent);
            assert_eq!(position.0, forge.home);
            written.push((topic.clone(), position, poison));
        }
    }
    // A tombstone of the order service is no poison.
    let forgotten = Sent {
        key: Some(ORDER.into()),
        ..Sent::default()
    };
    writer.put(&orders, &forgotten);
    writer.put(&events, &good[1]);

    process.ready(LIMIT);
    let told = bench.statuses_once(ORDER, 2);
    let causes: Vec<&str> = told
        .iter()
        .map(|(_, told)| told.event_id.as_str())
        .collect();
    assert_eq!(causes, ["evt_g1", "evt_g2"]);
    everything_was_read(&bench);
    letters_are(&bench, &written);

    // What was refused once is not refused again by the next process.
    process.restart().unwrap();
    process.ready(LIMIT);
    everything_was_read(&bench);
    assert_eq!(bench.letters().len(), written.len());
    assert_eq!(bench.statuses(ORDER).len(), 2);
}

fn letters_are(bench: &Bench, written: &[(String, (i32, i64), Poison)]) {
    let letters = bench.letters();
    assert_eq!(letters.len(), written.len(), "{letters:#?}");
    for (topic, (partition, offset), poison) in written {
        let id = format!("{topic}/{partition}/{offset}");
        let found = letters
            .iter()
            .find(|(record, _)| record.key.as_deref() == Some(id.as_bytes()));
        let (_, letter) = found.unwrap_or_else(|| panic!("no letter {id}: {letters:#?}"));
        let headers = poison.sent.headers.iter();
        let wanted = DeadLetter {
            class: poison.class,
            reason: letter.reason.clone(),
            topic: topic.clone(),
            partition: *partition,
            offset: *offset,
            key: poison.sent.key.clone(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), Some(value.clone())))
                .collect(),
            timestamp: letter.timestamp,
            payload: poison.sent.value.clone(),
            first_seen: letter.timestamp.unwrap(),
            attempts: 1,
        };
        assert!(*letter == wanted, "{letter:#?} is not {wanted:#?}");
        assert!(
            letter.reason.contains(poison.reason),
            "{id}: {}",
            letter.reason
        );
        assert!(
            !letter.reason.is_empty() && !letter.reason.contains('\n'),
            "{letter:?}"
        );
    }
}

fn everything_was_read(bench: &Bench) {
    let lag = wait_until(LIMIT, || Some(bench.lag()).filter(|lag| *lag == 0));
    assert_eq!(lag, Some(0), "the group stays {} behind", bench.lag());
}
