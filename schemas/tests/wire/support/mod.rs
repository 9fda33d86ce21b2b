//! What the tests of this crate share: values of every record, typical ones and any at all.

pub(crate) mod any;
mod any_ledger;
pub(crate) mod ledgers;

use trueup_domain::event::{
    ChargeFacts, ClaimedTwiceFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts,
    LinkedFacts, PaymentFacts, RefundFacts, RefundStatus, SessionFacts, SessionPaymentStatus,
    SessionStatus, Snapshot, SnapshotStatus, Success, UnlinkedFacts,
};
use trueup_domain::gap::{Gap, GapKind, GapSet, GapStatus};
use trueup_domain::ids::{EventId, InvalidId, ObjectId, OrderId};
use trueup_domain::internal;
use trueup_domain::money::{Currency, MAX_MINOR_UNITS, MinorUnits};
use trueup_domain::status::OrderStatus;
use trueup_schemas::records::{
    DeadLetter, EventBody, GapSetRecord, InputPosition, LetterClass, OrderSnapshotRecord,
    OrderStatusChanged, PartitionState, PaymentEvent, PaymentLink, ReconcileWindow, Source,
};

/// Calls a generic function once for each record type.
macro_rules! for_each_record {
    ($function:ident) => {{
        use trueup_schemas::records as all;
        $function::<all::PaymentEvent>();
        $function::<all::EventBody>();
        $function::<all::PaymentLink>();
        $function::<all::OrderSnapshotRecord>();
        $function::<all::OrderStatusChanged>();
        $function::<all::GapSetRecord>();
        $function::<all::DeadLetter>();
        $function::<all::ReconcileWindow>();
        $function::<all::PartitionState>();
        $function::<trueup_domain::ledger::Ledger>();
    }};
}
pub(crate) use for_each_record;

/// Values that the golden files hold, the typical one first.
pub(crate) trait Samples: Sized {
    fn samples() -> Vec<Self>;
}

pub(crate) const RECEIVED_AT: i64 = 1_767_225_600_123;
pub(crate) const CREATED: i64 = 1_767_225_599;

pub(crate) fn order(id: &str) -> OrderId {
    id.try_into().unwrap()
}

pub(crate) fn object(id: &str) -> ObjectId {
    id.try_into().unwrap()
}

pub(crate) fn event_id(id: &str) -> EventId {
    id.try_into().unwrap()
}

pub(crate) fn money(units: i64) -> MinorUnits {
    units.try_into().unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    code.try_into().unwrap()
}

pub(crate) fn event(id: &str, kind: EventType, facts: Facts) -> Event {
    Event {
        id: event_id(id),
        kind,
        created: CREATED,
        livemode: Some(true),
        facts,
    }
}

pub(crate) fn succeeded() -> Event {
    let facts = PaymentFacts {
        id: object("pi_3QbKd2Eo1Z"),
        amount: money(4200),
        amount_received: money(4150),
        currency: currency("eur"),
    };
    event(
        "evt_3QbKd2Eo1Z",
        EventType::PaymentIntentSucceeded,
        Facts::Payment(facts),
    )
}

fn webhook(event: Event) -> PaymentEvent {
    PaymentEvent {
        event,
        account: None,
        source: Source::Webhook,
        received_at: RECEIVED_AT,
        body_sha256: std::array::from_fn(|at| at.try_into().unwrap()),
    }
}

