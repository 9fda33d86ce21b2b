//! Stripe's objects in the shapes that Stripe's own mock server has, and the events that tell them.

use serde_json::{Map, Value, json};

const PAYMENT: &str = include_str!("../../load-tests/fixtures/payment_intent.json");
const SESSION: &str = include_str!("../../load-tests/fixtures/checkout_session.json");
const CHARGE: &str = include_str!("../../load-tests/fixtures/charge.json");
const REFUND: &str = include_str!("../../load-tests/fixtures/refund.json");
const DISPUTE: &str = include_str!("../../load-tests/fixtures/dispute.json");

/// Everything is paid in one currency: it is a small shop.
pub const CURRENCY: &str = "eur";

/// One payment of an order.
#[derive(Debug, Clone, Copy)]
pub struct Payment<'a> {
    pub order: &'a str,
    /// What tells it apart from the order's other payments.
    pub number: u8,
    pub amount: i64,
}

impl Payment<'_> {
    /// An id of Stripe's kind: `pi_` and letters.
    pub fn id(&self, kind: &str) -> String {
        let letters: String = self.order.chars().filter(|letter| *letter != '-').collect();
        format!("{kind}_{letters}{}", self.number)
    }

    fn order_id(&self) -> Value {
        json!({"order_id": self.order})
    }

    pub fn intent(&self, status: &str, received: i64) -> Value {
        let id = self.id("pi");
        object(
            PAYMENT,
            json!({
                "client_secret": format!("{id}_secret_q7Xv0n2kLwZp"), "id": id, "status": status,
                "amount": self.amount, "amount_received": received, "currency": CURRENCY,
                "metadata": self.order_id(),
            }),
        )
    }

    /// A charge inherits its payment's metadata when it is made.
    pub fn charge(&self, refunded: i64) -> Value {
        object(
            CHARGE,
            json!({
                "id": self.id("ch"), "payment_intent": self.id("pi"), "currency": CURRENCY,
                "amount": self.amount, "amount_captured": self.amount, "captured": true,
                "amount_refunded": refunded, "refunded": refunded == self.amount,
                "metadata": self.order_id(),
            }),
        )
    }

    /// A refund does not inherit metadata: it names its charge and its payment alone.
    pub fn refund(&self) -> Value {
        object(
            REFUND,
            json!({
                "id": self.id("re"), "charge": self.id("ch"), "payment_intent": self.id("pi"),
                "amount": self.amount, "currency": CURRENCY, "status": "succeeded", "metadata": {},
            }),
        )
    }

    /// The shop's own tool has written the order's id on the dispute.
    pub fn dispute(&self) -> Value {
        object(
            DISPUTE,
            json!({
                "id": self.id("dp"), "charge": self.id("ch"), "payment_intent": self.id("pi"),
                "amount": self.amount, "currency": CURRENCY, "status": "needs_response",
                "reason": "product_not_received", "metadata": self.order_id(),
            }),
        )
    }

    /// A checkout names its order by the reference that the shop gave it.
    pub fn session(&self, status: &str, paid: &str, payment: Option<String>) -> Value {
        object(
            SESSION,
            json!({
                "id": self.id("cs_test"), "status": status, "payment_status": paid,
                "amount_total": self.amount, "currency": CURRENCY, "mode": "payment",
                "payment_intent": payment, "client_reference_id": self.order, "metadata": {},
            }),
        )
    }
}

fn object(fixture: &str, fields: Value) -> Value {
    let mut object: Map<String, Value> = serde_json::from_str(fixture).unwrap_or_default();
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object)
}

/// Whose events, and how they are numbered.
#[derive(Debug)]
pub struct Teller<'a> {
    pub run: &'a str,
    /// Seconds since the Unix epoch of the latest event; each is ten seconds after the one before.
    pub created: i64,
    pub livemode: bool,
    pub account: Option<&'a str>,
    count: u32,
}

impl<'a> Teller<'a> {
    pub fn new(run: &'a str, created: i64, livemode: bool, account: Option<&'a str>) -> Self {
        Self {
            run,
            created,
            livemode,
            account,
            count: 0,
        }
    }

    pub fn event(&mut self, kind: &str, mut object: Value) -> Value {
        self.count += 1;
        self.created += 10;
        if let Some(livemode) = object.get_mut("livemode") {
            *livemode = Value::Bool(self.livemode);
        }
        let mut event = json!({
            "id": format!("evt_{}{:03}", self.run, self.count), "object": "event",
            "api_version": "2026-07-29.dahlia", "created": self.created,
            "data": {"object": object}, "livemode": self.livemode, "pending_webhooks": 1,
            "request": {"id": format!("req_{}{:03}", self.run, self.count), "idempotency_key": null},
            "type": kind,
        });
        if let (Some(account), Some(fields)) = (self.account, event.as_object_mut()) {
            fields.insert("account".to_owned(), json!(account));
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_stripes_fields_and_ours() {
        let payment = Payment {
            order: "mug-1",
            number: 1,
            amount: 5,
        };
        for (object, kind) in [
            (payment.intent("succeeded", 5), "payment_intent"),
            (payment.charge(0), "charge"),
            (payment.refund(), "refund"),
            (payment.dispute(), "dispute"),
            (payment.session("open", "unpaid", None), "checkout.session"),
        ] {
            assert_eq!(object["object"], kind);
            assert!(object.as_object().unwrap().len() > 12, "{kind}");
        }
        assert_eq!(payment.refund()["metadata"], json!({}));
        assert_eq!(payment.id("pi"), "pi_mug11");
    }
}
