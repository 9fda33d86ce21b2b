//! Writes down what happens to one order as Stripe events: one method per kind of object.
//! Knows Stripe's shapes, not what they mean for an order.

use serde_json::{Map, Value, json};

use crate::fixtures::Fixture;
use crate::random::Random;
use crate::story::StripeEvent;

/// How the shop tells Stripe which order a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// `metadata.order_id` on everything.
    Metadata,
    /// Only `payment_details.order_reference`, with an empty `metadata.order_id`.
    PaymentDetails,
    /// Not at all.
    Nothing,
}

/// A PaymentIntent as the story knows it.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) amount: i64,
    pub(crate) currency: &'static str,
}

/// A Checkout session; `payment` is `None` where nothing has been or had to be paid.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) payment: Option<String>,
    pub(crate) amount: i64,
    pub(crate) currency: &'static str,
}

/// A refund or a dispute: money that goes back from a payment's charge.
#[derive(Debug, Clone)]
pub(crate) struct Return {
    pub(crate) id: String,
    pub(crate) amount: i64,
}

#[derive(Debug)]
pub(crate) struct Teller {
    pub(crate) random: Random,
    pub(crate) order_id: String,
    pub(crate) reference: Reference,
    /// Seconds since the epoch; moves on as the story goes.
    pub(crate) clock: i64,
    pub(crate) events: Vec<StripeEvent>,
}

impl Teller {
    pub(crate) fn payment(&mut self, amount: i64, currency: &'static str) -> Payment {
        Payment {
            id: format!("pi_3{}", self.random.token(23)),
            charge: format!("ch_3{}", self.random.token(23)),
            amount,
            currency,
        }
    }

    /// The session through which `payment` is made.
    pub(crate) fn session_of(&mut self, payment: &Payment) -> Session {
        Session {
            id: format!("cs_live_{}", self.random.token(58)),
            payment: Some(payment.id.clone()),
            amount: payment.amount,
            currency: payment.currency,
        }
    }

    pub(crate) fn part_of(&mut self, prefix: &str, amount: i64) -> Return {
        Return {
            id: format!("{prefix}_{}", self.random.token(24)),
            amount,
        }
    }

    /// Lets some time pass, often none: events of one second are common.
    pub(crate) fn pass(&mut self, at_most_s: i64) {
        if self.random.percent(60) {
            self.clock += self.random.between(1, at_most_s);
        }
    }

    /// A PaymentIntent event; `status` is the object's, `received` its `amount_received`.
    pub(crate) fn intent(
        &mut self,
        event_type: &'static str,
        payment: &Payment,
        status: &str,
        received: i64,
    ) {
        let capturable = if status == "requires_capture" {
            payment.amount
        } else {
            0
        };
        let mut fields = fields(json!({
            "id": payment.id,
            "amount": payment.amount,
            "amount_received": received,
            "amount_capturable": capturable,
            "currency": payment.currency,
            "status": status,
            "client_secret": format!("{}_secret_{}", payment.id, self.random.token(24)),
            "canceled_at": if status == "canceled" { json!(self.clock) } else { Value::Null },
            "cancellation_reason": if status == "canceled" { json!("abandoned") } else { Value::Null },
            "last_payment_error": match event_type {
                "payment_intent.payment_failed" => json!({
                    "type": "card_error", "code": "card_declined",
                    "decline_code": "insufficient_funds",
                    "message": "Your card has insufficient funds.",
                }),
                _ => Value::Null,
            },
            "latest_charge": if received > 0 { json!(payment.charge) } else { Value::Null },
            "next_action": Value::Null,
            "processing": Value::Null,
            "metadata": self.metadata(),
        }));
        if self.reference == Reference::PaymentDetails {
            fields.insert("metadata".into(), json!({"order_id": ""}));
            fields.insert(
                "payment_details".into(),
                json!({"order_reference": self.order_id, "customer_reference": null}),
            );
        }
        self.tell(event_type, Fixture::PaymentIntent, fields);
    }

    /// A charge event. `captured` and `refunded` are amounts.
    pub(crate) fn charge(
        &mut self,
        event_type: &'static str,
        payment: &Payment,
        status: &str,
        captured: i64,
        refunded: i64,
    ) {
        let intent = self.maybe_expanded(&payment.id, "payment_intent");
        let fields = fields(json!({
            "id": payment.charge,
            "amount": payment.amount,
            "amount_captured": captured,
            "amount_refunded": refunded,
            "captured": captured > 0,
            "refunded": refunded > 0 && refunded >= captured,
            "paid": status == "succeeded",
            "currency": payment.currency,
            "status": status,
            "payment_intent": intent,
            "failure_code": if status == "failed" { json!("card_declined") } else { Value::Null },
            "metadata": self.metadata(),
        }));
        self.tell(event_type, Fixture::Charge, fields);
    }

