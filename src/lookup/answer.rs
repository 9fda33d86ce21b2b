//! What `order` and `event` answer, on the command line and the ops API alike.
//! Published: names must stay stable.

use serde::Serialize;
use serde_json::{Value, json};
use trueup_domain::event::{
    DisputeStatus, Event, Facts, RefundStatus, SessionPaymentStatus, SessionStatus, UnixMillis,
};
use trueup_domain::gap::{Gap, GapStatus};
use trueup_domain::view::{PaymentView, View};

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct OrderAnswer {
    pub order_id: String,
    pub status: &'static str,
    pub version: u64,
    pub amount_due: Option<i64>,
    pub amount_received: i64,
    pub amount_refunded: i64,
    pub currency: Option<String>,
    pub payments: Vec<PaymentAnswer>,
    pub gaps: Vec<GapAnswer>,
    pub timeline: Vec<Moment>,
}

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct PaymentAnswer {
    /// `None` where only a charge or a session speaks for the payment, and tells no id.
    pub payment_intent: Option<String>,
    pub status: &'static str,
    pub amount_received: i64,
    pub currency: Option<String>,
}

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct GapAnswer {
    pub order_id: String,
    pub kind: &'static str,
    pub status: &'static str,
    pub amount: i64,
    pub currency: String,
    pub payment_intent: Option<String>,
    pub since: String,
    pub deadline: String,
    pub age_seconds: i64,
}

/// One entry of a timeline. What does not apply is left out.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct Moment {
    pub at: String,
    /// `event` or `snapshot`.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Position {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct EventAnswer {
    pub event_id: String,
    /// `None` where the log no longer holds the record.
    pub event_type: Option<String>,
    pub order_id: String,
    pub position: Position,
    pub received_at: String,
    /// The connector's signature, with the body's digest. `None` where it cannot be told: the
    /// record or the keys are missing.
    pub signature_valid: Option<bool>,
    pub facts: Option<Value>,
    /// `None` where the log no longer holds it.
    pub body: Option<Value>,
}

/// RFC 3339 in UTC with milliseconds.
pub fn rfc3339(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| format!("{at:.3}"))
}

pub fn payments(view: &View) -> Vec<PaymentAnswer> {
    view.payments.iter().map(payment).collect()
}

fn payment(payment: &PaymentView) -> PaymentAnswer {
    PaymentAnswer {
        payment_intent: payment.intent().map(ToString::to_string),
        status: payment.status.as_str(),
        amount_received: payment.received.get(),
        currency: payment.currency.map(|currency| currency.to_string()),
    }
}

pub fn gap(order_id: &str, gap: &Gap, now: UnixMillis) -> GapAnswer {
    GapAnswer {
        order_id: order_id.to_owned(),
        kind: gap.kind.as_str(),
        status: match gap.status {
            GapStatus::Awaiting => "awaiting",
            GapStatus::Open => "open",
        },
        amount: gap.amount,
        currency: gap.currency.to_string(),
        payment_intent: gap.payment.as_ref().map(ToString::to_string),
        since: rfc3339(gap.since),
        deadline: rfc3339(gap.deadline),
        age_seconds: now.saturating_sub(gap.since).max(0) / 1_000,
    }
}

/// The facts of an event, with the fields that the fold reads.
pub fn facts(event: &Event) -> Value {
    let mut value = match &event.facts {
        Facts::Payment(payment) => json!({
            "object": "payment_intent",
            "id": payment.id.as_str(),
            "amount": payment.amount.get(),
            "amount_received": payment.amount_received.get(),
            "currency": payment.currency.as_str(),
        }),
        Facts::Session(session) => json!({
            "object": "checkout.session",
            "id": session.id.as_str(),
            "payment_intent": session.payment.as_ref().map(|id| id.as_str()),
            "amount_total": session.amount_total.get(),
            "currency": session.currency.as_ref().map(|currency| currency.as_str()),
            "payment_status": match session.payment_status {
                SessionPaymentStatus::Unpaid => "unpaid",
                SessionPaymentStatus::Paid => "paid",
                SessionPaymentStatus::NoPaymentRequired => "no_payment_required",
            },
            "status": match session.status {
                SessionStatus::Open => "open",
                SessionStatus::Expired => "expired",
                SessionStatus::Complete => "complete",
            },
        }),
        Facts::Charge(charge) => json!({
            "object": "charge",
            "id": charge.id.as_str(),
            "payment_intent": charge.payment.as_ref().map(|id| id.as_str()),
            "amount": charge.amount.get(),
            "amount_captured": charge.amount_captured.get(),
            "amount_refunded": charge.amount_refunded.get(),
            "currency": charge.currency.as_str(),
            "captured": charge.captured,
        }),
        Facts::Refund(refund) => json!({
            "object": "refund",
            "id": refund.id.as_str(),
            "charge": refund.charge.as_ref().map(|id| id.as_str()),
            "payment_intent": refund.payment.as_ref().map(|id| id.as_str()),
            "amount": refund.amount.get(),
            "currency": refund.currency.as_str(),
            "status": match refund.status {
                RefundStatus::Pending => "pending",
                RefundStatus::RequiresAction => "requires_action",
                RefundStatus::Succeeded => "succeeded",
                RefundStatus::Canceled => "canceled",
                RefundStatus::Failed => "failed",
            },
        }),
        Facts::Dispute(dispute) => json!({
            "object": "dispute",
            "id": dispute.id.as_str(),
            "charge": dispute.charge.as_ref().map(|id| id.as_str()),
            "payment_intent": dispute.payment.as_ref().map(|id| id.as_str()),
            "amount": dispute.amount.get(),
            "currency": dispute.currency.as_str(),
            "status": match dispute.status {
                DisputeStatus::Warning => "warning",
                DisputeStatus::Prevented => "prevented",
                DisputeStatus::NeedsResponse => "needs_response",
                DisputeStatus::UnderReview => "under_review",
                DisputeStatus::Won => "won",
                DisputeStatus::Lost => "lost",
            },
        }),
        Facts::Unlinked(unlinked) => json!({
            "object": "unlinked",
            "id": unlinked.id.as_str(),
            "amount": unlinked.success.map(|success| success.amount.get()),
            "currency": unlinked.success.map(|success| success.currency.to_string()),
            "since": rfc3339(unlinked.since),
        }),
        Facts::Linked(linked) => json!({
            "object": "linked",
            "id": linked.id.as_str(),
            "order_id": linked.order.as_str(),
        }),
        Facts::ClaimedTwice(claim) => json!({
            "object": "claimed_twice",
            "payment_intent": claim.payment.as_str(),
            "other_order_id": claim.other.as_str(),
        }),
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert(
            "created".to_owned(),
            rfc3339(event.created.saturating_mul(1_000)).into(),
        );
        fields.insert("livemode".to_owned(), event.livemode.into());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_with_milliseconds() {
        assert_eq!(rfc3339(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
        assert_eq!(rfc3339(1_700_000_000_042), "2023-11-14T22:13:20.042Z");
    }
}
