//! Reads an event's JSON for the oracle: which order it is about and what it says. Written from
//! Stripe's documentation alone; shares no code with the gateway, on purpose.

use serde_json::Value;

/// Every event type that counts for an order.
pub const USED_TYPES: &[&str] = &[
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "payment_intent.partially_funded",
    "payment_intent.amount_capturable_updated",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.succeeded",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.succeeded",
    "charge.failed",
    "charge.captured",
    "charge.updated",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];

/// True for what is folded at all: a used type, and of sessions only those that take a payment.
#[must_use]
pub fn is_used(event: &Value) -> bool {
    USED_TYPES.contains(&text(event, "type"))
        && (kind(event) != "checkout.session" || text(object(event), "mode") == "payment")
}

/// The order that the event names, by the first valid of its three places.
#[must_use]
pub fn order_id(event: &Value) -> Option<String> {
    let object = object(event);
    [
        object.pointer("/metadata/order_id"),
        object.get("client_reference_id"),
        object.pointer("/payment_details/order_reference"),
    ]
    .into_iter()
    .flatten()
    .filter_map(Value::as_str)
    .find(|id| !id.is_empty() && id.len() <= 200 && !id.chars().any(char::is_control))
    .map(str::to_owned)
}

pub(crate) fn object(event: &Value) -> &Value {
    event.pointer("/data/object").unwrap_or(&Value::Null)
}

/// The `object` field of the event's object: `payment_intent`, `charge`, ...
pub(crate) fn kind(event: &Value) -> &str {
    text(object(event), "object")
}

pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

pub(crate) fn number(value: &Value, field: &str) -> i64 {
    value.get(field).and_then(Value::as_i64).unwrap_or(0)
}

pub(crate) fn is_true(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool).unwrap_or(false)
}

/// A reference to another object: its id, or the object itself.
pub(crate) fn reference(value: &Value, field: &str) -> Option<String> {
    let target = value.get(field)?;
    target
        .as_str()
        .or_else(|| target.get("id")?.as_str())
        .map(str::to_owned)
}

/// The event's id with all that counts of it, as text: two deliveries of one event are equal
/// here, and one id told with other facts is not.
#[must_use]
pub fn facts(event: &Value) -> String {
    let object = object(event);
    let fields: &[&str] = match kind(event) {
        "payment_intent" => &["amount", "amount_received", "currency"],
        "charge" => &["amount", "amount_captured", "amount_refunded", "currency"],
        "checkout.session" => &["amount_total", "currency", "payment_status", "status"],
        _ => &["amount", "currency", "status"],
    };
    let mut told: Vec<String> = ["id", "type", "created", "livemode"]
        .iter()
        .map(|field| event.get(field).unwrap_or(&Value::Null).to_string())
        .collect();
    told.push(text(object, "id").to_owned());
    told.extend(
        fields
            .iter()
            .map(|field| object.get(field).unwrap_or(&Value::Null).to_string()),
    );
    told.extend(
        ["payment_intent", "charge"].map(|field| format!("{:?}", reference(object, field))),
    );
    if kind(event) == "charge" {
        let captured = is_true(object, "captured") && text(object, "status") == "succeeded";
        told.push(captured.to_string());
    }
    told.join(" ")
}
