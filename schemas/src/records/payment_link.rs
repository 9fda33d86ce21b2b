//! Which order an object of the provider belongs to.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::ids::{ObjectId, OrderId};

use crate::fault::{BadField, DecodeFault};
use crate::kind::RecordKind;
use crate::records::Record;
use crate::wire;

/// A value of `payments.links`; its key is the object id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLink {
    pub object_id: ObjectId,
    pub order_id: OrderId,
    /// The id of the event that said so.
    pub learned_from: String,
}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    object_id: &'a str,
    order_id: &'a str,
    learned_from: &'a str,
}

impl Record for PaymentLink {
    const KIND: RecordKind = RecordKind::PaymentLink;
    const USUAL_BYTES: usize = 128;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            object_id: self.object_id.as_str(),
            order_id: self.order_id.as_str(),
            learned_from: &self.learned_from,
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

impl TryFrom<Mirror<'_>> for PaymentLink {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            object_id: mirror
                .object_id
                .try_into()
                .map_err(BadField::named("object_id"))?,
            order_id: mirror
                .order_id
                .try_into()
                .map_err(BadField::named("order_id"))?,
            learned_from: mirror.learned_from.to_owned(),
        })
    }
}
