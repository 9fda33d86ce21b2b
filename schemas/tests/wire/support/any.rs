//! Any value of every record, for property tests. Lists are short and cells independent: the
//! wire must carry what the fold would never make, too.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use trueup_domain::event::{
    ChargeFacts, ClaimedTwiceFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts,
    LinkedFacts, PaymentFacts, RefundFacts, RefundStatus, SessionFacts, SessionPaymentStatus,
    SessionStatus, Snapshot, SnapshotStatus, Success, UnlinkedFacts,
};
use trueup_domain::gap::{Gap, GapKind, GapSet, GapStatus};
use trueup_domain::ids::{EventId, ObjectId, OrderId};
use trueup_domain::money::{Currency, MAX_MINOR_UNITS, MinorUnits};
use trueup_domain::status::OrderStatus;
use trueup_schemas::records::{
    DeadLetter, EventBody, GapSetRecord, InputPosition, LetterClass, OrderSnapshotRecord,
    OrderStatusChanged, PartitionState, PaymentEvent, PaymentLink, ReconcileWindow, Source,
};

/// A record of which any value can be made.
pub(crate) trait Any: Sized + std::fmt::Debug {
    fn any() -> BoxedStrategy<Self>;
}

fn id<T: for<'a> TryFrom<&'a str, Error: std::fmt::Debug> + std::fmt::Debug>()
-> impl Strategy<Value = T> {
    "[ -~äß漢]{1,60}".prop_map(|id| T::try_from(&id).unwrap())
}

pub(super) fn order_id() -> impl Strategy<Value = OrderId> {
    id()
}

pub(super) fn object_id() -> impl Strategy<Value = ObjectId> {
    id()
}

pub(super) fn event_id() -> impl Strategy<Value = EventId> {
    id()
}

pub(super) fn money() -> impl Strategy<Value = MinorUnits> {
    prop_oneof![0..100_000_i64, 0..=MAX_MINOR_UNITS, Just(MAX_MINOR_UNITS)]
        .prop_map(|units| units.try_into().unwrap())
}

pub(super) fn currency() -> impl Strategy<Value = Currency> {
    "[a-z]{3}".prop_map(|code| code.as_str().try_into().unwrap())
}

pub(super) fn number() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -3..3_i64, Just(i64::MIN), Just(i64::MAX)]
}

pub(super) fn count() -> impl Strategy<Value = u64> {
    (0..=i64::MAX).prop_map(|count| count.try_into().unwrap())
}

fn source() -> impl Strategy<Value = Source> {
    select(Source::ALL)
}

pub(super) const REFUNDS: &[RefundStatus] = &[
    RefundStatus::Pending,
    RefundStatus::RequiresAction,
    RefundStatus::Succeeded,
    RefundStatus::Canceled,
    RefundStatus::Failed,
];
pub(super) const DISPUTES: &[DisputeStatus] = &[
    DisputeStatus::Warning,
    DisputeStatus::Prevented,
    DisputeStatus::NeedsResponse,
    DisputeStatus::UnderReview,
    DisputeStatus::Won,
    DisputeStatus::Lost,
];
const SNAPSHOTS: &[SnapshotStatus] = &[
    SnapshotStatus::Pending,
    SnapshotStatus::Paid,
    SnapshotStatus::Canceled,
    SnapshotStatus::Refunded,
];

fn kinds(of_object: &'static str) -> impl Strategy<Value = EventType> {
    let kinds: Vec<EventType> = EventType::ALL
        .iter()
        .copied()
        .filter(|kind| object_of(*kind) == of_object)
        .collect();
    select(kinds)
}

/// By the provider's own names, independently of the crate under test.
fn object_of(kind: EventType) -> &'static str {
    let name = kind.as_str();
    match name.split('.').collect::<Vec<_>>()[..] {
        ["payment_intent", ..] => "payment",
        ["checkout", "session", ..] => "session",
        ["charge", "dispute", ..] => "dispute",
        ["refund", ..] | ["charge", "refund", _] => "refund",
        _ => "charge",
    }
}

/// What the linker says.
fn linker() -> impl Strategy<Value = (EventType, Facts)> {
    let order = || "[a-z]{1,9}".prop_map(|id| OrderId::try_from(id.as_str()).unwrap());
    let success = of((money(), currency()));
    prop_oneof![
        (object_id(), success, any::<i64>()).prop_map(|(id, success, since)| {
            let success = success.map(|(amount, currency)| Success { amount, currency });
            let facts = UnlinkedFacts { id, success, since };
            (EventType::Unlinked, Facts::Unlinked(facts))
        }),
        (object_id(), order())
            .prop_map(|(id, order)| (EventType::Linked, Facts::Linked(LinkedFacts { id, order }))),
        (object_id(), order()).prop_map(|(payment, other)| {
            let facts = ClaimedTwiceFacts { payment, other };
            (EventType::ClaimedTwice, Facts::ClaimedTwice(facts))
        }),
    ]
}

