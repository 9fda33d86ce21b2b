//! An order's complete set of gaps; an empty set is a tombstone and never a value.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::gap::{Gap, GapKind, GapSet, GapStatus};
use trueup_domain::ids::{ObjectId, OrderId};

use crate::fault::{BadField, DecodeFault};
use crate::kind::RecordKind;
use crate::records::facts::object;
use crate::records::{Record, long, unsigned};
use crate::wire::{self, List, mirror_enum};

/// A value of `payments.gaps`; its key is the order id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapSetRecord {
    pub order_id: OrderId,
    /// Of the ledger that the gaps were derived from.
    pub version: u64,
    pub gaps: GapSet,
}

mirror_enum! { GapKindMirror for GapKind {
    PaidNotMarked = 0 "paid_not_marked",
    LateSuccess = 1 "late_success",
    OrphanPayment = 2 "orphan_payment",
    AmountMismatch = 3 "amount_mismatch",
    DuplicatePayment = 4 "duplicate_payment",
    CurrencyMismatch = 5 "currency_mismatch",
    MarkedNotPaid = 6 "marked_not_paid",
    RefundUnreflected = 7 "refund_unreflected",
    DisputeOpen = 8 "dispute_open",
    DisputeLost = 9 "dispute_lost",
    StuckProcessing = 10 "stuck_processing",
    Unlinked = 11 "unlinked",
    PaymentClaimedTwice = 12 "payment_claimed_twice",
    OrderFull = 13 "order_full",
}}

mirror_enum! { GapStatusMirror for GapStatus {
    Awaiting = 0 "awaiting",
    Open = 1 "open",
}}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    order_id: &'a str,
    version: i64,
    #[serde(borrow)]
    gaps: List<'a, Gap, GapMirror<'a>>,
}

#[derive(Serialize, Deserialize)]
struct GapMirror<'a> {
    kind: GapKindMirror,
    status: GapStatusMirror,
    amount: i64,
    currency: &'a str,
    payment_intent: Option<&'a str>,
    since: i64,
    deadline: i64,
    /// Releases that did not write it knew no other kind than `paid_not_marked`.
    #[serde(default = "unpaid")]
    unpaid: bool,
}

fn unpaid() -> bool {
    true
}

impl Record for GapSetRecord {
    const KIND: RecordKind = RecordKind::GapSet;
    const USUAL_BYTES: usize = 128;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            order_id: self.order_id.as_str(),
            version: long(self.version),
            gaps: List::Written(&self.gaps.gaps),
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

impl<'a> From<&'a Gap> for GapMirror<'a> {
    fn from(gap: &'a Gap) -> Self {
        Self {
            kind: gap.kind.into(),
            status: gap.status.into(),
            amount: gap.amount,
            currency: gap.currency.as_str(),
            payment_intent: gap.payment.as_ref().map(ObjectId::as_str),
            since: gap.since,
            deadline: gap.deadline,
            unpaid: gap.unpaid,
        }
    }
}

impl TryFrom<Mirror<'_>> for GapSetRecord {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            order_id: mirror
                .order_id
                .try_into()
                .map_err(BadField::named("order_id"))?,
            version: unsigned(mirror.version).map_err(BadField::named("version"))?,
            gaps: GapSet {
                gaps: mirror.gaps.convert(Gap::try_from)?,
            },
        })
    }
}

impl TryFrom<GapMirror<'_>> for Gap {
    type Error = BadField;

    fn try_from(mirror: GapMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            kind: mirror.kind.into(),
            status: mirror.status.into(),
            amount: mirror.amount,
            currency: mirror
                .currency
                .try_into()
                .map_err(BadField::named("gaps.currency"))?,
            payment: object(mirror.payment_intent)
                .map_err(BadField::named("gaps.payment_intent"))?,
            unpaid: mirror.unpaid,
            since: mirror.since,
            deadline: mirror.deadline,
        })
    }
}