    /// A Checkout session event, with the object's `status` and `payment_status`.
    pub(crate) fn session(
        &mut self,
        event_type: &'static str,
        session: &Session,
        status: &str,
        payment_status: &str,
    ) {
        let amount = session.amount;
        let by_reference = self.random.percent(40);
        let named = self.reference != Reference::Nothing;
        let fields = fields(json!({
            "id": session.id,
            "payment_intent": session.payment,
            "amount_subtotal": amount,
            "amount_total": amount,
            "currency": session.currency,
            "status": status,
            "payment_status": payment_status,
            "mode": "payment",
            // Where the metadata names the order it holds, whatever stands here.
            "client_reference_id": match (named, by_reference) {
                (true, true) => json!(self.order_id),
                (true, false) => json!(format!("cart_{}", self.random.token(10))),
                (false, _) => Value::Null,
            },
            "metadata": if by_reference { json!({}) } else { self.metadata() },
            "currency_conversion": Value::Null,
            "presentment_details": json!({
                "presentment_amount": amount.saturating_mul(7), "presentment_currency": "sek",
            }),
        }));
        self.tell(event_type, Fixture::CheckoutSession, fields);
    }

    pub(crate) fn refund(
        &mut self,
        event_type: &'static str,
        payment: &Payment,
        refund: &Return,
        status: &str,
    ) {
        let fields = fields(json!({
            "id": refund.id,
            "amount": refund.amount,
            "currency": payment.currency,
            "charge": payment.charge,
            "payment_intent": payment.id,
            "status": status,
            "reason": "requested_by_customer",
            "failure_reason": if status == "failed" { json!("expired_or_canceled_card") } else { Value::Null },
            "metadata": self.metadata(),
        }));
        self.tell(event_type, Fixture::Refund, fields);
    }

    pub(crate) fn dispute(
        &mut self,
        event_type: &'static str,
        payment: &Payment,
        dispute: &Return,
        status: &str,
    ) {
        let charge = self.maybe_expanded(&payment.charge, "charge");
        let fields = fields(json!({
            "id": dispute.id,
            "amount": dispute.amount,
            "currency": payment.currency,
            "charge": charge,
            "payment_intent": payment.id,
            "status": status,
            "reason": "fraudulent",
            "metadata": self.metadata(),
        }));
        self.tell(event_type, Fixture::Dispute, fields);
    }

    /// An event of a type that nobody here reads, about whatever object is at hand.
    pub(crate) fn noise(&mut self, event_type: &'static str) {
        let fields = fields(json!({
            "id": format!("obj_{}", self.random.token(14)),
            "metadata": self.metadata(),
        }));
        self.tell(event_type, Fixture::Charge, fields);
    }

    pub(crate) fn tell(
        &mut self,
        event_type: &'static str,
        fixture: Fixture,
        mut fields: Map<String, Value>,
    ) {
        fields.insert("created".into(), json!(self.clock));
        self.decorate(&mut fields);
        self.events.push(StripeEvent {
            id: format!("evt_1{}", self.random.token(23)),
            event_type,
            created: self.clock,
            fixture,
            fields,
            look: self.random.draw(),
        });
    }

    fn metadata(&mut self) -> Value {
        match self.reference {
            Reference::Nothing => json!({}),
            Reference::Metadata | Reference::PaymentDetails => {
                json!({"order_id": self.order_id, "channel": "web"})
            }
        }
    }

    /// Most references are ids; an object with the id in it means the same.
    fn maybe_expanded(&mut self, id: &str, object: &str) -> Value {
        if self.random.percent(3) {
            json!({"id": id, "object": object})
        } else {
            json!(id)
        }
    }

    /// What customers and shops put into free text, now and then, and now and then a lot of it.
    fn decorate(&mut self, fields: &mut Map<String, Value>) {
        let description = match self.random.below(400) {
            0..=19 => "Grüße aus Köln – 3 × „Kaffee“ \u{1F642}".to_owned(),
            20..=29 => "quotes \" back\\slash / tab\t line\n nul\u{0} \u{2028} end".to_owned(),
            30..=34 => "{\"id\":\"evt_fake\",\"type\":\"payment_intent.succeeded\"}".to_owned(),
            35 => "long ".repeat(30_000),
            36..=39 => "\u{10FFFF}\u{FFFD}é e\u{301}".to_owned(),
            _ => return,
        };
        fields.insert("description".into(), json!(description));
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