fn facts() -> impl Strategy<Value = (EventType, Facts)> {
    let payment = (object_id(), money(), money(), currency()).prop_map(
        |(id, amount, amount_received, currency)| {
            Facts::Payment(PaymentFacts {
                id,
                amount,
                amount_received,
                currency,
            })
        },
    );
    let session = (
        object_id(),
        of(object_id()),
        money(),
        of(currency()),
        select(
            &[
                SessionPaymentStatus::Unpaid,
                SessionPaymentStatus::Paid,
                SessionPaymentStatus::NoPaymentRequired,
            ][..],
        ),
        select(
            &[
                SessionStatus::Open,
                SessionStatus::Expired,
                SessionStatus::Complete,
            ][..],
        ),
    )
        .prop_map(
            |(id, payment, amount_total, currency, payment_status, status)| {
                Facts::Session(SessionFacts {
                    id,
                    payment,
                    amount_total,
                    currency,
                    payment_status,
                    status,
                })
            },
        );
    let charge = (
        object_id(),
        of(object_id()),
        money(),
        money(),
        money(),
        currency(),
        any::<bool>(),
    )
        .prop_map(
            |(id, payment, amount, amount_captured, amount_refunded, currency, captured)| {
                Facts::Charge(ChargeFacts {
                    id,
                    payment,
                    amount,
                    amount_captured,
                    amount_refunded,
                    currency,
                    captured,
                })
            },
        );
    let refund = (
        object_id(),
        of(object_id()),
        of(object_id()),
        money(),
        currency(),
        select(REFUNDS),
    )
        .prop_map(|(id, charge, payment, amount, currency, status)| {
            Facts::Refund(RefundFacts {
                id,
                charge,
                payment,
                amount,
                currency,
                status,
            })
        });
    let dispute = (
        object_id(),
        of(object_id()),
        of(object_id()),
        money(),
        currency(),
        select(DISPUTES),
    )
        .prop_map(|(id, charge, payment, amount, currency, status)| {
            Facts::Dispute(DisputeFacts {
                id,
                charge,
                payment,
                amount,
                currency,
                status,
            })
        });
    prop_oneof![
        (kinds("payment"), payment),
        (kinds("session"), session),
        (kinds("charge"), charge),
        (kinds("refund"), refund),
        (kinds("dispute"), dispute),
        linker(),
    ]
}

impl Any for PaymentEvent {
    fn any() -> BoxedStrategy<Self> {
        (
            (event_id(), number(), of(any::<bool>()), facts()),
            of(".{0,20}"),
            source(),
            number(),
            any::<[u8; 32]>(),
        )
            .prop_map(
                |((id, created, livemode, (kind, facts)), account, source, at, sha)| Self {
                    event: Event {
                        id,
                        kind,
                        created,
                        livemode,
                        facts,
                    },
                    account,
                    source,
                    received_at: at,
                    body_sha256: sha,
                },
            )
            .boxed()
    }
}

impl Any for EventBody {
    fn any() -> BoxedStrategy<Self> {
        (
            (".{0,20}", ".{0,20}", of(".{0,20}"), source(), number()),
            ".{0,40}",
            of(".{0,9}"),
            vec(any::<u8>(), 0..300),
        )
            .prop_map(
                |(
                    (event_id, event_type, order_id, source, received_at),
                    signature,
                    endpoint,
                    body,
                )| Self {
                    event_id,
                    event_type,
                    order_id,
                    source,
                    received_at,
                    signature,
                    endpoint,
                    body,
                },
            )
            .boxed()
    }
}

impl Any for PaymentLink {
    fn any() -> BoxedStrategy<Self> {
        (object_id(), order_id(), ".{0,20}")
            .prop_map(|(object_id, order_id, learned_from)| Self {
                object_id,
                order_id,
                learned_from,
            })
            .boxed()
    }
}

pub(super) fn snapshot() -> impl Strategy<Value = Snapshot> {
    (select(SNAPSHOTS), money(), currency(), number(), number()).prop_map(
        |(status, amount_due, currency, version, updated_at)| Snapshot {
            status,
            amount_due,
            currency,
            version,
            updated_at,
        },
    )
}

impl Any for OrderSnapshotRecord {
    fn any() -> BoxedStrategy<Self> {
        (order_id(), snapshot())
            .prop_map(|(order_id, snapshot)| Self { order_id, snapshot })
            .boxed()
    }
}

