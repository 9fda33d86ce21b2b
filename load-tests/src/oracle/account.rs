//! The oracle's account of money that came in: every payment once, by the best that tells of it:
//! its own events, else a captured charge, else a session.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;

use super::reading::{is_true, kind, number, object, reference, text};

/// Time, rank and id of an event: the greatest says what an object last was.
type Standing = (i64, u8, String);

/// Everything that was said of each object, by its id.
#[derive(Debug, Default)]
pub(super) struct Account {
    payments: BTreeMap<String, Payment>,
    pub(super) charges: BTreeMap<String, Charge>,
    sessions: BTreeMap<String, Session>,
}

#[derive(Debug, Default)]
struct Payment {
    last: Standing,
    currency: String,
    amount: i64,
    received: i64,
    first_s: Option<i64>,
    succeeded_s: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Charge {
    pub(super) payment: Option<String>,
    pub(super) refunded: i64,
    pub(super) currency: String,
    last: Standing,
    amount: i64,
    captured: i64,
    captured_s: Option<i64>,
    first_s: Option<i64>,
}

/// How far a session came; the furthest holds, whenever it was said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    #[default]
    Open,
    Expired,
    Unpaid,
    Failed,
    Free,
    Paid,
}

#[derive(Debug, Default)]
struct Session {
    payment: Option<String>,
    amount: i64,
    /// With the time and id of the event that told it last.
    currency: Option<(i64, String, String)>,
    reached: Reached,
    paid_s: Option<i64>,
    first_s: Option<i64>,
}

/// One payment as it counts.
#[derive(Debug)]
pub(super) struct Line {
    /// The payment's id, else the charge's or session's that stands for it.
    pub(super) id: String,
    /// Whether `id` is a payment's.
    pub(super) is_payment: bool,
    pub(super) state: &'static str,
    pub(super) amount: i64,
    pub(super) received: i64,
    pub(super) currency: Option<String>,
    pub(super) first_s: i64,
    pub(super) succeeded_s: Option<i64>,
}

/// What names a price: when, by which object, how much.
#[derive(Debug, Clone)]
pub(super) struct Price {
    pub(super) at_s: i64,
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
}

fn earlier(known: &mut Option<i64>, told: i64) {
    *known = Some(known.map_or(told, |known| known.min(told)));
}

/// A link that is told holds against none, and of two the greater.
fn link(known: &mut Option<String>, told: Option<String>) {
    *known = known.take().max(told);
}

fn rank(event_type: &str) -> u8 {
    match event_type {
        "payment_intent.created" => 0,
        "payment_intent.requires_action" => 1,
        "payment_intent.processing" | "payment_intent.partially_funded" => 2,
        "payment_intent.amount_capturable_updated" => 3,
        "payment_intent.payment_failed" => 4,
        "payment_intent.canceled" => 5,
        _ => 6,
    }
}

fn reached(event_type: &str, payment_status: &str) -> Reached {
    match (event_type, payment_status) {
        ("checkout.session.expired", _) => Reached::Expired,
        ("checkout.session.async_payment_failed", _) => Reached::Failed,
        ("checkout.session.async_payment_succeeded", _)
        | ("checkout.session.completed", "paid") => Reached::Paid,
        ("checkout.session.completed", "no_payment_required") => Reached::Free,
        ("checkout.session.completed", _) => Reached::Unpaid,
        _ => Reached::Open,
    }
}

impl Account {
    pub(super) fn of(events: &[&Value]) -> Self {
        let mut account = Self::default();
        for event in events {
            let id = text(object(event), "id").to_owned();
            match kind(event) {
                "payment_intent" => account.payments.entry(id).or_default().hears(event),
                "charge" => account.charges.entry(id).or_default().hears(event),
                "checkout.session" => account.sessions.entry(id).or_default().hears(event),
                _ => {}
            }
        }
        account
    }

    /// A payment that has an event of its own or a captured charge; its sessions contribute
    /// nothing but their links and amounts.
    fn speaks(&self, payment: &str) -> bool {
        let of_it = |charge: &Charge| charge.payment.as_deref() == Some(payment);
        self.payments.contains_key(payment)
            || self
                .charges
                .values()
                .any(|charge| charge.captured_s.is_some() && of_it(charge))
    }

    fn stands_alone(&self, session: &Session) -> bool {
        let payment = session.payment.as_ref();
        payment.is_none_or(|payment| !self.speaks(payment))
    }

    /// A completed session asked for no payment.
    pub(super) fn is_free(&self) -> bool {
        self.sessions
            .values()
            .any(|session| session.reached == Reached::Free && self.stands_alone(session))
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines: BTreeMap<String, Line> = BTreeMap::new();
        for (id, payment) in &self.payments {
            lines.insert(id.clone(), payment.line(id));
        }
        for (id, charge) in &self.charges {
            let Some(captured_s) = charge.captured_s else {
                continue;
            };
            let key = charge.payment.as_ref().unwrap_or(id);
            let own = self.payments.get(key);
            match lines.get_mut(key) {
                Some(line) => charge.proves(captured_s, own, line),
                None => {
                    lines.insert(key.clone(), charge.line(key, captured_s));
                }
            }
        }
        let mut alone: BTreeMap<&str, Vec<(&str, &Session)>> = BTreeMap::new();
        for (id, session) in &self.sessions {
            // Nothing was asked for, so no payment stands behind it.
            if self.stands_alone(session) && session.reached != Reached::Free {
                let key = session.payment.as_deref().unwrap_or(id);
                alone.entry(key).or_default().push((id, session));
            }
        }
        let alone = alone
            .into_iter()
            .filter_map(|(key, of_one)| session_line(key, &of_one));
        lines.into_values().chain(alone).collect()
    }

