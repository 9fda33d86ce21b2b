//! What `orders.status` says of each event: when a record is published, and what it holds.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use trueup_domain::event::{
    ChargeFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts, PaymentFacts, RefundFacts,
    RefundStatus, SessionFacts, SessionPaymentStatus, SessionStatus, Snapshot, SnapshotStatus,
};
use trueup_domain::gap::Grace;
use trueup_domain::ids::{ObjectId, OrderId};
use trueup_domain::money::{Currency, MinorUnits};
use trueup_domain::status::OrderStatus;
use trueup_engine::ports::log::{Destination, Input, Record, Source};
use trueup_engine::processor::{Folding, OrderState, Processor as _, Times};
use trueup_reconciler::topology::{Fact, OrdersFeed, Reconciler};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::OrderStatusChanged;
use trueup_schemas::seal::SigningKeys;

fn reconciler() -> Reconciler {
    Reconciler {
        codec: Codec::SingleObject,
        keys: SigningKeys::parse("k1:c2l4dGVlbiBieXRlcyBhdCBsZWFzdA==").unwrap(),
        events_topic: "payments.events".to_owned(),
        orders_topic: "orders".to_owned(),
        partitions: 1,
        grace: Grace::STANDARD,
        orders_feed: OrdersFeed::On,
    }
}

/// One order to which things are told, one after the other.
struct Order {
    reconciler: Reconciler,
    state: OrderState,
    offset: i64,
}

impl Order {
    fn new() -> Self {
        Self {
            reconciler: reconciler(),
            state: OrderState::default(),
            offset: 0,
        }
    }

    /// The record that follows, if one does.
    fn told(&mut self, fact: Fact) -> Option<OrderStatusChanged> {
        let record = Record {
            source: Source::Input(Input::Events),
            partition: 0,
            offset: self.offset,
            timestamp: None,
            key: Some(b"o-1".to_vec()),
            value: None,
            headers: Vec::new(),
        };
        self.offset += 1;
        let mut folding = Folding::default();
        let order = OrderId::try_from("o-1").unwrap();
        let times = Times { at: 0, clock: 0 };
        self.reconciler
            .fold(&order, &mut self.state, &fact, &record, times, &mut folding);
        let mut statuses = folding
            .outputs
            .iter()
            .filter(|output| output.to == Destination::Status);
        let output = statuses.next()?;
        assert!(statuses.next().is_none(), "two records for one event");
        assert_eq!(output.key, b"o-1");
        Some(Codec::SingleObject.decode(output.value.as_ref()?).unwrap())
    }

    fn event(&mut self, event: Event) -> Option<OrderStatusChanged> {
        self.told(Fact::Event {
            event,
            received_at: 0,
        })
    }
}

fn id(id: &str) -> ObjectId {
    id.try_into().unwrap()
}

fn units(units: i64) -> MinorUnits {
    units.try_into().unwrap()
}

fn eur() -> Currency {
    "eur".try_into().unwrap()
}

fn event(name: &str, created: i64, kind: EventType, facts: Facts) -> Event {
    Event {
        id: name.try_into().unwrap(),
        kind,
        created,
        livemode: Some(false),
        facts,
    }
}

fn payment(name: &str, created: i64, kind: EventType, payment: &str, received: i64) -> Event {
    let facts = PaymentFacts {
        id: id(payment),
        amount: units(1000),
        amount_received: units(received),
        currency: eur(),
    };
    event(name, created, kind, Facts::Payment(facts))
}

fn succeeded(name: &str, created: i64, of: &str) -> Event {
    payment(name, created, EventType::PaymentIntentSucceeded, of, 1000)
}

fn session(name: &str, created: i64, session: &str, payment: Option<&str>) -> Event {
    let facts = SessionFacts {
        id: id(session),
        payment: payment.map(id),
        amount_total: units(1000),
        currency: Some(eur()),
        payment_status: SessionPaymentStatus::Unpaid,
        status: SessionStatus::Complete,
    };
    let kind = EventType::CheckoutSessionCompleted;
    event(name, created, kind, Facts::Session(facts))
}

