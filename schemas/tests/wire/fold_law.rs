//! The law of the fold, on the bytes that are stored: the same set of facts ends in the same
//! cell, whatever its order, its repetitions and the batches it came in.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use trueup_domain::event::{
    ChargeFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts, PaymentFacts, RefundFacts,
    RefundStatus, SessionFacts, SessionPaymentStatus, SessionStatus, Snapshot, SnapshotStatus,
};
use trueup_domain::fold::{fold_event, fold_snapshot};
use trueup_domain::ids::ObjectId;
use trueup_domain::ledger::Ledger;
use trueup_domain::money::{Currency, MinorUnits};
use trueup_schemas::codec::Codec;

use crate::support::{currency, event_id, money, object};

/// What is folded: an event at its offset, or a snapshot.
#[derive(Debug, Clone)]
enum Input {
    Event(Event, i64),
    Snapshot(Snapshot),
}

/// One of a few objects, so that facts meet in one cell.
fn some(prefix: &'static str) -> impl Strategy<Value = ObjectId> {
    (0..2_u8).prop_map(move |number| object(&format!("{prefix}_{number}")))
}

fn units() -> impl Strategy<Value = MinorUnits> {
    (0..5_i64).prop_map(|units| money(units * 100))
}

fn code() -> impl Strategy<Value = Currency> {
    select(&["eur", "usd"][..]).prop_map(currency)
}

fn facts() -> impl Strategy<Value = (EventType, Facts)> {
    use EventType as Type;
    let payment = (
        select(
            &[
                Type::PaymentIntentCreated,
                Type::PaymentIntentRequiresAction,
                Type::PaymentIntentProcessing,
                Type::PaymentIntentAmountCapturableUpdated,
                Type::PaymentIntentPaymentFailed,
                Type::PaymentIntentCanceled,
                Type::PaymentIntentSucceeded,
            ][..],
        ),
        (some("pi"), units(), units(), code()).prop_map(
            |(id, amount, amount_received, currency)| {
                Facts::Payment(PaymentFacts {
                    id,
                    amount,
                    amount_received,
                    currency,
                })
            },
        ),
    );
    let session = (
        select(
            &[
                Type::CheckoutSessionCompleted,
                Type::CheckoutSessionAsyncPaymentSucceeded,
                Type::CheckoutSessionAsyncPaymentFailed,
                Type::CheckoutSessionExpired,
            ][..],
        ),
        (
            some("cs"),
            of(some("pi")),
            units(),
            of(code()),
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
            ),
    );
    let charge = (
        select(
            &[
                Type::ChargeSucceeded,
                Type::ChargeFailed,
                Type::ChargeUpdated,
                Type::ChargeRefunded,
            ][..],
        ),
        (
            some("ch"),
            of(some("pi")),
            units(),
            units(),
            units(),
            code(),
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
            ),
    );
    let refund = (
        select(&[Type::RefundCreated, Type::RefundUpdated, Type::RefundFailed][..]),
        (
            some("re"),
            of(some("ch")),
            of(some("pi")),
            units(),
            code(),
            select(
                &[
                    RefundStatus::Pending,
                    RefundStatus::Succeeded,
                    RefundStatus::Failed,
                ][..],
            ),
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
            }),
    );
    let dispute = (
        select(
            &[
                Type::DisputeCreated,
                Type::DisputeUpdated,
                Type::DisputeClosed,
            ][..],
        ),
        (
            some("dp"),
            of(some("ch")),
            of(some("pi")),
            units(),
            code(),
            select(
                &[
                    DisputeStatus::Warning,
                    DisputeStatus::NeedsResponse,
                    DisputeStatus::Won,
                    DisputeStatus::Lost,
                ][..],
            ),
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
            }),
    );
    prop_oneof![3 => payment, 2 => session, 2 => charge, 1 => refund, 1 => dispute]
}

