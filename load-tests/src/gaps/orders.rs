//! A shop in which it is known what goes wrong with which order: of each fault the same share, the
//! rest in order. Says for every order what must be reported of it before Stripe is asked, after
//! the sweep and after the probe; that list is written by hand, not worked out.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use crate::random::Random;
use crate::story::{ShopSnapshot, Story};
use crate::teller::{Payment, Reference, Teller};

/// Orders follow one another by so much, and the last of them is some hours old: Stripe lists
/// what is younger than 30 days, and a sweep asks for so much that it overlaps.
const SECONDS_BETWEEN_ORDERS: i64 = 1;
const AGE_OF_THE_LAST_S: i64 = 2 * 3_600;

/// How the system comes to know of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// By its webhook.
    Delivered,
    /// Stripe could not deliver it, and says so.
    Undelivered,
    /// Stripe believes that it was delivered.
    LostBehindTheDoor,
    /// Stripe lists it no more; only the payment itself still tells of it.
    Forgotten,
}

/// How far the run has come: what is known then, and what must be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Delivered,
    Swept,
    Probed,
}

impl Stage {
    pub(super) const ALL: [Self; 3] = [Self::Delivered, Self::Swept, Self::Probed];

    fn knows(self, fate: Fate) -> bool {
        let from = match fate {
            Fate::Delivered => Self::Delivered,
            Fate::Undelivered | Fate::LostBehindTheDoor => Self::Swept,
            Fate::Forgotten => Self::Probed,
        };
        from <= self
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delivered => "after the webhooks",
            Self::Swept => "after the sweep",
            Self::Probed => "after the probe",
        })
    }
}

/// What goes wrong with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    LostWebhook(Loss),
    DoublePayment,
    WrongAmount { too_little: bool },
    WrongCurrency,
    LateSuccess,
    ServiceSilent { from_the_start: bool },
}

/// Which part of a lost webhook's story Stripe still tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// The success, and the shop learned of it elsewhere.
    Success(Fate),
    /// The success of a payment that is known to be under way.
    SuccessForGood,
    /// Every event of the order, while the shop waits for the money.
    Everything,
}

/// One order with all that Stripe and the shop ever said of it.
#[derive(Debug)]
pub(super) struct Order {
    story: Story,
    /// One of each event.
    pub(super) fates: Vec<Fate>,
    /// The kinds that must be reported at each [`Stage`], sorted.
    kinds: [&'static [&'static str]; 3],
}

impl Order {
    pub(super) fn id(&self) -> &str {
        self.story.order_id.as_deref().unwrap_or_default()
    }

    /// Everything, whether or not anybody was told.
    pub(super) fn story(&self) -> &Story {
        &self.story
    }

    pub(super) fn kinds(&self, stage: Stage) -> &'static [&'static str] {
        let [delivered, swept, probed] = self.kinds;
        match stage {
            Stage::Delivered => delivered,
            Stage::Swept => swept,
            Stage::Probed => probed,
        }
    }

    /// What is known of it.
    pub(super) fn known(&self, stage: Stage) -> Story {
        let events = self.story.events.iter().zip(&self.fates);
        let known = events.filter(|(_, fate)| stage.knows(**fate));
        Story {
            order_id: self.story.order_id.clone(),
            events: known.map(|(event, _)| event.clone()).collect(),
            snapshots: self.story.snapshots.clone(),
        }
    }
}

/// `orders` orders, `percent` of them with each fault; the last happened some hours before `now_s`.
pub(super) fn shop(seed: u64, orders: u64, percent: u64, now_s: i64) -> Vec<Order> {
    let mut random = Random::fork(seed, 0x6A95);
    let mut numbers: Vec<u64> = (0..orders).collect();
    random.shuffle(&mut numbers);
    let each = orders.saturating_mul(percent) / 100;
    let troubles: BTreeMap<u64, Trouble> = (0_u64..)
        .zip(numbers)
        .map_while(|(place, number)| Some((number, trouble(place.checked_div(each)?, place)?)))
        .collect();
    (0..orders)
        .map(|number| {
            let ago = orders.saturating_sub(number);
            let ago_s = i64::try_from(ago).unwrap_or(0) * SECONDS_BETWEEN_ORDERS;
            let begun_s = now_s - AGE_OF_THE_LAST_S - ago_s;
            order(seed, number, troubles.get(&number).copied(), begun_s)
        })
        .collect()
}

/// The fault number `fault`, in one of its forms; `None` past the last.
fn trouble(fault: u64, form: u64) -> Option<Trouble> {
    let even = form.is_multiple_of(2);
    Some(match fault {
        0 => Trouble::LostWebhook(match form % 4 {
            0 => Loss::Success(Fate::Undelivered),
            1 => Loss::Success(Fate::LostBehindTheDoor),
            2 => Loss::SuccessForGood,
            _ => Loss::Everything,
        }),
        1 => Trouble::DoublePayment,
        2 => Trouble::WrongAmount { too_little: even },
        3 => Trouble::WrongCurrency,
        4 => Trouble::LateSuccess,
        5 => Trouble::ServiceSilent {
            from_the_start: even,
        },
        _ => return None,
    })
}

