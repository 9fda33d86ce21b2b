//! From what the machine says to records: framed, signed for the topic and key they go to.

use trueup_domain::event::{ClaimedTwiceFacts, Event, LinkedFacts, UnixMillis, UnlinkedFacts};
use trueup_domain::ids::{InvalidId, OrderId};
use trueup_domain::internal::{self, pseudo_order};
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::records::{DeadLetter, PaymentEvent, PaymentLink, Record, Source};
use trueup_schemas::seal::SigningKeys;

use crate::machine::Said;

/// The topics that the linker writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    Events,
    Links,
    DeadLetters,
}

/// One record on its way to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub lane: Lane,
    pub key: Vec<u8>,
    /// Framed.
    pub value: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
    pub timestamp: UnixMillis,
}

/// How records are written.
#[derive(Debug, Clone)]
pub struct Scribe {
    pub codec: Codec,
    pub keys: SigningKeys,
    /// Full topic names: signatures name them.
    pub events_topic: String,
    pub links_topic: String,
    /// `--unlinked-age`.
    pub unlinked_age_ms: i64,
}

impl Scribe {
    /// # Errors
    /// [`InvalidId`] for an object whose id leaves no room in a pseudo-order's.
    pub fn record(&self, said: &Said) -> Result<Outgoing, InvalidId> {
        Ok(match said {
            Said::Forward { order, parked } => {
                self.event(order.as_str(), &parked.event, parked.trace.as_deref())
            }
            Said::Teach {
                object,
                order,
                learned_from,
                at,
            } => {
                let link = PaymentLink {
                    object_id: object.clone(),
                    order_id: order.clone(),
                    learned_from: learned_from.clone(),
                };
                let told = vec![(headers::EVENT_ID, learned_from.clone())];
                self.sealed(Lane::Links, object.as_str(), &link, told, *at)
            }
            Said::Unlinked {
                object,
                success,
                since,
            } => {
                let facts = UnlinkedFacts {
                    id: object.clone(),
                    success: *success,
                    since: *since,
                };
                let due = since.saturating_add(self.unlinked_age_ms);
                self.internal(&pseudo_order(object)?, internal::unlinked(facts)?, due)
            }
            Said::Linked { object, order, at } => {
                let facts = LinkedFacts {
                    id: object.clone(),
                    order: order.clone(),
                };
                let event = internal::linked(facts, at.div_euclid(1000))?;
                self.internal(&pseudo_order(object)?, event, *at)
            }
            Said::ClaimedTwice {
                order,
                other,
                payment,
                at,
            } => {
                let facts = ClaimedTwiceFacts {
                    payment: payment.clone(),
                    other: other.clone(),
                };
                let event = internal::claimed_twice(order, facts, at.div_euclid(1000))?;
                self.internal(order, event, *at)
            }
        })
    }

    /// Under the position of the refused record: refused twice, it is one letter.
    #[must_use]
    pub fn letter(&self, letter: &DeadLetter) -> Outgoing {
        let DeadLetter {
            topic,
            partition,
            offset,
            ..
        } = letter;
        Outgoing {
            lane: Lane::DeadLetters,
            key: format!("{topic}/{partition}/{offset}").into_bytes(),
            value: self.codec.encode(letter),
            headers: Vec::new(),
            timestamp: letter.first_seen,
        }
    }

    fn internal(&self, order: &OrderId, event: Event, at: UnixMillis) -> Outgoing {
        let event = PaymentEvent {
            event,
            account: None,
            source: Source::Linker,
            received_at: at,
            // There is no body: nobody outside said this.
            body_sha256: [0; 32],
        };
        self.event(order.as_str(), &event, None)
    }

    /// Source and time of receipt stay what they were: the order is all that was missing.
    fn event(&self, key: &str, event: &PaymentEvent, trace: Option<&str>) -> Outgoing {
        let mut told = vec![
            (headers::EVENT_ID, event.event.id.to_string()),
            (headers::EVENT_TYPE, event.event.kind.as_str().to_owned()),
        ];
        told.extend(trace.map(|trace| (headers::TRACEPARENT, trace.to_owned())));
        self.sealed(Lane::Events, key, event, told, event.received_at)
    }

    fn sealed<R: Record>(
        &self,
        lane: Lane,
        key: &str,
        record: &R,
        mut told: Vec<(&'static str, String)>,
        timestamp: UnixMillis,
    ) -> Outgoing {
        let topic = match lane {
            Lane::Links => &self.links_topic,
            Lane::Events | Lane::DeadLetters => &self.events_topic,
        };
        let datum = record.encode_datum();
        let seal = self.keys.seal(topic, key.as_bytes(), &datum);
        told.push((headers::KEY_ID, seal.key_id.to_owned()));
        told.push((headers::SIGNATURE, seal.signature));
        Outgoing {
            lane,
            key: key.as_bytes().to_vec(),
            value: self.codec.frame::<R>(&datum),
            headers: told,
            timestamp,
        }
    }
}
