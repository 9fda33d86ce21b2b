//! What is said of a few orders: signed events and snapshots, in any order, some of it twice.

use trueup_domain::event::{
    ChargeFacts, Event, EventType, Facts, PaymentFacts, RefundFacts, RefundStatus, SessionFacts,
    SessionPaymentStatus, SessionStatus, Snapshot, SnapshotStatus,
};
use trueup_domain::ids::{EventId, ObjectId, OrderId};
use trueup_domain::money::{Currency, MinorUnits};
use trueup_engine::ports::log::{Input, Record, Source};
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::OrderSnapshotRecord;
use trueup_schemas::records::Record as _;
use trueup_schemas::records::{PaymentEvent, Source as Origin};
use trueup_schemas::seal::SigningKeys;

use super::random::Random;

pub const PARTITIONS: i32 = 2;
pub const EVENTS_TOPIC: &str = "payments.events";
pub const ORDERS_TOPIC: &str = "orders";

pub fn keys() -> SigningKeys {
    SigningKeys::parse("k1:c2l4dGVlbiBieXRlcyBhdCBsZWFzdA==").unwrap()
}

/// One thing said about one order.
#[derive(Debug, Clone)]
pub enum Said {
    Event(Event),
    Snapshot(Snapshot),
}

#[derive(Debug, Clone)]
pub struct Saying {
    pub order: OrderId,
    pub said: Said,
}

pub fn units(units: i64) -> MinorUnits {
    MinorUnits::try_from(units).unwrap()
}

fn object(id: &str) -> ObjectId {
    ObjectId::try_from(id).unwrap()
}

pub fn eur() -> Currency {
    Currency::try_from("eur").unwrap()
}

fn event(id: String, kind: EventType, created: i64, facts: Facts) -> Event {
    let id = EventId::try_from(id.as_str()).unwrap();
    Event {
        id,
        kind,
        created,
        livemode: Some(false),
        facts,
    }
}

pub fn payment(order: &str, kind: EventType, created: i64, amount: i64, received: i64) -> Event {
    let facts = Facts::Payment(PaymentFacts {
        id: object(&format!("pi_{order}")),
        amount: units(amount),
        amount_received: units(received),
        currency: eur(),
    });
    event(
        format!("evt_{order}_{}", kind.as_str()),
        kind,
        created,
        facts,
    )
}

/// Everything about one order, in the order in which it happened.
fn story(order: &str, random: &mut Random, created: i64) -> Vec<Said> {
    let amount = 1000 + i64::try_from(random.below(50)).unwrap();
    let mut said = vec![
        payment(order, EventType::PaymentIntentCreated, created, amount, 0),
        payment(
            order,
            EventType::PaymentIntentProcessing,
            created + 1,
            amount,
            0,
        ),
    ];
    if random.one_in(3) {
        said.push(payment(
            order,
            EventType::PaymentIntentPaymentFailed,
            created + 2,
            amount,
            0,
        ));
    }
    if random.one_in(3) {
        let facts = Facts::Session(SessionFacts {
            id: object(&format!("cs_{order}")),
            payment: Some(object(&format!("pi_{order}"))),
            amount_total: units(amount),
            currency: Some(eur()),
            payment_status: SessionPaymentStatus::Paid,
            status: SessionStatus::Complete,
        });
        let kind = EventType::CheckoutSessionCompleted;
        said.push(event(
            format!("evt_{order}_session"),
            kind,
            created + 3,
            facts,
        ));
    }
    if !random.one_in(5) {
        let kind = EventType::PaymentIntentSucceeded;
        said.push(payment(order, kind, created + 2, amount, amount));
        let charge = Facts::Charge(ChargeFacts {
            id: object(&format!("ch_{order}")),
            payment: Some(object(&format!("pi_{order}"))),
            amount: units(amount),
            amount_captured: units(amount),
            amount_refunded: units(0),
            currency: eur(),
            captured: true,
        });
        let kind = EventType::ChargeSucceeded;
        said.push(event(
            format!("evt_{order}_charge"),
            kind,
            created + 2,
            charge,
        ));
        // A failure that is told late, with a later time, never takes paid back.
        let kind = EventType::PaymentIntentCanceled;
        said.push(payment(order, kind, created + 9, amount, 0));
        for part in 0..random.below(3) {
            let facts = Facts::Refund(RefundFacts {
                id: object(&format!("re_{order}_{part}")),
                charge: Some(object(&format!("ch_{order}"))),
                payment: None,
                amount: units(100),
                currency: eur(),
                status: RefundStatus::Succeeded,
            });
            let kind = EventType::RefundCreated;
            said.push(event(
                format!("evt_{order}_refund_{part}"),
                kind,
                created + 5,
                facts,
            ));
        }
    }
    let mut said: Vec<Said> = said.into_iter().map(Said::Event).collect();
    for version in 0..random.below(3) {
        let version = i64::try_from(version).unwrap() + 1;
        let status = if random.one_in(3) {
            SnapshotStatus::Paid
        } else {
            SnapshotStatus::Pending
        };
        said.push(Said::Snapshot(Snapshot {
            status,
            amount_due: units(amount),
            currency: eur(),
            version,
            // Within the minutes that a history takes, so that some graces end by a timer.
            updated_at: created * 1000 + i64::try_from(random.below(200_000)).unwrap(),
        }));
    }
    said
}

/// A shuffled stream of everything, about a tenth of it said twice.
pub fn stream(orders: usize, random: &mut Random) -> Vec<Saying> {
    let mut stream = Vec::new();
    for number in 0..orders {
        let name = format!("order-{number}");
        let order = OrderId::try_from(name.as_str()).unwrap();
        for said in story(&name, random, 1_700_000_000) {
            if random.one_in(10) {
                stream.push(Saying {
                    order: order.clone(),
                    said: said.clone(),
                });
            }
            stream.push(Saying {
                order: order.clone(),
                said,
            });
        }
    }
    for last in (1..stream.len()).rev() {
        stream.swap(last, random.below(last + 1));
    }
    stream
}

/// The record that says it, and where it goes.
pub fn partition(order: &str) -> i32 {
    partition_for(order.as_bytes(), PARTITIONS)
}

pub fn record(saying: &Saying, now_ms: i64) -> (Input, Record) {
    let key = saying.order.as_str().as_bytes().to_vec();
    let codec = Codec::SingleObject;
    let (input, value, headers) = match &saying.said {
        Said::Event(event) => {
            let told = PaymentEvent {
                event: event.clone(),
                account: None,
                source: Origin::Webhook,
                received_at: now_ms,
                body_sha256: [7; 32],
            };
            let keys = keys();
            let seal = keys.seal(EVENTS_TOPIC, &key, &told.encode_datum());
            let headers = vec![
                (
                    headers::KEY_ID.to_owned(),
                    Some(seal.key_id.as_bytes().to_vec()),
                ),
                (
                    headers::SIGNATURE.to_owned(),
                    Some(seal.signature.as_bytes().to_vec()),
                ),
            ];
            (Input::Events, codec.encode(&told), headers)
        }
        Said::Snapshot(snapshot) => {
            let told = OrderSnapshotRecord {
                order_id: saying.order.clone(),
                snapshot: snapshot.clone(),
            };
            (Input::Orders, codec.encode(&told), Vec::new())
        }
    };
    let record = Record {
        source: Source::Input(input),
        partition: partition(saying.order.as_str()),
        offset: 0,
        timestamp: None,
        key: Some(key),
        value: Some(value),
        headers,
    };
    (input, record)
}
