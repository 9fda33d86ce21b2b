//! The day: which orders there are, what happens to each, and what Stripe delivers, in which order.

use serde_json::Value;
use trueup_domain::gap::GapKind;
use trueup_domain::status::OrderStatus;

use super::objects::{Payment, Teller};

/// What the shop's order service does about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Marks the order as soon as it hears of it.
    Marks,
    /// Was down: marks the order after its gap has opened.
    MarksLate,
    /// Has lost it: the order stays pending for ever.
    Forgets,
}

/// One order of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: String,
    pub amount: i64,
    pub service: Service,
    /// What becomes of it.
    pub last: OrderStatus,
    /// The gaps that stay open, in the order of the kinds.
    pub gaps: &'static [GapKind],
}

#[derive(Debug)]
pub struct Day {
    pub orders: Vec<Order>,
    /// In the order in which they arrive.
    pub deliveries: Vec<Value>,
}

const CREATED: &str = "payment_intent.created";
const FAILED: &str = "payment_intent.payment_failed";
const SUCCEEDED: &str = "payment_intent.succeeded";
const CHARGED: &str = "charge.succeeded";

impl Day {
    pub fn new(mut teller: Teller<'_>) -> Self {
        let mut day = Self {
            orders: Vec::new(),
            deliveries: Vec::new(),
        };
        let tell = &mut teller;
        day.mug(tell);
        day.lamp(tell);
        day.chair(tell);
        day.vase(tell);
        day.book(tell);
        day.desk(tell);
        day.tent(tell);
        day.clock(tell);
        day.plant(tell);
        day.rug(tell);
        day
    }

    fn order(
        &mut self,
        tell: &Teller<'_>,
        goods: &str,
        amount: i64,
        (service, last): (Service, OrderStatus),
        gaps: &'static [GapKind],
    ) -> String {
        let id = format!("{goods}-{}", tell.run);
        self.orders.push(Order {
            id: id.clone(),
            amount,
            service,
            last,
            gaps,
        });
        id
    }

    fn arrive(&mut self, events: impl IntoIterator<Item = Value>) {
        self.deliveries.extend(events);
    }

    /// The plain case: an Elements payment, told in order.
    fn mug(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(tell, "mug", 1_990, (Service::Marks, OrderStatus::Paid), &[]);
        let paid = paid(tell, payment(&id, 1, 1_990));
        self.arrive(paid);
    }

    /// Checkout: the session carries the order's id, the payment behind it none that counts here.
    fn lamp(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(
            tell,
            "lamp",
            12_900,
            (Service::Marks, OrderStatus::Paid),
            &[],
        );
        let payment = payment(&id, 1, 12_900);
        let session = payment.session("complete", "paid", Some(payment.id("pi")));
        let mut intent = payment.intent("succeeded", 12_900);
        intent["metadata"] = serde_json::json!({});
        let events = [
            tell.event(SUCCEEDED, intent),
            tell.event("checkout.session.completed", session),
        ];
        self.arrive(events);
    }

    /// Everything arrives twice, and the end before the beginning.
    fn chair(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(
            tell,
            "chair",
            24_900,
            (Service::Marks, OrderStatus::Paid),
            &[],
        );
        let mut events = paid(tell, payment(&id, 1, 24_900));
        events.reverse();
        self.arrive(events.clone());
        self.arrive(events);
    }

    /// Paid at Stripe, and the shop never hears of it.
    fn vase(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(
            tell,
            "vase",
            5_600,
            (Service::Forgets, OrderStatus::Paid),
            &[GapKind::PaidNotMarked],
        );
        let paid = paid(tell, payment(&id, 1, 5_600));
        self.arrive(paid);
    }

    /// Paid while the order service was down.
    fn book(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(
            tell,
            "book",
            2_250,
            (Service::MarksLate, OrderStatus::Paid),
            &[],
        );
        let paid = paid(tell, payment(&id, 1, 2_250));
        self.arrive(paid);
    }