impl Samples for PaymentEvent {
    fn samples() -> Vec<Self> {
        let session = SessionFacts {
            id: object("cs_live_a1"),
            payment: Some(object("pi_3QbKd2Eo1Z")),
            amount_total: money(4200),
            currency: Some(currency("eur")),
            payment_status: SessionPaymentStatus::Paid,
            status: SessionStatus::Complete,
        };
        let free = SessionFacts {
            payment: None,
            amount_total: money(0),
            currency: None,
            payment_status: SessionPaymentStatus::NoPaymentRequired,
            ..session.clone()
        };
        let charge = ChargeFacts {
            id: object("ch_1"),
            payment: Some(object("pi_3QbKd2Eo1Z")),
            amount: money(4200),
            amount_captured: money(4000),
            amount_refunded: money(200),
            currency: currency("jpy"),
            captured: true,
        };
        let refund = RefundFacts {
            id: object("re_1"),
            charge: Some(object("ch_1")),
            payment: None,
            amount: money(MAX_MINOR_UNITS),
            currency: currency("usd"),
            status: RefundStatus::RequiresAction,
        };
        let dispute = DisputeFacts {
            id: object("dp_1"),
            charge: None,
            payment: Some(object("pi_3QbKd2Eo1Z")),
            amount: money(1),
            currency: currency("usd"),
            status: DisputeStatus::UnderReview,
        };
        let mut probed = webhook(event(
            "probe:pi_3QbKd2Eo1Z:00ff",
            EventType::CheckoutSessionCompleted,
            Facts::Session(free),
        ));
        probed.event.livemode = None;
        probed.account = Some("acct_1".to_owned());
        probed.source = Source::Probe;
        vec![
            webhook(succeeded()),
            webhook(event(
                "evt_2",
                EventType::CheckoutSessionAsyncPaymentSucceeded,
                Facts::Session(session),
            )),
            webhook(event(
                "evt_3",
                EventType::ChargeRefunded,
                Facts::Charge(charge),
            )),
            webhook(event(
                "evt_4",
                EventType::RefundCreated,
                Facts::Refund(refund),
            )),
            webhook(event(
                "evt_5",
                EventType::DisputeCreated,
                Facts::Dispute(dispute),
            )),
            probed,
            said_by_linker(internal::unlinked(UnlinkedFacts {
                id: object("pi_3QbKd2Eo1Z"),
                success: Some(Success {
                    amount: money(4200),
                    currency: currency("eur"),
                }),
                since: RECEIVED_AT,
            })),
            said_by_linker(internal::unlinked(UnlinkedFacts {
                id: object("ch_1"),
                success: None,
                since: RECEIVED_AT,
            })),
            said_by_linker(internal::linked(
                LinkedFacts {
                    id: object("ch_1"),
                    order: order("order-1001"),
                },
                RECEIVED_AT / 1000,
            )),
            said_by_linker(internal::claimed_twice(
                &order("order-1001"),
                ClaimedTwiceFacts {
                    payment: object("pi_3QbKd2Eo1Z"),
                    other: order("order-1002"),
                },
                RECEIVED_AT / 1000,
            )),
        ]
    }
}

fn said_by_linker(event: Result<Event, InvalidId>) -> PaymentEvent {
    PaymentEvent {
        source: Source::Linker,
        ..webhook(event.unwrap())
    }
}

impl Samples for EventBody {
    fn samples() -> Vec<Self> {
        let full = Self {
            event_id: "evt_3QbKd2Eo1Z".to_owned(),
            event_type: "payment_intent.succeeded".to_owned(),
            order_id: Some("order-1001".to_owned()),
            source: Source::Webhook,
            received_at: RECEIVED_AT,
            signature: "t=1767225600,v1=5257a869e7ec".to_owned(),
            endpoint: Some("shop-eu".to_owned()),
            body: br#"{"id":"evt_3QbKd2Eo1Z"}"#.to_vec(),
        };
        let bare = Self {
            order_id: None,
            source: Source::Sweep,
            signature: String::new(),
            endpoint: None,
            body: vec![0x00, 0xff, 0xc3, 0x01],
            ..full.clone()
        };
        vec![full, bare]
    }
}

impl Samples for PaymentLink {
    fn samples() -> Vec<Self> {
        vec![Self {
            object_id: object("pi_3QbKd2Eo1Z"),
            order_id: order("order-1001"),
            learned_from: "evt_3QbKd2Eo1Z".to_owned(),
        }]
    }
}

impl Samples for OrderSnapshotRecord {
    fn samples() -> Vec<Self> {
        let snapshot = Snapshot {
            status: SnapshotStatus::Paid,
            amount_due: money(4200),
            currency: currency("eur"),
            version: 7,
            updated_at: RECEIVED_AT,
        };
        let canceled = Snapshot {
            status: SnapshotStatus::Canceled,
            amount_due: money(0),
            version: -1,
            updated_at: -1,
            ..snapshot.clone()
        };
        vec![
            Self {
                order_id: order("order-1001"),
                snapshot,
            },
            Self {
                order_id: order("bestellung/ä-ß"),
                snapshot: canceled,
            },
        ]
    }
}

