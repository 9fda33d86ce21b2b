//! Takes the facts that the fold reads straight from the bytes of an event's object.
//!
//! Each kind of object reads only the fields it needs; the rest is skipped, whatever it holds.
//! A field that is needed and not as it should be is refused by name, never guessed.

use serde::Deserialize;
use trueup_domain::event::{
    ChargeFacts, DisputeFacts, DisputeStatus, EventType, Facts, PaymentFacts, RefundFacts,
    RefundStatus, SessionFacts, SessionPaymentStatus, SessionStatus,
};
use trueup_domain::ids::ObjectId;
use trueup_domain::money::MinorUnits;

use crate::envelope::BodyFault;
use crate::field::{Field, FieldFault, Object};
use crate::order_id::{Metadata, NamedOrder, PaymentDetails};

/// What one object told us.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) facts: Facts,
    pub(crate) order: NamedOrder,
    pub(crate) objects: Objects,
}

/// The provider objects that an event speaks of, for links and for the key of an unlinked event.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) payment: Option<ObjectId>,
    pub(crate) charge: Option<ObjectId>,
    pub(crate) session: Option<ObjectId>,
}

/// The kinds of object, by the event types that carry them.
enum Kind {
    Payment,
    Session,
    Charge,
    Refund,
    Dispute,
    /// Said by the linker alone: no body from outside tells it.
    Internal,
}

impl Kind {
    fn of(event_type: EventType) -> Self {
        use EventType as T;
        match event_type {
            T::PaymentIntentCreated
            | T::PaymentIntentRequiresAction
            | T::PaymentIntentProcessing
            | T::PaymentIntentPartiallyFunded
            | T::PaymentIntentAmountCapturableUpdated
            | T::PaymentIntentPaymentFailed
            | T::PaymentIntentCanceled
            | T::PaymentIntentSucceeded => Self::Payment,
            T::CheckoutSessionCompleted
            | T::CheckoutSessionAsyncPaymentSucceeded
            | T::CheckoutSessionAsyncPaymentFailed
            | T::CheckoutSessionExpired => Self::Session,
            T::ChargeSucceeded
            | T::ChargeFailed
            | T::ChargeCaptured
            | T::ChargeUpdated
            | T::ChargeRefunded => Self::Charge,
            T::RefundCreated | T::RefundUpdated | T::RefundFailed | T::ChargeRefundUpdated => {
                Self::Refund
            }
            T::DisputeCreated
            | T::DisputeUpdated
            | T::DisputeClosed
            | T::DisputeFundsWithdrawn
            | T::DisputeFundsReinstated => Self::Dispute,
            T::Unlinked | T::Linked | T::ClaimedTwice => Self::Internal,
        }
    }
}

/// Reads `object`, the text of `data.object`; `None` for a session that is not a payment.
pub(crate) fn told(event_type: EventType, object: &str) -> Result<Option<Told>, BodyFault> {
    match Kind::of(event_type) {
        Kind::Payment => read::<PaymentObject<'_>>(object)?
            .told(event_type)
            .map(Some),
        Kind::Session => read::<SessionObject<'_>>(object)?.told(event_type),
        Kind::Charge => read::<ChargeObject<'_>>(object)?.told(event_type).map(Some),
        Kind::Refund => read::<RefundObject<'_>>(object)?.told().map(Some),
        Kind::Dispute => read::<DisputeObject<'_>>(object)?.told().map(Some),
        Kind::Internal => Ok(None),
    }
}

fn read<'a, T: Deserialize<'a>>(object: &'a str) -> Result<T, BodyFault> {
    let read: Object<T> = serde_json::from_str(object)?;
    read.0.ok_or_else(|| {
        FieldFault::Missing {
            field: "data.object",
        }
        .into()
    })
}

/// Refuses an object of another kind than the event's type promises.
fn is_a(object: &Field<'_>, expected: &'static str) -> Result<(), FieldFault> {
    match object.text("data.object.object")? {
        None => Ok(()),
        Some(found) if found == expected => Ok(()),
        Some(_) => Err(FieldFault::Unfit {
            field: "data.object.object",
            expected: "the kind of object that the event's type promises",
        }),
    }
}

/// An amount that is 0 where Stripe left it out, unless this event is about that very amount.
fn amount_or_zero(
    amount: &Field<'_>,
    field: &'static str,
    needed: bool,
) -> Result<MinorUnits, FieldFault> {
    match amount.amount(field)? {
        Some(units) => Ok(units),
        None if needed => Err(FieldFault::Missing { field }),
        None => Ok(MinorUnits::ZERO),
    }
}