    /// The first card is declined.
    fn desk(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(
            tell,
            "desk",
            49_900,
            (Service::Marks, OrderStatus::Paid),
            &[],
        );
        let payment = payment(&id, 1, 49_900);
        let events = [
            tell.event(CREATED, payment.intent("requires_payment_method", 0)),
            tell.event(FAILED, payment.intent("requires_payment_method", 0)),
            tell.event(SUCCEEDED, payment.intent("succeeded", 49_900)),
            tell.event(CHARGED, payment.charge(0)),
        ];
        self.arrive(events);
    }

    /// A checkout that nobody completes.
    fn tent(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(
            tell,
            "tent",
            18_000,
            (Service::Marks, OrderStatus::Canceled),
            &[],
        );
        let session = payment(&id, 1, 18_000).session("expired", "unpaid", None);
        let event = tell.event("checkout.session.expired", session);
        self.arrive([event]);
    }

    /// The customer pays twice.
    fn clock(&mut self, tell: &mut Teller<'_>) {
        let id = self.order(
            tell,
            "clock",
            7_500,
            (Service::Marks, OrderStatus::Paid),
            &[GapKind::DuplicatePayment],
        );
        for number in [1, 2] {
            let paid = paid(tell, payment(&id, number, 7_500));
            self.arrive(paid);
        }
    }

    /// Sent back: the refund itself names no order, its charge does.
    fn plant(&mut self, tell: &mut Teller<'_>) {
        let fate = (Service::Marks, OrderStatus::Refunded);
        let id = self.order(tell, "plant", 3_490, fate, &[]);
        let payment = payment(&id, 1, 3_490);
        let mut events = paid(tell, payment);
        events.push(tell.event("refund.created", payment.refund()));
        events.push(tell.event("charge.refunded", payment.charge(3_490)));
        self.arrive(events);
    }

    /// The cardholder's bank takes the money back for now.
    fn rug(&mut self, tell: &mut Teller<'_>) {
        let fate = (Service::Marks, OrderStatus::Disputed);
        let id = self.order(tell, "rug", 18_900, fate, &[GapKind::DisputeOpen]);
        let payment = payment(&id, 1, 18_900);
        let mut events = paid(tell, payment);
        events.push(tell.event("charge.dispute.created", payment.dispute()));
        self.arrive(events);
    }
}

fn payment(order: &str, number: u8, amount: i64) -> Payment<'_> {
    Payment {
        order,
        number,
        amount,
    }
}

/// A payment that succeeds at once.
fn paid(tell: &mut Teller<'_>, payment: Payment<'_>) -> Vec<Value> {
    let received = payment.amount;
    vec![
        tell.event(CREATED, payment.intent("requires_payment_method", 0)),
        tell.event(CHARGED, payment.charge(0)),
        tell.event(SUCCEEDED, payment.intent("succeeded", received)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn day() -> Day {
        Day::new(Teller::new("t1", 1_700_000_000, false, None))
    }

    #[test]
    fn the_day_has_what_days_have() {
        let day = day();
        let ids: Vec<&str> = day
            .deliveries
            .iter()
            .map(|event| event["id"].as_str().unwrap())
            .collect();
        let distinct: BTreeSet<&&str> = ids.iter().collect();
        assert!(distinct.len() < ids.len(), "no duplicates");
        let created: Vec<i64> = day
            .deliveries
            .iter()
            .map(|event| event["created"].as_i64().unwrap())
            .collect();
        assert!(!created.is_sorted(), "nothing comes out of order");
        let kinds: BTreeSet<&str> = day
            .deliveries
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        for kind in [
            "checkout.session.completed",
            "refund.created",
            "charge.dispute.created",
        ] {
            assert!(kinds.contains(kind), "{kind}");
        }
        let forgotten = day
            .orders
            .iter()
            .filter(|order| order.service == Service::Forgets);
        assert_eq!(forgotten.count(), 1);
    }

    #[test]
    fn another_run_tells_of_other_orders_and_events() {
        let again = Day::new(Teller::new("t2", 1_700_000_000, false, None));
        assert!(
            day()
                .orders
                .iter()
                .all(|order| !again.orders.contains(order))
        );
        assert_ne!(day().deliveries[0]["id"], again.deliveries[0]["id"]);
    }
}