impl Samples for OrderStatusChanged {
    fn samples() -> Vec<Self> {
        let paid = Self {
            order_id: order("order-1001"),
            version: 3,
            from: OrderStatus::Processing,
            to: OrderStatus::Paid,
            amount_due: Some(4200),
            amount_received: 4250,
            amount_refunded: 50,
            currency: Some(currency("eur")),
            event_id: "evt_3QbKd2Eo1Z".to_owned(),
            event_type: "payment_intent.succeeded".to_owned(),
            payment_intent: Some("pi_3QbKd2Eo1Z".to_owned()),
            checkout_session: Some("cs_live_a1".to_owned()),
            livemode: Some(true),
            occurred_at: CREATED * 1000,
        };
        let unknown = Self {
            from: OrderStatus::Pending,
            to: OrderStatus::PartiallyRefunded,
            amount_due: None,
            currency: None,
            event_id: "snapshot:7".to_owned(),
            event_type: "order.snapshot".to_owned(),
            payment_intent: None,
            checkout_session: None,
            livemode: None,
            ..paid.clone()
        };
        vec![paid, unknown]
    }
}

impl Samples for GapSetRecord {
    fn samples() -> Vec<Self> {
        let open = Gap {
            kind: GapKind::PaidNotMarked,
            status: GapStatus::Open,
            amount: 4200,
            currency: currency("eur"),
            payment: Some(object("pi_3QbKd2Eo1Z")),
            unpaid: true,
            since: RECEIVED_AT,
            deadline: RECEIVED_AT + 300_000,
        };
        let awaiting = Gap {
            kind: GapKind::OrderFull,
            status: GapStatus::Awaiting,
            amount: 0,
            payment: None,
            unpaid: false,
            ..open.clone()
        };
        vec![
            Self {
                order_id: order("order-1001"),
                version: 3,
                gaps: GapSet {
                    gaps: vec![open, awaiting],
                },
            },
            Self {
                order_id: order("order-1002"),
                version: 0,
                gaps: GapSet { gaps: Vec::new() },
            },
        ]
    }
}

impl Samples for DeadLetter {
    fn samples() -> Vec<Self> {
        let forged = Self {
            class: LetterClass::Forged,
            reason: "the record carries no signature".to_owned(),
            topic: "payments.events".to_owned(),
            partition: 5,
            offset: 1_234_567_890_123,
            key: Some(b"order-1001".to_vec()),
            headers: vec![
                ("event-id".to_owned(), Some(b"evt_3QbKd2Eo1Z".to_vec())),
                ("traceparent".to_owned(), None),
            ],
            timestamp: Some(RECEIVED_AT),
            payload: Some(vec![0x00, 0xff]),
            first_seen: RECEIVED_AT + 5,
            attempts: 1,
        };
        let empty = Self {
            class: LetterClass::OrderFull,
            key: None,
            headers: Vec::new(),
            timestamp: None,
            payload: None,
            ..forged.clone()
        };
        vec![forged, empty]
    }
}

impl Samples for ReconcileWindow {
    fn samples() -> Vec<Self> {
        vec![Self {
            partition: 5,
            window_start: 1_767_225_600_000,
            width_ms: 60_000,
            succeeded: 12,
            reconciled: 11,
            in_gap: 1,
            amounts: vec![
                (currency("eur"), 42_000, 37_800, 4200),
                (currency("jpy"), 1, 2, 3),
            ],
        }]
    }
}

impl Samples for PartitionState {
    fn samples() -> Vec<Self> {
        vec![Self {
            schema: 1,
            partition: 5,
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qg".to_owned(),
            partitions: 12,
            events: InputPosition {
                next: 1001,
                last_offset: Some(999),
                last_timestamp: Some(RECEIVED_AT),
            },
            orders: InputPosition {
                next: 0,
                last_offset: None,
                last_timestamp: None,
            },
            clock: RECEIVED_AT,
            transaction: 77,
            written_at: RECEIVED_AT + 9,
            known_orders: 4711,
        }]
    }
}