/// Few ids, so that conflicts happen; few times, so that ties do.
fn event() -> impl Strategy<Value = Input> {
    (0..9_u8, facts(), 0..4_i64, of(any::<bool>()), 0..1000_i64).prop_map(
        |(id, (kind, facts), created, livemode, offset)| {
            let id = event_id(&format!("evt_{id}"));
            Input::Event(
                Event {
                    id,
                    kind,
                    created,
                    livemode,
                    facts,
                },
                offset,
            )
        },
    )
}

/// Fewer pairs than are kept: beyond those an old snapshot is told from a new one no more.
fn snapshots() -> impl Strategy<Value = Vec<Input>> {
    let statuses = &[
        SnapshotStatus::Pending,
        SnapshotStatus::Paid,
        SnapshotStatus::Canceled,
    ];
    let snapshot = (select(&statuses[..]), units(), code(), 0..4_i64, 0..3_i64).prop_map(
        |(status, amount_due, currency, version, updated_at)| {
            Input::Snapshot(Snapshot {
                status,
                amount_due,
                currency,
                version,
                updated_at,
            })
        },
    );
    vec(snapshot, 0..6)
}

/// Events, some of them delivered a second time, so at another offset, and snapshots.
fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let deliveries = (event(), of(0..1000_i64)).prop_map(|(first, again)| {
        let second = again.and_then(|offset| match &first {
            Input::Event(event, _) => Some(Input::Event(event.clone(), offset)),
            Input::Snapshot(_) => None,
        });
        std::iter::once(first).chain(second).collect::<Vec<Input>>()
    });
    (vec(deliveries, 0..16), snapshots())
        .prop_map(|(events, snapshots)| events.into_iter().flatten().chain(snapshots).collect())
}

fn fold(ledger: &mut Ledger, input: &Input) {
    match input {
        Input::Event(event, offset) => {
            fold_event(ledger, event, *offset).expect("the order is far from full");
        }
        Input::Snapshot(snapshot) => {
            fold_snapshot(ledger, snapshot);
        }
    }
}

fn cell<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Vec<u8> {
    let mut ledger = Ledger::default();
    for input in inputs {
        fold(&mut ledger, input);
    }
    Codec::SingleObject.encode(&ledger)
}

fn in_any_order() -> impl Strategy<Value = (Vec<Input>, Vec<Input>)> {
    inputs().prop_flat_map(|inputs| (Just(inputs.clone()), Just(inputs).prop_shuffle()))
}

proptest! {
    #[test]
    fn the_order_of_facts_leaves_no_trace_in_the_cell((inputs, shuffled) in in_any_order()) {
        prop_assert_eq!(cell(&inputs), cell(&shuffled));
    }

    #[test]
    fn a_repetition_leaves_no_trace_in_the_cell(
        (inputs, shuffled) in in_any_order(),
        repeated in vec(any::<Index>(), 0..8),
    ) {
        let mut again = shuffled.clone();
        if !shuffled.is_empty() {
            again.extend(repeated.iter().map(|place| place.get(&shuffled).clone()));
        }
        prop_assert_eq!(cell(&inputs), cell(&again));
    }

    #[test]
    fn storing_and_loading_between_batches_leaves_no_trace_in_the_cell(
        inputs in inputs(),
        stored_after in vec(any::<bool>(), 1..12),
    ) {
        let mut ledger = Ledger::default();
        for (input, store) in inputs.iter().zip(stored_after.into_iter().cycle()) {
            fold(&mut ledger, input);
            if store {
                ledger = Codec::SingleObject.decode(&Codec::SingleObject.encode(&ledger)).unwrap();
            }
        }
        prop_assert_eq!(cell(&inputs), Codec::SingleObject.encode(&ledger));
    }
}

#[test]
fn another_set_of_facts_is_another_cell() {
    let first = Input::Event(crate::support::succeeded(), 7);
    let mut other = crate::support::succeeded();
    other.id = event_id("evt_other");
    assert_ne!(cell([&first]), cell([]));
    assert_ne!(cell([&first]), cell([&first, &Input::Event(other, 7)]));
}
