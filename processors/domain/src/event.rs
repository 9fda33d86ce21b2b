//! What one event tells us: the facts that the fold reads, and nothing else.
//!
//! Facts are derived once, at the edge, from the verified body. What may differ between two
//! deliveries of one event (time of receipt, signature, `pending_webhooks`) is not a fact.

use crate::ids::{EventId, ObjectId, OrderId};
use crate::money::{Currency, MinorUnits};

/// Seconds since the Unix epoch, as Stripe stamps `created`.
pub type UnixSeconds = i64;
/// Milliseconds since the Unix epoch.
pub type UnixMillis = i64;

/// One event about one order, as the fold sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub kind: EventType,
    /// `created` of the event itself, not of the object in it.
    pub created: UnixSeconds,
    /// The envelope's `livemode`; `None` where the provider did not say.
    pub livemode: Option<bool>,
    pub facts: Facts,
}

macro_rules! event_types {
    (
        provider { $($variant:ident = $name:literal),+ $(,)? }
        internal { $($own:ident = $own_name:literal),+ $(,)? }
    ) => {
        /// Every event type that is written to topics and folded.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType { $($variant,)+ $($own),+ }

        impl EventType {
            /// The provider's types: those that a gateway takes and that are counted.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// What the linker says; never the provider's.
            pub const INTERNAL: &'static [Self] = &[$(Self::$own),+];

            /// The name of the type. Stored and published: must stay stable.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ $(Self::$own => $own_name),+ }
            }

            /// The provider's type of that name: a body from outside never names an internal one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// The type of that name in a signed record, internal ones too.
            #[must_use]
            pub fn from_recorded_name(name: &str) -> Option<Self> {
                match name {
                    $($own_name => Some(Self::$own),)+
                    provided => Self::from_name(provided),
                }
            }
        }
    };
}

event_types! {
    provider {
    PaymentIntentCreated = "payment_intent.created",
    PaymentIntentRequiresAction = "payment_intent.requires_action",
    PaymentIntentProcessing = "payment_intent.processing",
    PaymentIntentPartiallyFunded = "payment_intent.partially_funded",
    PaymentIntentAmountCapturableUpdated = "payment_intent.amount_capturable_updated",
    PaymentIntentPaymentFailed = "payment_intent.payment_failed",
    PaymentIntentCanceled = "payment_intent.canceled",
    PaymentIntentSucceeded = "payment_intent.succeeded",
    CheckoutSessionCompleted = "checkout.session.completed",
    CheckoutSessionAsyncPaymentSucceeded = "checkout.session.async_payment_succeeded",
    CheckoutSessionAsyncPaymentFailed = "checkout.session.async_payment_failed",
    CheckoutSessionExpired = "checkout.session.expired",
    ChargeSucceeded = "charge.succeeded",
    ChargeFailed = "charge.failed",
    ChargeCaptured = "charge.captured",
    ChargeUpdated = "charge.updated",
    ChargeRefunded = "charge.refunded",
    RefundCreated = "refund.created",
    RefundUpdated = "refund.updated",
    RefundFailed = "refund.failed",
    ChargeRefundUpdated = "charge.refund.updated",
    DisputeCreated = "charge.dispute.created",
    DisputeUpdated = "charge.dispute.updated",
    DisputeClosed = "charge.dispute.closed",
    DisputeFundsWithdrawn = "charge.dispute.funds_withdrawn",
    DisputeFundsReinstated = "charge.dispute.funds_reinstated",
    }
    internal {
        Unlinked = "trueup.unlinked",
        Linked = "trueup.linked",
        ClaimedTwice = "trueup.claimed_twice",
    }
}

/// The object that a type speaks of, and what the type alone says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Payment(PaymentStep),
    Session(SessionStep),
    Charge,
    /// The charge was refused: it proves no money, whatever its object says.
    FailedCharge,
    Refund,
    Dispute,
    /// An object whose order nobody told in time.
    Unlinked,
    /// Its order was found after all.
    Linked,
    /// A payment that two orders claim.
    ClaimedTwice,
}

