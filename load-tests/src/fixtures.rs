//! Stripe's own object shapes, as its mock server has them; the generator fills them in.

use serde_json::{Map, Value};

/// The kinds of object that events carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixture {
    PaymentIntent,
    Charge,
    CheckoutSession,
    Refund,
    Dispute,
}

#[derive(Debug, thiserror::Error)]
#[error("fixture `{name}` is not a JSON object: check `load-tests/fixtures`")]
pub struct FixtureFault {
    name: &'static str,
}

/// Every fixture, parsed once.
#[derive(Debug, Clone)]
pub struct Fixtures {
    payment_intent: Map<String, Value>,
    charge: Map<String, Value>,
    checkout_session: Map<String, Value>,
    refund: Map<String, Value>,
    dispute: Map<String, Value>,
}

impl Fixtures {
    /// # Errors
    /// A file in the tree that is not a JSON object.
    pub fn load() -> Result<Self, FixtureFault> {
        Ok(Self {
            payment_intent: parse(
                "payment_intent",
                include_str!("../fixtures/payment_intent.json"),
            )?,
            charge: parse("charge", include_str!("../fixtures/charge.json"))?,
            checkout_session: parse(
                "checkout_session",
                include_str!("../fixtures/checkout_session.json"),
            )?,
            refund: parse("refund", include_str!("../fixtures/refund.json"))?,
            dispute: parse("dispute", include_str!("../fixtures/dispute.json"))?,
        })
    }

    #[must_use]
    pub fn object(&self, fixture: Fixture) -> &Map<String, Value> {
        match fixture {
            Fixture::PaymentIntent => &self.payment_intent,
            Fixture::Charge => &self.charge,
            Fixture::CheckoutSession => &self.checkout_session,
            Fixture::Refund => &self.refund,
            Fixture::Dispute => &self.dispute,
        }
    }
}

fn parse(name: &'static str, text: &str) -> Result<Map<String, Value>, FixtureFault> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(FixtureFault { name }),
    }
}
