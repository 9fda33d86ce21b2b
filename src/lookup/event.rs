//! One event: where it lies, what it says, whether its signature holds, and its body.

use sha2::{Digest, Sha256};
use trueup_domain::event::UnixMillis;
use trueup_domain::ids::EventId;
use trueup_schemas::headers;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{EventBody, PaymentEvent};

use super::answer::{self, EventAnswer, Position, rfc3339};
use super::log::{Record, Scan, Start};
use super::{Lookup, LookupFault, limits};

impl Lookup {
    /// The event's position, facts and body; `None` when the store's index knows no such event.
    ///
    /// # Errors
    /// [`LookupFault`] when the store or the log could not be read.
    pub fn event(&self, id: &str) -> Result<Option<EventAnswer>, LookupFault> {
        let Ok(event_id) = EventId::try_from(id) else {
            return Ok(None);
        };
        let Some(indexed) = self.store.find_event(&event_id)? else {
            return Ok(None);
        };
        let topic = self.topics.payments_events();
        let mut records = self
            .log
            .records_at(&topic, indexed.partition, &[indexed.offset])?;
        let record = records.remove(&indexed.offset);
        let payment = record
            .as_ref()
            .and_then(|record| record.value.as_deref())
            .and_then(|value| self.codec.decode::<PaymentEvent>(value).ok())
            .filter(|payment| payment.event.id == event_id);
        let received_at = payment
            .as_ref()
            .map_or(indexed.received_at, |payment| payment.received_at);
        let digest = payment.as_ref().map(|payment| payment.body_sha256);
        let body = self.body(id, received_at, digest)?;
        let signature_valid = record
            .as_ref()
            .zip(payment.as_ref())
            .and_then(|(record, payment)| self.is_signed(&topic, record, payment, body.as_deref()));
        Ok(Some(EventAnswer {
            event_id: id.to_owned(),
            event_type: payment
                .as_ref()
                .map(|payment| payment.event.kind.as_str().to_owned()),
            order_id: indexed.order_id.to_string(),
            position: Position {
                topic,
                partition: indexed.partition,
                offset: indexed.offset,
            },
            received_at: rfc3339(received_at),
            signature_valid,
            facts: payment
                .as_ref()
                .map(|payment| answer::facts(&payment.event)),
            body: body
                .as_deref()
                .and_then(|body| serde_json::from_slice(body).ok()),
        }))
    }

    /// Whether the connector signed just this record, and its digest is the body's.
    /// `None` without keys.
    fn is_signed(
        &self,
        topic: &str,
        record: &Record,
        payment: &PaymentEvent,
        body: Option<&[u8]>,
    ) -> Option<bool> {
        let keys = self.keys.as_ref()?;
        let sealed = record
            .value
            .as_deref()
            .and_then(|value| self.codec.unframe::<PaymentEvent>(value).ok())
            .zip(
                record
                    .header(headers::KEY_ID)
                    .zip(record.header(headers::SIGNATURE)),
            )
            .is_some_and(|(datum, (key_id, signature))| {
                keys.verify(key_id, signature, topic, &record.key, datum)
                    .is_ok()
            });
        Some(sealed && body.is_none_or(|body| digest(body) == payment.body_sha256))
    }

    /// The body of the delivery received then: by time, then by id, then by digest, since one
    /// event may have come several times.
    fn body(
        &self,
        id: &str,
        received_at: UnixMillis,
        wanted: Option<[u8; 32]>,
    ) -> Result<Option<Vec<u8>>, LookupFault> {
        let topic = self.topics.payments_bodies();
        let partition = partition_for(id.as_bytes(), self.log.partitions(&topic)?);
        let from = received_at.saturating_sub(limits::BODY_SPREAD_MS);
        let until = received_at.saturating_add(limits::BODY_SPREAD_MS);
        let mut found: Option<Vec<u8>> = None;
        self.log
            .scan(&topic, partition, Start::At(from), |record| {
                if record.key == id.as_bytes()
                    && let Some(Ok(held)) = record
                        .value
                        .as_deref()
                        .map(|value| self.codec.decode::<EventBody>(value))
                    && held.event_id == id
                {
                    let exact = wanted.is_some_and(|wanted| digest(&held.body) == wanted);
                    if exact || found.is_none() {
                        found = Some(held.body);
                    }
                    if exact {
                        return Scan::Done;
                    }
                }
                if record.timestamp.is_some_and(|at| at > until) {
                    Scan::Done
                } else {
                    Scan::On
                }
            })?;
        Ok(found)
    }
}

fn digest(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}