/// How far a payment came, in the order of rank: of two facts with one `created`, the later in
/// this list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentStep {
    Created,
    RequiresAction,
    /// Also partially funded.
    Processing,
    RequiresCapture,
    Failed,
    Canceled,
    Succeeded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionStep {
    Completed,
    AsyncPaymentSucceeded,
    AsyncPaymentFailed,
    Expired,
}

impl PaymentStep {
    /// The rank in a stamp. Ledgers hold it: must stay stable.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::RequiresAction => 1,
            Self::Processing => 2,
            Self::RequiresCapture => 3,
            Self::Failed => 4,
            Self::Canceled => 5,
            Self::Succeeded => 6,
        }
    }
}

impl EventType {
    #[must_use]
    pub fn subject(self) -> Subject {
        match self {
            Self::PaymentIntentCreated => Subject::Payment(PaymentStep::Created),
            Self::PaymentIntentRequiresAction => Subject::Payment(PaymentStep::RequiresAction),
            Self::PaymentIntentProcessing | Self::PaymentIntentPartiallyFunded => {
                Subject::Payment(PaymentStep::Processing)
            }
            Self::PaymentIntentAmountCapturableUpdated => {
                Subject::Payment(PaymentStep::RequiresCapture)
            }
            Self::PaymentIntentPaymentFailed => Subject::Payment(PaymentStep::Failed),
            Self::PaymentIntentCanceled => Subject::Payment(PaymentStep::Canceled),
            Self::PaymentIntentSucceeded => Subject::Payment(PaymentStep::Succeeded),
            Self::CheckoutSessionCompleted => Subject::Session(SessionStep::Completed),
            Self::CheckoutSessionAsyncPaymentSucceeded => {
                Subject::Session(SessionStep::AsyncPaymentSucceeded)
            }
            Self::CheckoutSessionAsyncPaymentFailed => {
                Subject::Session(SessionStep::AsyncPaymentFailed)
            }
            Self::CheckoutSessionExpired => Subject::Session(SessionStep::Expired),
            Self::ChargeFailed => Subject::FailedCharge,
            Self::ChargeSucceeded
            | Self::ChargeCaptured
            | Self::ChargeUpdated
            | Self::ChargeRefunded => Subject::Charge,
            Self::RefundCreated
            | Self::RefundUpdated
            | Self::RefundFailed
            | Self::ChargeRefundUpdated => Subject::Refund,
            Self::DisputeCreated
            | Self::DisputeUpdated
            | Self::DisputeClosed
            | Self::DisputeFundsWithdrawn
            | Self::DisputeFundsReinstated => Subject::Dispute,
            Self::Unlinked => Subject::Unlinked,
            Self::Linked => Subject::Linked,
            Self::ClaimedTwice => Subject::ClaimedTwice,
        }
    }
}

/// The fields that the fold reads, by the kind of object the event carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    Payment(PaymentFacts),
    Session(SessionFacts),
    Charge(ChargeFacts),
    Refund(RefundFacts),
    Dispute(DisputeFacts),
    Unlinked(UnlinkedFacts),
    Linked(LinkedFacts),
    ClaimedTwice(ClaimedTwiceFacts),
}

impl Facts {
    /// The payment that these facts speak of, by themselves or by what they link to.
    #[must_use]
    pub fn payment_id(&self) -> Option<&ObjectId> {
        match self {
            Self::Payment(payment) => Some(&payment.id),
            Self::Session(session) => session.payment.as_ref(),
            Self::Charge(charge) => charge.payment.as_ref(),
            Self::Refund(refund) => refund.payment.as_ref(),
            Self::Dispute(dispute) => dispute.payment.as_ref(),
            Self::ClaimedTwice(claim) => Some(&claim.payment),
            // The object may be a charge or a session as well.
            Self::Unlinked(_) | Self::Linked(_) => None,
        }
    }

