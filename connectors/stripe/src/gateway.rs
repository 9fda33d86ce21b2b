//! What happens to one request, from its head to its answer. The steps are the list in
//! [`Gateway::accept`]: size is judged before the signature, the signature before anything is
//! parsed, and yes is said only when every record is acknowledged.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{HeaderMap, HeaderName};
use hyper::{Method, Request};
use tokio::time::Instant;
use trueup_domain::ids::{EventId, OrderId};
use trueup_plants::{Plant, planted};
use trueup_schemas::headers::TRACEPARENT;
use trueup_schemas::records::Source;

use crate::address;
use crate::body::{self, BodyBudget};
use crate::entries::{Delivery, Scribe};
use crate::in_flight::InFlight;
use crate::limit::{AddressLimit, EndpointLimit};
use crate::limits::GatewayLimits;
use crate::metrics;
use crate::normalise::{Normalised, Notice};
use crate::publish::{LaneNames, Publisher};
use crate::refusal::Refusal;
use crate::reply::{self, Reply};
use crate::settings::{Clock, Endpoint, GatewaySettings};
use crate::signature::{SignatureFault, Verified};
use crate::trace::{self, Answered, Ids, Trace};

const PATH: &str = "/webhooks/stripe";
const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("stripe-signature");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The gateway without its sockets.
#[derive(Debug)]
pub(crate) struct Gateway<P, C> {
    endpoints: HashMap<Option<String>, (Endpoint, EndpointLimit)>,
    addresses: AddressLimit,
    trusted_proxies: Vec<address::Cidr>,
    scribe: Scribe,
    bodies: BodyBudget,
    limits: GatewayLimits,
    pub(crate) in_flight: InFlight,
    pub(crate) publisher: P,
    clock: C,
}

/// What became known of a delivery on its way, for metrics and logs.
#[derive(Debug, Default)]
struct Seen {
    /// The path and the method were right.
    delivery: bool,
    body_unread: bool,
    event_type: Option<String>,
    event_id: Option<EventId>,
    trace: Option<Trace>,
    ids: Ids,
}

impl<P: Publisher, C: Clock> Gateway<P, C> {
    pub(crate) fn new(settings: GatewaySettings, publisher: P, clock: C) -> Self {
        let rate = settings.rate;
        let with_limit = |endpoint: Endpoint| {
            (
                endpoint.name.clone(),
                (endpoint, EndpointLimit::new(rate.per_endpoint)),
            )
        };
        Self {
            endpoints: settings.endpoints.into_iter().map(with_limit).collect(),
            addresses: AddressLimit::new(rate.per_address),
            trusted_proxies: settings.trusted_proxies,
            scribe: Scribe {
                names: LaneNames::new(&settings.topics),
                codec: settings.codec,
                keys: settings.keys,
            },
            bodies: BodyBudget::new(settings.limits.body_bytes),
            limits: settings.limits,
            in_flight: InFlight::default(),
            publisher,
            clock,
        }
    }

    pub(crate) fn limits(&self) -> &GatewayLimits {
        &self.limits
    }