    /// The prices that sessions name, whoever speaks for their payments.
    pub(super) fn session_prices(&self) -> impl Iterator<Item = Price> {
        self.sessions.iter().filter_map(|(id, session)| {
            let (_, _, currency) = session.currency.clone()?;
            Some(Price {
                at_s: session.first_s?,
                id: id.clone(),
                amount: session.amount,
                currency,
            })
        })
    }
}

impl Payment {
    fn hears(&mut self, event: &Value) {
        let object = object(event);
        let event_type = text(event, "type");
        let created_s = number(event, "created");
        let standing = (created_s, rank(event_type), text(event, "id").to_owned());
        if self.first_s.is_none() || standing >= self.last {
            self.last = standing;
            self.currency = text(object, "currency").to_owned();
        }
        earlier(&mut self.first_s, created_s);
        self.amount = self.amount.max(number(object, "amount"));
        self.received = self.received.max(number(object, "amount_received"));
        if event_type == "payment_intent.succeeded" {
            earlier(&mut self.succeeded_s, created_s);
        }
    }

    fn line(&self, id: &str) -> Line {
        Line {
            id: id.to_owned(),
            is_payment: true,
            state: match self.last.1 {
                _ if self.succeeded_s.is_some() => "succeeded",
                0 | 1 => "pending",
                2 | 3 => "processing",
                4 => "payment_failed",
                _ => "canceled",
            },
            amount: self.amount,
            received: self.received,
            currency: Some(self.currency.clone()),
            first_s: self.first_s.unwrap_or(0),
            succeeded_s: self.succeeded_s,
        }
    }
}

impl Charge {
    fn hears(&mut self, event: &Value) {
        let object = object(event);
        let created_s = number(event, "created");
        let standing = (created_s, 0, text(event, "id").to_owned());
        if self.first_s.is_none() || standing >= self.last {
            self.last = standing;
            self.currency = text(object, "currency").to_owned();
        }
        earlier(&mut self.first_s, created_s);
        link(&mut self.payment, reference(object, "payment_intent"));
        self.amount = self.amount.max(number(object, "amount"));
        self.refunded = self.refunded.max(number(object, "amount_refunded"));
        let failed = text(event, "type") == "charge.failed";
        if is_true(object, "captured") && text(object, "status") == "succeeded" && !failed {
            self.captured = self.captured.max(number(object, "amount_captured"));
            earlier(&mut self.captured_s, created_s);
        }
    }

    /// A success that nobody else told.
    fn line(&self, key: &str, captured_s: i64) -> Line {
        Line {
            id: key.to_owned(),
            is_payment: self.payment.is_some(),
            state: "succeeded",
            amount: self.amount,
            received: self.captured,
            currency: Some(self.currency.clone()),
            first_s: self.first_s.unwrap_or(captured_s),
            succeeded_s: Some(captured_s),
        }
    }

    /// The success of a payment that is known: what it told of its own amounts holds.
    fn proves(&self, captured_s: i64, own: Option<&Payment>, line: &mut Line) {
        line.state = "succeeded";
        earlier(&mut line.succeeded_s, captured_s);
        line.first_s = line.first_s.min(self.first_s.unwrap_or(captured_s));
        if line.currency.as_ref() != Some(&self.currency) {
            return;
        }
        let told = own.is_some_and(|own| own.received > 0 || own.succeeded_s.is_some());
        if !told {
            line.received = line.received.max(self.captured);
        }
        if own.is_none() {
            line.amount = line.amount.max(self.amount);
        }
    }
}

impl Session {
    fn hears(&mut self, event: &Value) {
        let object = object(event);
        let created_s = number(event, "created");
        let now = reached(text(event, "type"), text(object, "payment_status"));
        earlier(&mut self.first_s, created_s);
        link(&mut self.payment, reference(object, "payment_intent"));
        self.amount = self.amount.max(number(object, "amount_total"));
        self.reached = self.reached.max(now);
        if now == Reached::Paid {
            earlier(&mut self.paid_s, created_s);
        }
        let told = reference(object, "currency");
        let told = told.map(|currency| (created_s, text(event, "id").to_owned(), currency));
        self.currency = self.currency.take().max(told);
    }
}

/// The sessions of one silent payment: the one that came furthest speaks for it, then the
/// earliest.
fn session_line(key: &str, of_one: &[(&str, &Session)]) -> Option<Line> {
    let (_, speaker) = of_one
        .iter()
        .max_by_key(|(id, session)| (session.reached, Reverse(session.first_s), Reverse(*id)))?;
    Some(Line {
        id: key.to_owned(),
        is_payment: speaker.payment.is_some(),
        state: match speaker.reached {
            Reached::Open => "pending",
            Reached::Expired => "canceled",
            Reached::Unpaid => "processing",
            Reached::Failed => "payment_failed",
            Reached::Paid => "succeeded",
            Reached::Free => "free",
        },
        amount: speaker.amount,
        received: match speaker.reached {
            Reached::Paid => speaker.amount,
            _ => 0,
        },
        currency: speaker.currency.clone().map(|(_, _, currency)| currency),
        first_s: of_one.iter().filter_map(|(_, one)| one.first_s).min()?,
        succeeded_s: of_one.iter().filter_map(|(_, one)| one.paid_s).min(),
    })
}