#[derive(Deserialize)]
struct PaymentObject<'a> {
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    object: Field<'a>,
    #[serde(borrow, default)]
    amount: Field<'a>,
    #[serde(borrow, default)]
    amount_received: Field<'a>,
    #[serde(borrow, default)]
    currency: Field<'a>,
    #[serde(borrow, default)]
    latest_charge: Field<'a>,
    #[serde(borrow, default)]
    metadata: Object<Metadata<'a>>,
    #[serde(borrow, default)]
    payment_details: Object<PaymentDetails<'a>>,
}

impl PaymentObject<'_> {
    fn told(self, event_type: EventType) -> Result<Told, BodyFault> {
        is_a(&self.object, "payment_intent")?;
        let id = self.id.needed_id("data.object.id")?;
        let received = matches!(
            event_type,
            EventType::PaymentIntentSucceeded | EventType::PaymentIntentPartiallyFunded
        );
        let field = "data.object.amount_received";
        let facts = PaymentFacts {
            id: id.clone(),
            amount: self.amount.needed_amount("data.object.amount")?,
            amount_received: amount_or_zero(&self.amount_received, field, received)?,
            currency: self.currency.needed_currency("data.object.currency")?,
        };
        let charge = self.latest_charge.reference("data.object.latest_charge")?;
        Ok(Told {
            facts: Facts::Payment(facts),
            order: NamedOrder::find(&self.metadata, None, Some(&self.payment_details)),
            objects: Objects {
                payment: Some(id),
                charge,
                session: None,
            },
        })
    }
}

#[derive(Deserialize)]
struct SessionObject<'a> {
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    object: Field<'a>,
    #[serde(borrow, default)]
    mode: Field<'a>,
    #[serde(borrow, default)]
    payment_intent: Field<'a>,
    #[serde(borrow, default)]
    amount_total: Field<'a>,
    #[serde(borrow, default)]
    currency: Field<'a>,
    #[serde(borrow, default)]
    payment_status: Field<'a>,
    #[serde(borrow, default)]
    status: Field<'a>,
    #[serde(borrow, default)]
    client_reference_id: Field<'a>,
    #[serde(borrow, default)]
    metadata: Object<Metadata<'a>>,
}

impl SessionObject<'_> {
    fn told(self, event_type: EventType) -> Result<Option<Told>, BodyFault> {
        is_a(&self.object, "checkout.session")?;
        if self
            .mode
            .text("data.object.mode")?
            .is_some_and(|mode| mode != "payment")
        {
            return Ok(None);
        }
        let id = self.id.needed_id("data.object.id")?;
        let payment = self
            .payment_intent
            .reference("data.object.payment_intent")?;
        let field = "data.object.payment_status";
        let payment_status = match self.payment_status.needed_text(field)? {
            "paid" => SessionPaymentStatus::Paid,
            "unpaid" => SessionPaymentStatus::Unpaid,
            "no_payment_required" => SessionPaymentStatus::NoPaymentRequired,
            _ => {
                return Err(FieldFault::Unfit {
                    field,
                    expected: "a status known here",
                }
                .into());
            }
        };
        let field = "data.object.status";
        let status = match (self.status.text(field)?, event_type) {
            (Some("open"), _) => SessionStatus::Open,
            (Some("expired"), _) | (None, EventType::CheckoutSessionExpired) => {
                SessionStatus::Expired
            }
            (Some("complete"), _) | (None, _) => SessionStatus::Complete,
            _ => {
                return Err(FieldFault::Unfit {
                    field,
                    expected: "a status known here",
                }
                .into());
            }
        };
        let facts = SessionFacts {
            id: id.clone(),
            payment: payment.clone(),
            amount_total: amount_or_zero(&self.amount_total, "data.object.amount_total", false)?,
            currency: self.currency.currency("data.object.currency")?,
            payment_status,
            status,
        };
        Ok(Some(Told {
            facts: Facts::Session(facts),
            order: NamedOrder::find(&self.metadata, Some(&self.client_reference_id), None),
            objects: Objects {
                payment,
                charge: None,
                session: Some(id),
            },
        }))
    }
}

#[derive(Deserialize)]
struct ChargeObject<'a> {
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    object: Field<'a>,
    #[serde(borrow, default)]
    payment_intent: Field<'a>,
    #[serde(borrow, default)]
    amount: Field<'a>,
    #[serde(borrow, default)]
    amount_captured: Field<'a>,
    #[serde(borrow, default)]
    amount_refunded: Field<'a>,
    #[serde(borrow, default)]
    currency: Field<'a>,
    #[serde(borrow, default)]
    captured: Field<'a>,
    #[serde(borrow, default)]
    status: Field<'a>,
    #[serde(borrow, default)]
    metadata: Object<Metadata<'a>>,
}

