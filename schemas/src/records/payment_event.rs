//! The facts of one verified event, as the reconciler folds them.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::{Event, EventType, Facts, UnixMillis};

use crate::fault::{BadField, DecodeFault, FieldFault};
use crate::kind::RecordKind;
use crate::records::Record;
use crate::records::facts::FactsMirror;
use crate::wire::{self, Fixed, mirror_enum};

/// A value of `payments.events` (key: order id) and of `payments.unlinked` (key: the payment,
/// charge or session it belongs to).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEvent {
    pub event: Event,
    pub account: Option<String>,
    pub source: Source,
    pub received_at: UnixMillis,
    /// Of the masked body in `payments.bodies`.
    pub body_sha256: [u8; 32],
}

/// How an event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Webhook,
    Sweep,
    Probe,
    Linker,
    Replay,
}

impl Source {
    pub const ALL: &'static [Self] = &[
        Self::Webhook,
        Self::Sweep,
        Self::Probe,
        Self::Linker,
        Self::Replay,
    ];

    /// Stored and published: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sweep => "sweep",
            Self::Probe => "probe",
            Self::Linker => "linker",
            Self::Replay => "replay",
        }
    }
}

mirror_enum! { SourceMirror for Source {
    Webhook = 0 "webhook",
    Sweep = 1 "sweep",
    Probe = 2 "probe",
    Linker = 3 "linker",
    Replay = 4 "replay",
}}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    event_id: &'a str,
    r#type: &'a str,
    created: i64,
    livemode: Option<bool>,
    account: Option<&'a str>,
    source: SourceMirror,
    received_at: i64,
    body_sha256: Fixed<32>,
    #[serde(borrow)]
    facts: FactsMirror<'a>,
}

impl Record for PaymentEvent {
    const KIND: RecordKind = RecordKind::PaymentEvent;
    const USUAL_BYTES: usize = 256;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            event_id: self.event.id.as_str(),
            r#type: self.event.kind.as_str(),
            created: self.event.created,
            livemode: self.event.livemode,
            account: self.account.as_deref(),
            source: self.source.into(),
            received_at: self.received_at,
            body_sha256: Fixed(self.body_sha256),
            facts: FactsMirror::from(&self.event.facts),
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

impl TryFrom<Mirror<'_>> for PaymentEvent {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        let kind = EventType::from_recorded_name(mirror.r#type)
            .ok_or_else(|| FieldFault::UnknownEventType(printable(mirror.r#type)))
            .map_err(BadField::named("type"))?;
        let facts = Facts::try_from(mirror.facts)?;
        Ok(Self {
            event: Event {
                id: mirror
                    .event_id
                    .try_into()
                    .map_err(BadField::named("event_id"))?,
                kind,
                created: mirror.created,
                livemode: mirror.livemode,
                facts: fitting(kind, facts)?,
            },
            account: mirror.account.map(str::to_owned),
            source: mirror.source.into(),
            received_at: mirror.received_at,
            body_sha256: mirror.body_sha256.0,
        })
    }
}

/// An unknown type is quoted, so it is cut to what a type can look like.
fn printable(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_ascii_graphic())
        .take(64)
        .collect()
}

/// Facts of another kind of object than the type speaks of would be folded as what they are not.
fn fitting(kind: EventType, facts: Facts) -> Result<Facts, BadField> {
    let (expected, found) = (object_of(kind), name_of(&facts));
    if expected == found {
        Ok(facts)
    } else {
        let fault = FieldFault::WrongFacts {
            kind: kind.as_str(),
            facts: found,
        };
        Err(BadField {
            field: "facts",
            fault,
        })
    }
}

fn name_of(facts: &Facts) -> &'static str {
    match facts {
        Facts::Payment(_) => "payment",
        Facts::Session(_) => "session",
        Facts::Charge(_) => "charge",
        Facts::Refund(_) => "refund",
        Facts::Dispute(_) => "dispute",
        Facts::Unlinked(_) => "unlinked",
        Facts::Linked(_) => "linked",
        Facts::ClaimedTwice(_) => "claimed_twice",
    }
}

fn object_of(kind: EventType) -> &'static str {
    match kind {
        EventType::PaymentIntentCreated
        | EventType::PaymentIntentRequiresAction
        | EventType::PaymentIntentProcessing
        | EventType::PaymentIntentPartiallyFunded
        | EventType::PaymentIntentAmountCapturableUpdated
        | EventType::PaymentIntentPaymentFailed
        | EventType::PaymentIntentCanceled
        | EventType::PaymentIntentSucceeded => "payment",
        EventType::CheckoutSessionCompleted
        | EventType::CheckoutSessionAsyncPaymentSucceeded
        | EventType::CheckoutSessionAsyncPaymentFailed
        | EventType::CheckoutSessionExpired => "session",
        EventType::ChargeSucceeded
        | EventType::ChargeFailed
        | EventType::ChargeCaptured
        | EventType::ChargeUpdated
        | EventType::ChargeRefunded => "charge",
        EventType::RefundCreated
        | EventType::RefundUpdated
        | EventType::RefundFailed
        | EventType::ChargeRefundUpdated => "refund",
        EventType::DisputeCreated
        | EventType::DisputeUpdated
        | EventType::DisputeClosed
        | EventType::DisputeFundsWithdrawn
        | EventType::DisputeFundsReinstated => "dispute",
        EventType::Unlinked => "unlinked",
        EventType::Linked => "linked",
        EventType::ClaimedTwice => "claimed_twice",
    }
}