fn charge(name: &str, created: i64, charge: &str, payment: Option<&str>, refunded: i64) -> Event {
    let facts = ChargeFacts {
        id: id(charge),
        payment: payment.map(id),
        amount: units(1000),
        amount_captured: units(1000),
        amount_refunded: units(refunded),
        currency: eur(),
        captured: true,
    };
    event(
        name,
        created,
        EventType::ChargeRefunded,
        Facts::Charge(facts),
    )
}

fn refund(name: &str, created: i64, charge: Option<&str>) -> Event {
    let facts = RefundFacts {
        id: id(name),
        charge: charge.map(id),
        payment: None,
        amount: units(100),
        currency: eur(),
        status: RefundStatus::Pending,
    };
    event(
        name,
        created,
        EventType::RefundCreated,
        Facts::Refund(facts),
    )
}

fn dispute(name: &str, created: i64, charge: &str) -> Event {
    let facts = DisputeFacts {
        id: id("dp_1"),
        charge: Some(id(charge)),
        payment: None,
        amount: units(1000),
        currency: eur(),
        status: DisputeStatus::NeedsResponse,
    };
    event(
        name,
        created,
        EventType::DisputeCreated,
        Facts::Dispute(facts),
    )
}

fn shop(version: i64, due: i64, updated_at: i64) -> Fact {
    Fact::Snapshot(Snapshot {
        status: SnapshotStatus::Pending,
        amount_due: units(due),
        currency: eur(),
        version,
        updated_at,
    })
}

fn about(told: &OrderStatusChanged) -> (Option<&str>, Option<&str>) {
    (
        told.payment_intent.as_deref(),
        told.checkout_session.as_deref(),
    )
}

#[test]
fn the_first_record_comes_from_pending_and_each_later_one_from_the_one_before() {
    let mut order = Order::new();
    let created = payment("e1", 10, EventType::PaymentIntentCreated, "pi_1", 0);
    assert_eq!(order.event(created), None);
    let processing = payment("e2", 11, EventType::PaymentIntentProcessing, "pi_1", 0);
    let first = order.event(processing).unwrap();
    assert_eq!(
        (first.from, first.to),
        (OrderStatus::Pending, OrderStatus::Processing)
    );
    let paid = order.event(succeeded("e3", 12, "pi_1")).unwrap();
    assert_eq!(
        (paid.from, paid.to),
        (OrderStatus::Processing, OrderStatus::Paid)
    );
    assert_eq!((first.version, paid.version), (2, 3));
}

#[test]
fn what_changes_nothing_publishes_nothing() {
    let mut order = Order::new();
    order.event(succeeded("e1", 10, "pi_1")).unwrap();
    assert_eq!(order.event(succeeded("e1", 10, "pi_1")), None);
    assert_eq!(order.event(succeeded("e2", 10, "pi_1")), None);
    let late = payment("e3", 11, EventType::PaymentIntentPaymentFailed, "pi_1", 0);
    assert_eq!(order.event(late), None);
    assert_eq!(order.told(shop(1, 900, 5_000)), None);
    // The next record still counts them all.
    let more = order.event(succeeded("e4", 12, "pi_2")).unwrap();
    assert_eq!((more.version, more.amount_due), (5, Some(units(900).get())));
}

#[test]
fn a_change_of_an_amount_alone_is_published_with_from_equal_to_to() {
    let mut order = Order::new();
    order.event(succeeded("e1", 10, "pi_1")).unwrap();
    let twice = order.event(succeeded("e2", 11, "pi_2")).unwrap();
    assert_eq!(
        (twice.from, twice.to),
        (OrderStatus::Paid, OrderStatus::Paid)
    );
    assert_eq!((twice.amount_received, twice.amount_refunded), (2000, 0));
    order.event(refund("re_1", 12, None)).unwrap();
    let more = order.event(refund("re_2", 13, None)).unwrap();
    assert_eq!(
        (more.from, more.to),
        (
            OrderStatus::PartiallyRefunded,
            OrderStatus::PartiallyRefunded
        )
    );
    assert_eq!((more.amount_received, more.amount_refunded), (2000, 200));
}