impl ChargeObject<'_> {
    fn told(self, event_type: EventType) -> Result<Told, BodyFault> {
        is_a(&self.object, "charge")?;
        let id = self.id.needed_id("data.object.id")?;
        let payment = self
            .payment_intent
            .reference("data.object.payment_intent")?;
        let taken = self
            .captured
            .boolean("data.object.captured")?
            .unwrap_or(false);
        let status = self.status.text("data.object.status")?;
        let captured = taken && status.is_none_or(|status| status == "succeeded");
        let refunded = event_type == EventType::ChargeRefunded;
        let field = "data.object.amount_captured";
        let amount_captured = amount_or_zero(&self.amount_captured, field, captured)?;
        let field = "data.object.amount_refunded";
        let facts = ChargeFacts {
            id: id.clone(),
            payment: payment.clone(),
            amount: self.amount.needed_amount("data.object.amount")?,
            amount_captured,
            amount_refunded: amount_or_zero(&self.amount_refunded, field, refunded)?,
            currency: self.currency.needed_currency("data.object.currency")?,
            captured,
        };
        Ok(Told {
            facts: Facts::Charge(facts),
            order: NamedOrder::find(&self.metadata, None, None),
            objects: Objects {
                payment,
                charge: Some(id),
                session: None,
            },
        })
    }
}

#[derive(Deserialize)]
struct RefundObject<'a> {
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    object: Field<'a>,
    #[serde(borrow, default)]
    charge: Field<'a>,
    #[serde(borrow, default)]
    payment_intent: Field<'a>,
    #[serde(borrow, default)]
    amount: Field<'a>,
    #[serde(borrow, default)]
    currency: Field<'a>,
    #[serde(borrow, default)]
    status: Field<'a>,
    #[serde(borrow, default)]
    metadata: Object<Metadata<'a>>,
}

impl RefundObject<'_> {
    fn told(self) -> Result<Told, BodyFault> {
        is_a(&self.object, "refund")?;
        let charge = self.charge.reference("data.object.charge")?;
        let payment = self
            .payment_intent
            .reference("data.object.payment_intent")?;
        let field = "data.object.status";
        let status = match self.status.text(field)? {
            // Stripe's schema lets it be null; as pending it counts, and yields to any other.
            None | Some("pending") => RefundStatus::Pending,
            Some("requires_action") => RefundStatus::RequiresAction,
            Some("succeeded") => RefundStatus::Succeeded,
            Some("canceled") => RefundStatus::Canceled,
            Some("failed") => RefundStatus::Failed,
            Some(_) => {
                return Err(FieldFault::Unfit {
                    field,
                    expected: "a status known here",
                }
                .into());
            }
        };
        let facts = RefundFacts {
            id: self.id.needed_id("data.object.id")?,
            charge: charge.clone(),
            payment: payment.clone(),
            amount: self.amount.needed_amount("data.object.amount")?,
            currency: self.currency.needed_currency("data.object.currency")?,
            status,
        };
        Ok(Told {
            facts: Facts::Refund(facts),
            order: NamedOrder::find(&self.metadata, None, None),
            objects: Objects {
                payment,
                charge,
                session: None,
            },
        })
    }
}

#[derive(Deserialize)]
struct DisputeObject<'a> {
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    object: Field<'a>,
    #[serde(borrow, default)]
    charge: Field<'a>,
    #[serde(borrow, default)]
    payment_intent: Field<'a>,
    #[serde(borrow, default)]
    amount: Field<'a>,
    #[serde(borrow, default)]
    currency: Field<'a>,
    #[serde(borrow, default)]
    status: Field<'a>,
    #[serde(borrow, default)]
    metadata: Object<Metadata<'a>>,
}

impl DisputeObject<'_> {
    fn told(self) -> Result<Told, BodyFault> {
        is_a(&self.object, "dispute")?;
        let charge = self.charge.reference("data.object.charge")?;
        let payment = self
            .payment_intent
            .reference("data.object.payment_intent")?;
        let field = "data.object.status";
        let status = match self.status.needed_text(field)? {
            "prevented" => DisputeStatus::Prevented,
            "needs_response" => DisputeStatus::NeedsResponse,
            "under_review" => DisputeStatus::UnderReview,
            "won" => DisputeStatus::Won,
            "lost" => DisputeStatus::Lost,
            warning if warning.starts_with("warning_") => DisputeStatus::Warning,
            _ => {
                return Err(FieldFault::Unfit {
                    field,
                    expected: "a status known here",
                }
                .into());
            }
        };
        let facts = DisputeFacts {
            id: self.id.needed_id("data.object.id")?,
            charge: charge.clone(),
            payment: payment.clone(),
            amount: self.amount.needed_amount("data.object.amount")?,
            currency: self.currency.needed_currency("data.object.currency")?,
            status,
        };
        Ok(Told {
            facts: Facts::Dispute(facts),
            order: NamedOrder::find(&self.metadata, None, None),
            objects: Objects {
                payment,
                charge,
                session: None,
            },
        })
    }
}
