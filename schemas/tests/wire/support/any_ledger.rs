//! Any ledger, for property tests: its lists need not be what the fold would make.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use trueup_domain::event::{EventType, Success};
use trueup_domain::ledger::{
    ChargeCell, ClaimCell, DisputeCell, LatestSnapshot, Ledger, PaymentCell, RefundCell, SeenEvent,
    SessionCell, SessionProgress, Snapshots, Stamp, UnlinkedCell,
};

use super::any::{
    Any, DISPUTES, REFUNDS, count, currency, event_id, money, number, object_id, order_id, snapshot,
};

fn stamp() -> impl Strategy<Value = Stamp> {
    (number(), any::<u8>(), event_id(), any::<[u8; 16]>()).prop_map(
        |(created, rank, event, digest)| Stamp {
            created,
            rank,
            event,
            digest,
        },
    )
}

fn seen() -> impl Strategy<Value = SeenEvent> {
    (
        event_id(),
        any::<[u8; 16]>(),
        select([EventType::ALL, EventType::INTERNAL].concat()),
        number(),
        number(),
    )
        .prop_map(|(id, digest, kind, created, offset)| SeenEvent {
            id,
            digest,
            kind,
            created,
            offset,
        })
}

fn payment() -> impl Strategy<Value = PaymentCell> {
    (
        object_id(),
        (
            stamp(),
            select([EventType::ALL, EventType::INTERNAL].concat()),
        ),
        number(),
        of(number()),
        money(),
        money(),
        currency(),
    )
        .prop_map(
            |(id, latest, first_seen, succeeded_at, amount, amount_received, currency)| {
                PaymentCell {
                    id,
                    latest,
                    first_seen,
                    succeeded_at,
                    amount,
                    amount_received,
                    currency,
                }
            },
        )
}

fn charge() -> impl Strategy<Value = ChargeCell> {
    (
        (
            object_id(),
            of(object_id()),
            stamp(),
            number(),
            of(number()),
        ),
        (money(), money(), money(), currency()),
    )
        .prop_map(
            |((id, payment, latest, first_seen, captured_at), amounts)| {
                let (amount, amount_captured, amount_refunded, currency) = amounts;
                ChargeCell {
                    id,
                    payment,
                    latest,
                    first_seen,
                    captured_at,
                    amount,
                    amount_captured,
                    amount_refunded,
                    currency,
                }
            },
        )
}

fn session() -> impl Strategy<Value = SessionCell> {
    let progress = &[
        SessionProgress::Open,
        SessionProgress::Expired,
        SessionProgress::CompletedUnpaid,
        SessionProgress::AsyncPaymentFailed,
        SessionProgress::NoPaymentRequired,
        SessionProgress::Paid,
    ];
    (
        (
            object_id(),
            of(object_id()),
            select(&progress[..]),
            number(),
            of(number()),
        ),
        (stamp(), money(), of(currency())),
    )
        .prop_map(
            |((id, payment, progress, first_seen, paid_at), (latest, amount, currency))| {
                SessionCell {
                    id,
                    payment,
                    progress,
                    first_seen,
                    paid_at,
                    latest,
                    amount_total: amount,
                    currency,
                }
            },
        )
}

fn refund() -> impl Strategy<Value = RefundCell> {
    (
        object_id(),
        of(object_id()),
        of(object_id()),
        (stamp(), select(REFUNDS)),
        money(),
        currency(),
    )
        .prop_map(
            |(id, charge, payment, latest, amount, currency)| RefundCell {
                id,
                charge,
                payment,
                latest,
                amount,
                currency,
            },
        )
}

fn dispute() -> impl Strategy<Value = DisputeCell> {
    let fact = || of((stamp(), select(DISPUTES)));
    (
        object_id(),
        of(object_id()),
        of(object_id()),
        fact(),
        fact(),
        money(),
        currency(),
    )
        .prop_map(
            |(id, charge, payment, latest, closed, amount, currency)| DisputeCell {
                id,
                charge,
                payment,
                latest,
                closed,
                amount,
                currency,
            },
        )
}

fn unlinked() -> impl Strategy<Value = UnlinkedCell> {
    let success = (money(), currency()).prop_map(|(amount, currency)| Success { amount, currency });
    (object_id(), of(number()), of(success), any::<bool>()).prop_map(
        |(id, since, success, found)| UnlinkedCell {
            id,
            since,
            success,
            found,
        },
    )
}

fn claim() -> impl Strategy<Value = ClaimCell> {
    (object_id(), order_id()).prop_map(|(id, other)| ClaimCell { id, other })
}

fn snapshots() -> impl Strategy<Value = Snapshots> {
    let latest = (any::<[u8; 16]>(), snapshot()).prop_map(|(digest, snapshot)| LatestSnapshot {
        version: snapshot.version,
        digest,
        status: snapshot.status,
        amount_due: snapshot.amount_due,
        currency: snapshot.currency,
        updated_at: snapshot.updated_at,
    });
    (
        vec((number(), any::<[u8; 16]>()), 0..4),
        count(),
        of(latest),
    )
        .prop_map(|(kept, seen, latest)| Snapshots { kept, seen, latest })
}

impl Any for Ledger {
    fn any() -> BoxedStrategy<Self> {
        (
            (vec(seen(), 0..5), vec(payment(), 0..3), vec(charge(), 0..3)),
            (
                vec(session(), 0..3),
                vec(refund(), 0..3),
                vec(dispute(), 0..3),
            ),
            (vec(unlinked(), 0..3), vec(claim(), 0..3)),
            snapshots(),
            of(any::<bool>()),
        )
            .prop_map(
                |(
                    (events, payments, charges),
                    (sessions, refunds, disputes),
                    (unlinked, claims),
                    snapshots,
                    live,
                )| {
                    Self {
                        events,
                        payments,
                        charges,
                        sessions,
                        refunds,
                        disputes,
                        unlinked,
                        claims,
                        snapshots,
                        livemode: live,
                    }
                },
            )
            .boxed()
    }
}