impl Any for OrderStatusChanged {
    fn any() -> BoxedStrategy<Self> {
        (
            (
                order_id(),
                count(),
                select(OrderStatus::ALL),
                select(OrderStatus::ALL),
            ),
            (of(number()), number(), number(), of(currency())),
            (
                ".{0,20}",
                ".{0,20}",
                of(".{0,20}"),
                of(".{0,20}"),
                of(any::<bool>()),
                number(),
            ),
        )
            .prop_map(|((order_id, version, from, to), amounts, cause)| {
                let (amount_due, amount_received, amount_refunded, currency) = amounts;
                let (event_id, event_type, payment_intent, checkout_session, livemode, at) = cause;
                Self {
                    order_id,
                    version,
                    from,
                    to,
                    amount_due,
                    amount_received,
                    amount_refunded,
                    currency,
                    event_id,
                    event_type,
                    payment_intent,
                    checkout_session,
                    livemode,
                    occurred_at: at,
                }
            })
            .boxed()
    }
}

fn gap() -> impl Strategy<Value = Gap> {
    use GapKind as Kind;
    let kinds = &[
        Kind::PaidNotMarked,
        Kind::LateSuccess,
        Kind::OrphanPayment,
        Kind::AmountMismatch,
        Kind::DuplicatePayment,
        Kind::CurrencyMismatch,
        Kind::MarkedNotPaid,
        Kind::RefundUnreflected,
        Kind::DisputeOpen,
        Kind::DisputeLost,
        Kind::StuckProcessing,
        Kind::Unlinked,
        Kind::PaymentClaimedTwice,
        Kind::OrderFull,
    ];
    (
        select(&kinds[..]),
        select(&[GapStatus::Awaiting, GapStatus::Open][..]),
        number(),
        currency(),
        of(object_id()),
        any::<bool>(),
        (number(), number()),
    )
        .prop_map(
            |(kind, status, amount, currency, payment, unpaid, (since, deadline))| Gap {
                kind,
                status,
                amount,
                currency,
                payment,
                unpaid,
                since,
                deadline,
            },
        )
}

impl Any for GapSetRecord {
    fn any() -> BoxedStrategy<Self> {
        (order_id(), count(), vec(gap(), 0..5))
            .prop_map(|(order_id, version, gaps)| Self {
                order_id,
                version,
                gaps: GapSet { gaps },
            })
            .boxed()
    }
}

impl Any for DeadLetter {
    fn any() -> BoxedStrategy<Self> {
        let bytes = || vec(any::<u8>(), 0..60);
        (
            (
                select(LetterClass::ALL),
                ".{0,40}",
                ".{0,20}",
                any::<i32>(),
                number(),
            ),
            (
                of(bytes()),
                vec((".{0,9}", of(bytes())), 0..5),
                of(number()),
                of(bytes()),
            ),
            (number(), any::<i32>()),
        )
            .prop_map(
                |((class, reason, topic, partition, offset), raw, (first_seen, attempts))| {
                    let (key, headers, timestamp, payload) = raw;
                    Self {
                        class,
                        reason,
                        topic,
                        partition,
                        offset,
                        key,
                        headers,
                        timestamp,
                        payload,
                        first_seen,
                        attempts,
                    }
                },
            )
            .boxed()
    }
}

impl Any for ReconcileWindow {
    fn any() -> BoxedStrategy<Self> {
        (
            any::<i32>(),
            (number(), number(), number(), number(), number()),
            vec((currency(), number(), number(), number()), 0..4),
        )
            .prop_map(
                |(partition, (window_start, width_ms, succeeded, reconciled, in_gap), amounts)| {
                    Self {
                        partition,
                        window_start,
                        width_ms,
                        succeeded,
                        reconciled,
                        in_gap,
                        amounts,
                    }
                },
            )
            .boxed()
    }
}

impl Any for PartitionState {
    fn any() -> BoxedStrategy<Self> {
        let position = || {
            (0..=i64::MAX, of(0..=i64::MAX), of(number())).prop_map(
                |(next, last_offset, last_timestamp)| InputPosition {
                    next,
                    last_offset,
                    last_timestamp,
                },
            )
        };
        (
            (
                any::<i32>(),
                ".{0,30}",
                any::<i32>(),
                position(),
                position(),
            ),
            number(),
            (count(), count()),
            number(),
        )
            .prop_map(
                |(
                    (partition, cluster_id, partitions, events, orders),
                    clock,
                    (transaction, known_orders),
                    at,
                )| {
                    Self {
                        schema: 1,
                        partition,
                        cluster_id,
                        partitions,
                        events,
                        orders,
                        clock,
                        transaction,
                        written_at: at,
                        known_orders,
                    }
                },
            )
            .boxed()
    }
}