    /// Answers one request; never fails.
    pub(crate) async fn answer<B>(&self, request: Request<B>, peer: IpAddr) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (started, received_at) = (Instant::now(), (self.clock)());
        let _in_flight = self.in_flight.enter();
        let mut seen = Seen {
            body_unread: !request.body().is_end_stream(),
            ..Seen::default()
        };
        let result = self.accept(request, peer, started, &mut seen).await;
        let reply = match &result {
            Ok(event_id) => reply::received(event_id.as_str()),
            Err(refusal) => {
                note_refusal(refusal, &seen, peer);
                let reply = reply::refused(refusal);
                let closes = seen.body_unread || *refusal == Refusal::Draining;
                if closes { reply::closing(reply) } else { reply }
            }
        };
        let elapsed = started.elapsed();
        metrics::answered(reply.status().as_u16(), elapsed);
        if seen.delivery {
            let label = metrics::type_label(seen.event_type.as_deref());
            metrics::delivered(label, result.is_err(), elapsed);
            let answered = Answered {
                received_at,
                took: elapsed,
                status: reply.status().as_u16(),
                refusal: result.as_ref().err(),
                ids: seen.ids,
            };
            trace::answered(seen.trace.as_ref(), answered);
        }
        reply
    }

    async fn accept<B>(
        &self,
        request: Request<B>,
        peer: IpAddr,
        started: Instant,
        seen: &mut Seen,
    ) -> Result<EventId, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (endpoint, bucket) = self.endpoint(request.uri().path())?;
        if request.method() != Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        seen.delivery = true;
        if self.in_flight.is_draining() {
            return Err(Refusal::Draining);
        }
        let (head, body) = request.into_parts();
        self.take_tokens(bucket, peer, &head.headers)?;
        let (body, _held) = body::read(body, &self.bodies, self.limits.body_read).await?;
        seen.body_unread = false;

        let received_at = (self.clock)();
        let signature = signature(&head.headers)?;
        let now_s = received_at.div_euclid(1000);
        let verified =
            Verified::by_signature(signature.as_bytes(), &endpoint.secrets, body, now_s)?;
        let notice = Notice::read(&verified)?;
        seen.event_type = Some(notice.event_type.clone());
        seen.event_id = Some(notice.id.clone());
        seen.ids.add("event.id", Some(&notice.id));
        seen.ids.add("event.type", Some(&notice.event_type));
        let traceparent = head.headers.get(TRACEPARENT).map(|value| value.as_bytes());
        let trace = &*seen.trace.insert(Trace::of(traceparent));
        is_meant_for(endpoint, &notice)?;
        if notice.api_version.is_none() {
            metrics::no_api_version();
        }
        let (event_id, account) = (notice.id.clone(), notice.account.clone());
        let Some(normalised) = notice.normalise()? else {
            tracing::debug!(event_id = %event_id, "event counted, not used");
            return Ok(event_id);
        };
        seen.ids.add(
            "order_id",
            normalised.order_id.as_ref().map(OrderId::as_str),
        );
        seen.ids
            .add("payment_intent_id", normalised.payment.as_ref());
        seen.ids
            .add("checkout.session_id", normalised.session.as_ref());
        let delivery = Delivery {
            source: Source::Webhook,
            received_at,
            account,
            signature,
            endpoint: endpoint.name.as_deref(),
            traceparent: &trace.header(),
        };
        note_accepting(&normalised, &delivery);
        self.publish(normalised, &delivery, started).await?;
        Ok(event_id)
    }

    /// The endpoint at `path`; a trailing slash is another path.
    fn endpoint(&self, path: &str) -> Result<(&Endpoint, &EndpointLimit), Refusal> {
        let rest = path.strip_prefix(PATH).ok_or(Refusal::NotFound)?;
        let name = if rest.is_empty() {
            None
        } else {
            let name = rest.strip_prefix('/').filter(|name| !name.is_empty());
            Some(name.ok_or(Refusal::NotFound)?.to_owned())
        };
        let found = self.endpoints.get(&name).ok_or(Refusal::NotFound)?;
        Ok((&found.0, &found.1))
    }

    fn take_tokens(
        &self,
        bucket: &EndpointLimit,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let forwarded = headers.get_all(FORWARDED_FOR);
        let forwarded = forwarded.iter().map(|value| value.as_bytes());
        let client = address::client(peer, &self.trusted_proxies, forwarded);
        let taken = self.addresses.take(client).and_then(|()| bucket.take());
        taken.map_err(|wait| Refusal::RateLimited {
            retry_after_s: whole_seconds(wait),
        })
    }

    /// Hands the records over and waits for every acknowledgement, up to the answer's deadline.
    async fn publish(
        &self,
        normalised: Normalised,
        delivery: &Delivery<'_>,
        started: Instant,
    ) -> Result<(), Refusal> {
        let acknowledged = self
            .publisher
            .publish(self.scribe.entries(normalised, delivery))?;
        if planted(Plant::YesBeforeAck) {
            return Ok(());
        }
        let deadline = started.checked_add(self.limits.answer).unwrap_or(started);
        match tokio::time::timeout_at(deadline, acknowledged).await {
            Ok(outcome) => Ok(outcome?),
            Err(_elapsed) => Err(Refusal::AcknowledgementTimeout),
        }
    }
}

fn signature(headers: &HeaderMap) -> Result<&str, SignatureFault> {
    let mut values = headers.get_all(SIGNATURE_HEADER).iter();
    let first = values.next().ok_or(SignatureFault::Missing)?;
    if values.next().is_some() {
        return Err(SignatureFault::Repeated);
    }
    first.to_str().map_err(|_| SignatureFault::Malformed)
}

fn is_meant_for(endpoint: &Endpoint, notice: &Notice<'_>) -> Result<(), Refusal> {
    if endpoint.livemode.is_some() && endpoint.livemode != notice.livemode {
        return Err(Refusal::WrongLivemode);
    }
    if endpoint.account.is_some() && endpoint.account != notice.account {
        return Err(Refusal::WrongAccount);
    }
    Ok(())
}

/// Rounded up: a client that waits this long finds a token.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(1)
}

fn note_accepting(normalised: &Normalised, delivery: &Delivery<'_>) {
    let text = |id: &Option<trueup_domain::ids::ObjectId>| id.as_ref().map(ToString::to_string);
    tracing::info!(
        event_id = %normalised.event.id,
        event_type = normalised.event.kind.as_str(),
        order_id = normalised.order_id.as_ref().map(|id| id.as_str()),
        payment_intent_id = text(&normalised.payment),
        session_id = text(&normalised.session),
        endpoint = delivery.endpoint,
        traceparent = delivery.traceparent,
        "event received",
    );
    if normalised.order_ids_disagree {
        metrics::disagreement();
        tracing::warn!(event_id = %normalised.event.id, "the event names two orders");
    }
}

fn note_refusal(refusal: &Refusal, seen: &Seen, peer: IpAddr) {
    metrics::refused(refusal);
    let code = refusal.code();
    let (event_id, event_type) = (
        seen.event_id.as_ref().map(EventId::as_str),
        seen.event_type.as_deref(),
    );
    if refusal.alerts() {
        tracing::error!(%peer, code, event_id, event_type, "{refusal}");
    } else if refusal.status().is_server_error() {
        tracing::warn!(%peer, code, event_id, event_type, "{refusal}");
    } else {
        tracing::info!(%peer, code, event_id, event_type, "{refusal}");
    }
}

#[cfg(test)]
#[path = "gateway_tests.rs"]
mod tests;
