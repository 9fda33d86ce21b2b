//! Events and snapshots from pools so small that ids, seconds, ranks and contents collide.

use proptest::prelude::*;
use proptest::sample::select;
use trueup_domain::event::{
    ChargeFacts, ClaimedTwiceFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts,
    LinkedFacts, PaymentFacts, RefundFacts, RefundStatus, SessionFacts, SessionPaymentStatus,
    SessionStatus, Snapshot, SnapshotStatus, Subject, Success, UnlinkedFacts,
};
use trueup_domain::ids::{EventId, ObjectId, OrderId};
use trueup_domain::ledger::KEPT_SNAPSHOTS;
use trueup_domain::money::{Currency, MAX_MINOR_UNITS, MinorUnits};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// With the offset at which it was read.
    Event(Event, i64),
    Snapshot(Snapshot),
}

/// What is said of one order, with no more snapshots than are kept. Some events are delivered
/// again, and so lie at several offsets.
pub(crate) fn sayings() -> impl Strategy<Value = Vec<Said>> {
    let events = prop::collection::vec((event(), 0..50_i64), 0..24);
    let again = prop::collection::vec((any::<prop::sample::Index>(), 0..50_i64), 0..4);
    let snapshots = prop::collection::vec(snapshot(), 0..=KEPT_SNAPSHOTS);
    (events, again, snapshots).prop_map(|(mut events, again, snapshots)| {
        if !events.is_empty() {
            for (index, offset) in again {
                events.push((index.get(&events).0.clone(), offset));
            }
        }
        let events = events
            .into_iter()
            .map(|(event, offset)| Said::Event(event, offset));
        events
            .chain(snapshots.into_iter().map(Said::Snapshot))
            .collect()
    })
}

/// The same in another order, with some of it said again.
pub(crate) fn retold(said: Vec<Said>) -> impl Strategy<Value = (Vec<Said>, Vec<Said>)> {
    let count = said.len();
    let again = prop::collection::vec(any::<prop::sample::Index>(), 0..8);
    (Just(said), again).prop_flat_map(move |(said, again)| {
        let mut retold = said.clone();
        if count > 0 {
            retold.extend(again.iter().map(|index| said[index.index(count)].clone()));
        }
        (Just(said), Just(retold).prop_shuffle())
    })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let kind = select([EventType::ALL, EventType::INTERNAL].concat());
    let livemode = select(vec![None, Some(false), Some(true)]);
    (0..6_u8, kind, 0..3_i64, livemode).prop_flat_map(|(id, kind, created, livemode)| {
        let id = EventId::try_from(format!("evt_{id}").as_str()).unwrap();
        facts(kind).prop_map(move |facts| Event {
            id: id.clone(),
            kind,
            created,
            livemode,
            facts,
        })
    })
}

fn object(prefix: &'static str) -> impl Strategy<Value = ObjectId> {
    (0..3_u8).prop_map(move |id| ObjectId::try_from(format!("{prefix}_{id}").as_str()).unwrap())
}

fn order() -> impl Strategy<Value = OrderId> {
    (0..3_u8).prop_map(|id| OrderId::try_from(format!("o_{id}").as_str()).unwrap())
}

fn amount() -> impl Strategy<Value = MinorUnits> {
    select(vec![0, 1, 300, 1000, MAX_MINOR_UNITS])
        .prop_map(|units| MinorUnits::try_from(units).unwrap())
}

fn currency() -> impl Strategy<Value = Currency> {
    select(vec!["eur", "usd"]).prop_map(|code| Currency::try_from(code).unwrap())
}

