//! The body of one verified webhook, as audit finds it again. Holds customers' data.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::UnixMillis;

use crate::fault::DecodeFault;
use crate::kind::RecordKind;
use crate::records::Record;
use crate::records::payment_event::{Source, SourceMirror};
use crate::wire::{self, Bytes};

/// A value of `payments.bodies`; its key is the event id.
#[derive(Clone, PartialEq, Eq)]
pub struct EventBody {
    pub event_id: String,
    pub event_type: String,
    pub order_id: Option<String>,
    pub source: Source,
    pub received_at: UnixMillis,
    /// The `Stripe-Signature` header as received.
    pub signature: String,
    pub endpoint: Option<String>,
    /// The raw body, the values of its client secrets masked.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for EventBody {
    /// Leaves the customers' data out: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBody")
            .field("event_id", &self.event_id)
            .field("event_type", &self.event_type)
            .field("order_id", &self.order_id)
            .field("source", &self.source)
            .field("received_at", &self.received_at)
            .field("endpoint", &self.endpoint)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    event_id: &'a str,
    r#type: &'a str,
    order_id: Option<&'a str>,
    source: SourceMirror,
    received_at: i64,
    signature: &'a str,
    endpoint: Option<&'a str>,
    #[serde(borrow)]
    body: Bytes<'a>,
}

impl Record for EventBody {
    const KIND: RecordKind = RecordKind::EventBody;
    const USUAL_BYTES: usize = 4096;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            event_id: &self.event_id,
            r#type: &self.event_type,
            order_id: self.order_id.as_deref(),
            source: self.source.into(),
            received_at: self.received_at,
            signature: &self.signature,
            endpoint: self.endpoint.as_deref(),
            body: Bytes(&self.body),
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Ok(Self {
            event_id: mirror.event_id.to_owned(),
            event_type: mirror.r#type.to_owned(),
            order_id: mirror.order_id.map(str::to_owned),
            source: mirror.source.into(),
            received_at: mirror.received_at,
            signature: mirror.signature.to_owned(),
            endpoint: mirror.endpoint.map(str::to_owned),
            body: mirror.body.0.to_vec(),
        })
    }
}