#[test]
fn a_conflict_that_changes_something_is_published_like_any_event() {
    let mut order = Order::new();
    let part = |received| {
        payment(
            "e1",
            10,
            EventType::PaymentIntentPartiallyFunded,
            "pi_1",
            received,
        )
    };
    order.event(part(400)).unwrap();
    let other = order.event(part(500)).unwrap();
    assert_eq!((other.amount_received, other.version), (500, 2));
    assert_eq!(order.event(part(450)), None);
}

#[test]
fn a_record_names_its_cause_and_the_causes_own_time() {
    let mut order = Order::new();
    let paid = order.event(succeeded("e1", 10, "pi_1")).unwrap();
    assert_eq!((paid.event_id.as_str(), paid.occurred_at), ("e1", 10_000));
    assert_eq!(paid.event_type, "payment_intent.succeeded");
    assert_eq!((paid.livemode, paid.currency), (Some(false), Some(eur())));
    let dearer = order.told(shop(7, 1200, 12_345)).unwrap();
    assert_eq!(dearer.event_id, "snapshot:7");
    assert_eq!(dearer.event_type, "order.snapshot");
    assert_eq!((dearer.occurred_at, dearer.livemode), (12_345, Some(false)));
    assert_eq!(dearer.to, OrderStatus::PartiallyPaid);
    assert_eq!(about(&dearer), (Some("pi_1"), None));
}

#[test]
fn a_record_names_the_session_of_the_payment_that_it_names_and_no_other() {
    let mut order = Order::new();
    let first = order
        .event(session("e1", 10, "cs_1", Some("pi_1")))
        .unwrap();
    assert_eq!(about(&first), (Some("pi_1"), Some("cs_1")));
    let paid = order.event(succeeded("e2", 11, "pi_1")).unwrap();
    assert_eq!(about(&paid), (Some("pi_1"), Some("cs_1")));
    let second = order.event(succeeded("e3", 12, "pi_2")).unwrap();
    assert_eq!(about(&second), (Some("pi_2"), None));
}

#[test]
fn a_session_that_names_no_payment_is_not_given_anothers() {
    let mut order = Order::new();
    let failed = payment("e1", 10, EventType::PaymentIntentPaymentFailed, "pi_1", 0);
    order.event(failed).unwrap();
    let unpaid = order.event(session("e2", 11, "cs_2", None)).unwrap();
    assert_eq!(about(&unpaid), (None, Some("cs_2")));
}

#[test]
fn a_refund_and_a_dispute_are_about_the_payment_of_their_charge() {
    let mut order = Order::new();
    order.event(succeeded("e1", 10, "pi_1")).unwrap();
    order
        .event(charge("e2", 11, "ch_2", Some("pi_2"), 0))
        .unwrap();
    let back = order.event(refund("re_1", 12, Some("ch_2"))).unwrap();
    assert_eq!(about(&back), (Some("pi_2"), None));
    let told = order.event(charge("e3", 13, "ch_2", None, 300)).unwrap();
    assert_eq!(about(&told), (Some("pi_2"), None));
    let disputed = order.event(dispute("e4", 14, "ch_2")).unwrap();
    assert_eq!(about(&disputed), (Some("pi_2"), None));
}

#[test]
fn a_refund_of_a_charge_that_nobody_told_is_about_the_leading_payment() {
    let mut order = Order::new();
    order.event(succeeded("e1", 10, "pi_1")).unwrap();
    let back = order.event(refund("re_1", 12, Some("ch_9"))).unwrap();
    assert_eq!(about(&back), (Some("pi_1"), None));
}

#[test]
fn a_charge_of_no_payment_is_about_none() {
    let mut order = Order::new();
    order.event(succeeded("e1", 10, "pi_1")).unwrap();
    let more = order.event(charge("e2", 11, "ch_2", None, 0)).unwrap();
    assert_eq!(about(&more), (None, None));
}