    /// What the object is about: the amount that came in, was charged or goes back.
    #[must_use]
    pub fn money(&self) -> (MinorUnits, Currency) {
        match self {
            Self::Payment(payment) => (payment.amount, payment.currency),
            Self::Session(session) => (
                session.amount_total,
                session.currency.unwrap_or(Currency::NONE),
            ),
            Self::Charge(charge) => (charge.amount, charge.currency),
            Self::Refund(refund) => (refund.amount, refund.currency),
            Self::Dispute(dispute) => (dispute.amount, dispute.currency),
            Self::Unlinked(unlinked) => unlinked
                .success
                .map_or(NOTHING, |success| (success.amount, success.currency)),
            Self::Linked(_) | Self::ClaimedTwice(_) => NOTHING,
        }
    }

    #[must_use]
    pub fn session_id(&self) -> Option<&ObjectId> {
        match self {
            Self::Session(session) => Some(&session.id),
            Self::Payment(_)
            | Self::Charge(_)
            | Self::Refund(_)
            | Self::Dispute(_)
            | Self::Unlinked(_)
            | Self::Linked(_)
            | Self::ClaimedTwice(_) => None,
        }
    }
}

/// A PaymentIntent. Its status is told by the event's type, not by the object's `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFacts {
    pub id: ObjectId,
    pub amount: MinorUnits,
    pub amount_received: MinorUnits,
    pub currency: Currency,
}

/// A Checkout session in `mode=payment`; sessions of other modes are counted at the edge only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    pub id: ObjectId,
    pub payment: Option<ObjectId>,
    pub amount_total: MinorUnits,
    /// Stripe leaves it null on some sessions that ask for no payment.
    pub currency: Option<Currency>,
    pub payment_status: SessionPaymentStatus,
    pub status: SessionStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionPaymentStatus {
    Unpaid,
    Paid,
    NoPaymentRequired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionStatus {
    Open,
    Expired,
    Complete,
}

/// A charge, whatever the event that carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeFacts {
    pub id: ObjectId,
    pub payment: Option<ObjectId>,
    pub amount: MinorUnits,
    pub amount_captured: MinorUnits,
    /// Cumulative over the charge's refunds.
    pub amount_refunded: MinorUnits,
    pub currency: Currency,
    /// The money was taken: `captured` is true and `status` is `succeeded`.
    pub captured: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFacts {
    pub id: ObjectId,
    pub charge: Option<ObjectId>,
    pub payment: Option<ObjectId>,
    pub amount: MinorUnits,
    pub currency: Currency,
    pub status: RefundStatus,
}

/// In the order of rank: of two facts with one `created`, the later in this list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Canceled,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeFacts {
    pub id: ObjectId,
    pub charge: Option<ObjectId>,
    pub payment: Option<ObjectId>,
    pub amount: MinorUnits,
    pub currency: Currency,
    pub status: DisputeStatus,
}

/// In the order of rank. `Warning` stands for every `warning_*` status and, like `Prevented`,
/// changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisputeStatus {
    Warning,
    Prevented,
    NeedsResponse,
    UnderReview,
    Won,
    Lost,
}

const NOTHING: (MinorUnits, Currency) = (MinorUnits::ZERO, Currency::NONE);

/// A parked object is over age: its order is still not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlinkedFacts {
    /// The payment, else the charge or session, that the parked events belong to.
    pub id: ObjectId,
    /// The money that came in with it; `None` where nothing proves a success.
    pub success: Option<Success>,
    /// Receipt of the first event that was parked, in milliseconds.
    pub since: UnixMillis,
}

/// Money that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Success {
    pub amount: MinorUnits,
    pub currency: Currency,
}

/// The order of an object that was said to be unlinked was found after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedFacts {
    pub id: ObjectId,
    pub order: OrderId,
}

/// Said to each of two orders that claim one payment, each hearing of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedTwiceFacts {
    pub payment: ObjectId,
    pub other: OrderId,
}

/// What the shop's order service says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub status: SnapshotStatus,
    pub amount_due: MinorUnits,
    pub currency: Currency,
    pub version: i64,
    pub updated_at: UnixMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotStatus {
    Pending,
    Paid,
    Canceled,
    Refunded,
}