fn order(seed: u64, number: u64, trouble: Option<Trouble>, begun_s: i64) -> Order {
    let mut teller = Teller {
        order_id: format!("order-{number:08}"),
        reference: Reference::Metadata,
        clock: begun_s,
        events: Vec::new(),
        random: Random::fork(seed, number),
    };
    let amount = teller.random.between(500, 60_000);
    let currency = if teller.random.percent(70) {
        "eur"
    } else {
        "usd"
    };
    let by_checkout = teller.random.percent(40);
    let mut till = Till {
        due: amount,
        currency,
        begun_s,
        written: Vec::new(),
    };
    till.writes(&teller, "pending", 0);
    let mut fates = Vec::new();
    let kinds: [&[&str]; 3] = match trouble {
        None => {
            match teller.random.below(20) {
                0 => abandoned(&mut teller, amount, currency),
                _ => pay(&mut teller, amount, currency, by_checkout),
            }
            if teller.events.len() > 1 {
                till.writes(&teller, "paid", 5);
            }
            [&[], &[], &[]]
        }
        Some(Trouble::LostWebhook(loss)) => {
            lose(&mut teller, &mut till, &mut fates, loss, by_checkout)
        }
        Some(Trouble::DoublePayment) => {
            pay(&mut teller, amount, currency, by_checkout);
            teller.clock += 90;
            pay(&mut teller, amount, currency, by_checkout);
            till.writes(&teller, "paid", 5);
            [&["duplicate_payment"]; 3]
        }
        Some(Trouble::WrongAmount { too_little }) => {
            let off = teller.random.between(1, 400);
            let paid = if too_little {
                amount - off
            } else {
                amount + off
            };
            pay(&mut teller, paid, currency, by_checkout);
            if !too_little {
                till.writes(&teller, "paid", 5);
            }
            [&["amount_mismatch"]; 3]
        }
        Some(Trouble::WrongCurrency) => {
            pay(&mut teller, amount, "gbp", by_checkout);
            [&["currency_mismatch"]; 3]
        }
        Some(Trouble::LateSuccess) => {
            teller.clock += 60;
            till.writes(&teller, "canceled", 0);
            teller.clock += 600;
            pay(&mut teller, amount, currency, by_checkout);
            [&["late_success"]; 3]
        }
        Some(Trouble::ServiceSilent { from_the_start }) => {
            pay(&mut teller, amount, currency, by_checkout);
            if from_the_start {
                till.written.clear();
                [&["orphan_payment"]; 3]
            } else {
                [&["paid_not_marked"]; 3]
            }
        }
    };
    fates.resize(teller.events.len(), Fate::Delivered);
    Order {
        story: Story {
            order_id: Some(teller.order_id),
            events: teller.events,
            snapshots: till.written,
        },
        fates,
        kinds,
    }
}

/// A payment that succeeds: created, then what happened, all told.
fn pay(teller: &mut Teller, amount: i64, currency: &'static str, by_checkout: bool) {
    let payment = teller.payment(amount, currency);
    teller.intent(
        "payment_intent.created",
        &payment,
        "requires_payment_method",
        0,
    );
    teller.pass(120);
    succeed(teller, &payment, by_checkout);
}

fn succeed(teller: &mut Teller, payment: &Payment, by_checkout: bool) {
    let received = payment.amount;
    teller.charge("charge.succeeded", payment, "succeeded", received, 0);
    teller.intent("payment_intent.succeeded", payment, "succeeded", received);
    if by_checkout {
        let session = teller.session_of(payment);
        teller.session("checkout.session.completed", &session, "complete", "paid");
    }
}

fn abandoned(teller: &mut Teller, amount: i64, currency: &'static str) {
    let payment = teller.payment(amount, currency);
    teller.intent(
        "payment_intent.created",
        &payment,
        "requires_payment_method",
        0,
    );
}

/// A payment that succeeds while its events go astray; the kinds that follow from it.
fn lose(
    teller: &mut Teller,
    till: &mut Till,
    fates: &mut Vec<Fate>,
    loss: Loss,
    by_checkout: bool,
) -> [&'static [&'static str]; 3] {
    let payment = teller.payment(till.due, till.currency);
    teller.intent(
        "payment_intent.created",
        &payment,
        "requires_payment_method",
        0,
    );
    teller.pass(120);
    match loss {
        Loss::Success(fate) => {
            fates.resize(teller.events.len(), Fate::Delivered);
            succeed(teller, &payment, by_checkout);
            fates.resize(teller.events.len(), fate);
            till.writes(teller, "paid", 5);
            [&["marked_not_paid"], &[], &[]]
        }
        Loss::SuccessForGood => {
            teller.intent("payment_intent.processing", &payment, "processing", 0);
            fates.resize(teller.events.len(), Fate::Delivered);
            teller.pass(120);
            let received = payment.amount;
            teller.intent("payment_intent.succeeded", &payment, "succeeded", received);
            fates.resize(teller.events.len(), Fate::Forgotten);
            till.writes(teller, "paid", 5);
            let both: &[&str] = &["marked_not_paid", "stuck_processing"];
            [both, both, &[]]
        }
        Loss::Everything => {
            succeed(teller, &payment, by_checkout);
            fates.resize(teller.events.len(), Fate::Undelivered);
            [&[], &["paid_not_marked"], &["paid_not_marked"]]
        }
    }
}

/// The order service, as it speaks of one order.
struct Till {
    due: i64,
    currency: &'static str,
    begun_s: i64,
    written: Vec<ShopSnapshot>,
}

impl Till {
    fn writes(&mut self, teller: &Teller, status: &str, later_s: i64) {
        let version = self.written.len() + 1;
        let at_s = teller.clock.max(self.begun_s) + later_s;
        let body = json!({
            "order_id": teller.order_id, "status": status, "amount_due": self.due,
            "currency": self.currency, "version": version, "updated_at": at_s * 1_000,
        });
        self.written.push(ShopSnapshot {
            order_id: teller.order_id.clone(),
            body: body.to_string(),
        });
    }
}
