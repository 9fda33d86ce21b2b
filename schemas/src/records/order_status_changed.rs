//! One change of an order's status or amounts, with the order's full state after it.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::UnixMillis;
use trueup_domain::ids::OrderId;
use trueup_domain::money::Currency;
use trueup_domain::status::OrderStatus;

use crate::fault::{BadField, DecodeFault};
use crate::kind::RecordKind;
use crate::records::facts::currency;
use crate::records::{Record, long, unsigned};
use crate::wire::{self, mirror_enum};

/// A value of `orders.status`; its key is the order id. Amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStatusChanged {
    pub order_id: OrderId,
    /// Per order strictly increasing in the log; may skip numbers.
    pub version: u64,
    /// The `to` of the order's previous record, `Pending` at first.
    pub from: OrderStatus,
    pub to: OrderStatus,
    pub amount_due: Option<i64>,
    pub amount_received: i64,
    pub amount_refunded: i64,
    pub currency: Option<Currency>,
    /// The cause; for a snapshot `snapshot:<version>`.
    pub event_id: String,
    /// The cause's type; for a snapshot `order.snapshot`.
    pub event_type: String,
    pub payment_intent: Option<String>,
    pub checkout_session: Option<String>,
    pub livemode: Option<bool>,
    /// The cause's `created`, a snapshot's `updated_at`.
    pub occurred_at: UnixMillis,
}

mirror_enum! { OrderStatusMirror for OrderStatus {
    Pending = 0 "pending",
    Processing = 1 "processing",
    Paid = 2 "paid",
    PartiallyPaid = 3 "partially_paid",
    PaymentFailed = 4 "payment_failed",
    Canceled = 5 "canceled",
    Refunded = 6 "refunded",
    PartiallyRefunded = 7 "partially_refunded",
    Disputed = 8 "disputed",
}}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    order_id: &'a str,
    version: i64,
    from: OrderStatusMirror,
    to: OrderStatusMirror,
    amount_due: Option<i64>,
    amount_received: i64,
    amount_refunded: i64,
    currency: Option<&'a str>,
    event_id: &'a str,
    event_type: &'a str,
    payment_intent: Option<&'a str>,
    checkout_session: Option<&'a str>,
    livemode: Option<bool>,
    occurred_at: i64,
}

impl Record for OrderStatusChanged {
    const KIND: RecordKind = RecordKind::OrderStatusChanged;
    const USUAL_BYTES: usize = 256;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            order_id: self.order_id.as_str(),
            version: long(self.version),
            from: self.from.into(),
            to: self.to.into(),
            amount_due: self.amount_due,
            amount_received: self.amount_received,
            amount_refunded: self.amount_refunded,
            currency: self.currency.as_ref().map(Currency::as_str),
            event_id: &self.event_id,
            event_type: &self.event_type,
            payment_intent: self.payment_intent.as_deref(),
            checkout_session: self.checkout_session.as_deref(),
            livemode: self.livemode,
            occurred_at: self.occurred_at,
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

impl TryFrom<Mirror<'_>> for OrderStatusChanged {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            order_id: mirror
                .order_id
                .try_into()
                .map_err(BadField::named("order_id"))?,
            version: unsigned(mirror.version).map_err(BadField::named("version"))?,
            from: mirror.from.into(),
            to: mirror.to.into(),
            amount_due: mirror.amount_due,
            amount_received: mirror.amount_received,
            amount_refunded: mirror.amount_refunded,
            currency: currency(mirror.currency).map_err(BadField::named("currency"))?,
            event_id: mirror.event_id.to_owned(),
            event_type: mirror.event_type.to_owned(),
            payment_intent: mirror.payment_intent.map(str::to_owned),
            checkout_session: mirror.checkout_session.map(str::to_owned),
            livemode: mirror.livemode,
            occurred_at: mirror.occurred_at,
        })
    }
}
