//! The records that one accepted event gives rise to: the event (or the unlinked event), its
//! body, and a link for each object whose order it teaches. Events and links are sealed.

use trueup_domain::event::UnixMillis;
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::records::{EventBody, PaymentEvent, PaymentLink, Record, Source};
use trueup_schemas::seal::SigningKeys;

use crate::normalise::Normalised;
use crate::publish::{Lane, LaneNames, Outgoing};

/// How records are written.
#[derive(Debug, Clone)]
pub struct Scribe {
    pub names: LaneNames,
    pub codec: Codec,
    pub keys: SigningKeys,
}

/// What the records say of the delivery.
#[derive(Debug)]
pub struct Delivery<'a> {
    pub source: Source,
    pub received_at: UnixMillis,
    pub account: Option<String>,
    /// The `Stripe-Signature` header as it came.
    pub signature: &'a str,
    pub endpoint: Option<&'a str>,
    pub traceparent: &'a str,
}

impl Scribe {
    /// The records of `normalised`; the answer may be yes only once all of them are acknowledged.
    #[must_use]
    pub fn entries(&self, normalised: Normalised, delivery: &Delivery<'_>) -> Vec<Outgoing> {
        let event_id = normalised.event.id.as_str().to_owned();
        let event_type = normalised.event.kind.as_str();
        let plain = vec![
            (headers::EVENT_ID, event_id.clone()),
            (headers::EVENT_TYPE, event_type.to_owned()),
            (headers::TRACEPARENT, delivery.traceparent.to_owned()),
        ];
        let mut entries = Vec::with_capacity(5);
        if let Some(order_id) = &normalised.order_id {
            for object_id in normalised.objects() {
                let link = PaymentLink {
                    object_id: object_id.clone(),
                    order_id: order_id.clone(),
                    learned_from: event_id.clone(),
                };
                let key = object_id.as_str().as_bytes().to_vec();
                entries.push(self.sealed(Lane::Links, key, &link, &plain, delivery.received_at));
            }
        }
        let (lane, key) = match &normalised.order_id {
            Some(order_id) => (Lane::Events, order_id.as_str()),
            None => (Lane::Unlinked, normalised.unlinked_key().as_str()),
        };
        let key = key.as_bytes().to_vec();
        let body = EventBody {
            event_id: event_id.clone(),
            event_type: event_type.to_owned(),
            order_id: normalised
                .order_id
                .as_ref()
                .map(|id| id.as_str().to_owned()),
            source: delivery.source,
            received_at: delivery.received_at,
            signature: delivery.signature.to_owned(),
            endpoint: delivery.endpoint.map(str::to_owned),
            body: normalised.body.to_vec(),
        };
        let event = PaymentEvent {
            event: normalised.event,
            account: delivery.account.clone(),
            source: delivery.source,
            received_at: delivery.received_at,
            body_sha256: normalised.body_sha256,
        };
        entries.push(self.sealed(lane, key, &event, &plain, delivery.received_at));
        entries.push(Outgoing {
            lane: Lane::Bodies,
            key: event_id.into_bytes(),
            value: self.codec.encode(&body),
            headers: plain,
            timestamp: delivery.received_at,
        });
        entries
    }

    fn sealed<R: Record>(
        &self,
        lane: Lane,
        key: Vec<u8>,
        record: &R,
        plain: &[(&'static str, String)],
        timestamp: UnixMillis,
    ) -> Outgoing {
        let datum = record.encode_datum();
        let seal = self.keys.seal(self.names.of(lane), &key, &datum);
        let mut headers = Vec::with_capacity(plain.len().saturating_add(2));
        headers.extend_from_slice(plain);
        headers.push((headers::KEY_ID, seal.key_id.to_owned()));
        headers.push((headers::SIGNATURE, seal.signature));
        Outgoing {
            lane,
            key,
            value: self.codec.frame::<R>(&datum),
            headers,
            timestamp,
        }
    }
}