fn facts(kind: EventType) -> BoxedStrategy<Facts> {
    let links = || {
        (
            prop::option::of(object("ch")),
            prop::option::of(object("pi")),
        )
    };
    match kind.subject() {
        Subject::Payment(_) => (object("pi"), amount(), amount(), currency())
            .prop_map(|(id, amount, amount_received, currency)| {
                Facts::Payment(PaymentFacts {
                    id,
                    amount,
                    amount_received,
                    currency,
                })
            })
            .boxed(),
        Subject::Session(_) => {
            let payment_status = select(vec![
                SessionPaymentStatus::Unpaid,
                SessionPaymentStatus::Paid,
                SessionPaymentStatus::NoPaymentRequired,
            ]);
            let status = select(vec![
                SessionStatus::Open,
                SessionStatus::Expired,
                SessionStatus::Complete,
            ]);
            let money = (amount(), prop::option::of(currency()));
            (
                object("cs"),
                prop::option::of(object("pi")),
                money,
                payment_status,
                status,
            )
                .prop_map(
                    |(id, payment, (amount_total, currency), payment_status, status)| {
                        Facts::Session(SessionFacts {
                            id,
                            payment,
                            amount_total,
                            currency,
                            payment_status,
                            status,
                        })
                    },
                )
                .boxed()
        }
        Subject::Charge | Subject::FailedCharge => {
            let amounts = (amount(), amount(), amount());
            (
                object("ch"),
                prop::option::of(object("pi")),
                amounts,
                currency(),
                any::<bool>(),
            )
                .prop_map(|(id, payment, amounts, currency, captured)| {
                    let (amount, amount_captured, amount_refunded) = amounts;
                    Facts::Charge(ChargeFacts {
                        id,
                        payment,
                        amount,
                        amount_captured,
                        amount_refunded,
                        currency,
                        captured,
                    })
                })
                .boxed()
        }
        Subject::Refund => {
            let status = select(vec![
                RefundStatus::Pending,
                RefundStatus::RequiresAction,
                RefundStatus::Succeeded,
                RefundStatus::Canceled,
                RefundStatus::Failed,
            ]);
            (object("re"), links(), amount(), currency(), status)
                .prop_map(|(id, (charge, payment), amount, currency, status)| {
                    Facts::Refund(RefundFacts {
                        id,
                        charge,
                        payment,
                        amount,
                        currency,
                        status,
                    })
                })
                .boxed()
        }
        Subject::Unlinked => {
            let money = prop::option::of((amount(), currency()));
            (object("pi"), money, 0..3_i64)
                .prop_map(|(id, money, since)| {
                    let success = money.map(|(amount, currency)| Success { amount, currency });
                    Facts::Unlinked(UnlinkedFacts { id, success, since })
                })
                .boxed()
        }
        Subject::Linked => (object("pi"), order())
            .prop_map(|(id, order)| Facts::Linked(LinkedFacts { id, order }))
            .boxed(),
        Subject::ClaimedTwice => (object("pi"), order())
            .prop_map(|(payment, other)| Facts::ClaimedTwice(ClaimedTwiceFacts { payment, other }))
            .boxed(),
        Subject::Dispute => {
            let status = select(vec![
                DisputeStatus::Warning,
                DisputeStatus::Prevented,
                DisputeStatus::NeedsResponse,
                DisputeStatus::UnderReview,
                DisputeStatus::Won,
                DisputeStatus::Lost,
            ]);
            (object("dp"), links(), amount(), currency(), status)
                .prop_map(|(id, (charge, payment), amount, currency, status)| {
                    Facts::Dispute(DisputeFacts {
                        id,
                        charge,
                        payment,
                        amount,
                        currency,
                        status,
                    })
                })
                .boxed()
        }
    }
}

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let status = select(vec![
        SnapshotStatus::Pending,
        SnapshotStatus::Paid,
        SnapshotStatus::Canceled,
        SnapshotStatus::Refunded,
    ]);
    (status, amount(), currency(), 0..4_i64, 0..3_i64).prop_map(
        |(status, amount_due, currency, version, updated_at)| Snapshot {
            status,
            amount_due,
            currency,
            version,
            updated_at,
        },
    )
}
