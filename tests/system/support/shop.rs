//! Stripe's events about a shop's orders, in the shapes that Stripe's own mock server has.

use serde_json::{Value, json};

const PAYMENT: &str = include_str!("../../../load-tests/fixtures/payment_intent.json");
const SESSION: &str = include_str!("../../../load-tests/fixtures/checkout_session.json");
const CHARGE: &str = include_str!("../../../load-tests/fixtures/charge.json");

/// Seconds since the Unix epoch, now.
#[expect(
    clippy::disallowed_methods,
    reason = "the one clock of these tests: Stripe's `created` is of today"
)]
pub(crate) fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

fn object(fixture: &str, fields: Value) -> Value {
    let mut object: Value = serde_json::from_str(fixture).unwrap();
    let Value::Object(fields) = fields else {
        panic!("{fields}")
    };
    object.as_object_mut().unwrap().extend(fields);
    object
}

/// A PaymentIntent of `order` over `amount`, of which `received` came in.
pub(crate) fn payment(order: &str, id: &str, status: &str, amount: i64, received: i64) -> Value {
    object(
        PAYMENT,
        json!({
            "id": id, "status": status, "currency": "usd", "amount": amount,
            "amount_received": received, "client_secret": format!("{id}_secret_q7Xv0n2kLwZp"),
            "metadata": {"order_id": order},
        }),
    )
}

/// A Checkout Session over 1999 euro cents.
pub(crate) fn session(order: &str, id: &str, payment: Option<&str>, paid: &str) -> Value {
    object(
        SESSION,
        json!({
            "id": id, "status": "complete", "payment_status": paid, "currency": "eur",
            "amount_total": 1999, "payment_intent": payment, "mode": "payment",
            "metadata": {"order_id": order},
        }),
    )
}

/// A captured charge of a payment, of which `refunded` went back.
pub(crate) fn charge(order: &str, id: &str, payment: &str, amount: i64, refunded: i64) -> Value {
    object(
        CHARGE,
        json!({
            "id": id, "payment_intent": payment, "currency": "usd", "amount": amount,
            "amount_captured": amount, "amount_refunded": refunded, "captured": true,
            "refunded": refunded == amount, "metadata": {"order_id": order},
        }),
    )
}

/// The event that tells it.
pub(crate) fn event(id: &str, kind: &str, created: i64, object: Value) -> Value {
    json!({
        "id": id, "object": "event", "api_version": "2026-07-29.dahlia", "created": created,
        "data": {"object": object}, "livemode": false, "pending_webhooks": 1,
        "request": {"id": "req_7aXk2mQ", "idempotency_key": null}, "type": kind,
    })
}

/// A payment that succeeded at once.
pub(crate) fn success(order: &str, number: usize, created: i64) -> Value {
    let (id, intent) = (
        format!("evt_{order}_{number}"),
        format!("pi_{order}_{number}"),
    );
    let paid = payment(order, &intent, "succeeded", 1000, 1000);
    event(&id, "payment_intent.succeeded", created, paid)
}
