//! What was fetched goes the way of what was delivered: the same facts, the same records, the same
//! seals; and it counts as written only when the broker acknowledged all of it.

use std::time::Duration;

use bytes::Bytes;
use trueup_domain::ids::{EventId, OrderId};
use trueup_schemas::records::Source;

use crate::entries::{Delivery, Scribe};
use crate::envelope::BodyFault;
use crate::metrics;
use crate::normalise::{Normalised, Notice};
use crate::publish::{Acknowledged, PublishFault, Publisher};
use crate::settings::Clock;
use crate::signature::Verified;
use crate::trace::{self, Ids, Trace};

/// Writes fetched events.
#[derive(Debug)]
pub struct Feeder<P, C> {
    pub scribe: Scribe,
    pub publisher: P,
    pub clock: C,
    /// How long the broker may take to acknowledge.
    pub acknowledge: Duration,
}

/// Why a fetched event is not known to be in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedFault {
    #[error("what was fetched could not be written: {0}")]
    Publish(#[from] PublishFault),
    #[error("the broker did not acknowledge what was fetched within {} ms", limit.as_millis())]
    AcknowledgementTimeout { limit: Duration },
}

/// An event that was read and is written, or is of no use.
pub(crate) enum Taken {
    /// Of a type that is only counted.
    Ignored,
    /// On its way to the log.
    Queued(EventId, Acknowledged),
}

impl<P: Publisher, C: Clock> Feeder<P, C> {
    /// Reads the event in `body`, which came from Stripe's API itself, and queues its records.
    ///
    /// # Errors
    /// The outer fault is the log's; the inner one says what keeps the body from being an event.
    pub(crate) fn take(
        &self,
        body: Bytes,
        source: Source,
    ) -> Result<Result<Taken, BodyFault>, FeedFault> {
        let verified = Verified::by_origin(body);
        match read(&verified) {
            Ok(Some((event, account))) => self.queue(event, account, source).map(Ok),
            Ok(None) => Ok(Ok(Taken::Ignored)),
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn queue(
        &self,
        event: Normalised,
        account: Option<String>,
        source: Source,
    ) -> Result<Taken, FeedFault> {
        let id = event.event.id.clone();
        if event.order_ids_disagree {
            metrics::disagreement();
        }
        let (trace, received_at) = (Trace::fresh(), (self.clock)());
        let delivery = Delivery {
            source,
            received_at,
            account,
            // Nobody signed it: it was fetched.
            signature: "",
            endpoint: None,
            traceparent: &trace.header(),
        };
        let mut ids = Ids::default();
        ids.add("event.id", Some(&id));
        ids.add("event.type", Some(event.event.kind.as_str()));
        ids.add("order_id", event.order_id.as_ref().map(OrderId::as_str));
        ids.add("payment_intent_id", event.payment.as_ref());
        ids.add("checkout.session_id", event.session.as_ref());
        trace::fetched(&trace, source.as_str(), received_at, ids);
        tracing::debug!(event_id = %id, source = source.as_str(), "event fetched");
        let acknowledged = self
            .publisher
            .publish(self.scribe.entries(event, &delivery))?;
        Ok(Taken::Queued(id, acknowledged))
    }

    /// Waits until everything that was queued is acknowledged.
    ///
    /// # Errors
    /// One thing was not, or not in time.
    pub(crate) async fn settle(&self, queued: Vec<Acknowledged>) -> Result<(), FeedFault> {
        let all = async {
            for acknowledged in queued {
                acknowledged.await?;
            }
            Ok(())
        };
        let limit = self.acknowledge;
        tokio::time::timeout(limit, all)
            .await
            .unwrap_or(Err(FeedFault::AcknowledgementTimeout { limit }))
    }
}

/// The event and the account it came from; `None` for one that is only counted.
fn read(verified: &Verified) -> Result<Option<(Normalised, Option<String>)>, BodyFault> {
    let notice = Notice::read(verified)?;
    let account = notice.account.clone();
    Ok(notice.normalise()?.map(|event| (event, account)))
}
