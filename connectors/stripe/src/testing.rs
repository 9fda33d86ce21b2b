//! What the unit tests share: a log in memory, a clock that stands, counters that can be read,
//! and events with the fields of Stripe's own fixtures, signed as Stripe signs them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::{Value, json};
use tokio::sync::watch;
use trueup_domain::event::UnixMillis;
use trueup_schemas::codec::Codec;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

use crate::gateway::Gateway;
use crate::limit::RateLimit;
use crate::limits::GatewayLimits;
use crate::publish::{Acknowledged, Lane, Outgoing, PublishFault, Publisher};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::settings::{Endpoint, GatewaySettings};
use crate::sign::stripe_signature;

pub(crate) const NOW_MS: UnixMillis = 1_700_000_000_123;
pub(crate) const NOW_S: i64 = 1_700_000_000;
pub(crate) const SECRET: &str = "whsec_of_the_unnamed_endpoint";
pub(crate) const PREFIX: &str = "test.";
pub(crate) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How the log answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broker {
    Acknowledges,
    /// Does not take the records.
    Refuses(PublishFault),
    /// Takes them and then says no.
    Fails(PublishFault),
    /// Takes them and says nothing until [`MemoryLog::release`].
    Waits,
}

/// A log in memory; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct MemoryLog {
    broker: Broker,
    records: Arc<Mutex<Vec<Outgoing>>>,
    released: watch::Sender<bool>,
}

impl MemoryLog {
    pub(crate) fn new(broker: Broker) -> Self {
        Self {
            broker,
            records: Arc::default(),
            released: watch::Sender::new(false),
        }
    }

    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    pub(crate) fn records(&self) -> Vec<Outgoing> {
        let records = self.records.lock();
        records.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn lanes(&self) -> Vec<Lane> {
        self.records().iter().map(|record| record.lane).collect()
    }
}

impl Publisher for MemoryLog {
    fn publish(&self, records: Vec<Outgoing>) -> Result<Acknowledged, PublishFault> {
        if let Broker::Refuses(fault) = &self.broker {
            return Err(fault.clone());
        }
        let mut kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(records);
        let (broker, mut released) = (self.broker.clone(), self.released.subscribe());
        Ok(Box::pin(async move {
            match broker {
                Broker::Acknowledges => Ok(()),
                Broker::Refuses(fault) | Broker::Fails(fault) => Err(fault),
                Broker::Waits => {
                    let _ = released.wait_for(|released| *released).await;
                    Ok(())
                }
            }
        }))
    }
}

pub(crate) type TestGateway = Gateway<MemoryLog, fn() -> UnixMillis>;

fn standing_clock() -> UnixMillis {
    NOW_MS
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

pub(crate) fn keys() -> SigningKeys {
    SigningKeys::parse("test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap()
}

/// The unnamed endpoint, with no limits to what it takes.
pub(crate) fn unnamed() -> Endpoint {
    Endpoint {
        name: None,
        secrets: vec![secret(SECRET)],
        livemode: None,
        account: None,
    }
}

pub(crate) fn settings() -> GatewaySettings {
    GatewaySettings {
        endpoints: vec![unnamed()],
        topics: Topics::new(PREFIX),
        codec: Codec::SingleObject,
        keys: keys(),
        kafka: Vec::new(),
        limits: GatewayLimits::default(),
        rate: RateLimit::default(),
        trusted_proxies: Vec::new(),
        ready: None,
    }
}

pub(crate) fn gateway(settings: GatewaySettings, log: &MemoryLog) -> TestGateway {
    Gateway::new(settings, log.clone(), standing_clock)
}

/// An object of Stripe's fixtures with the fields of `own` put in; an own null stays null.
pub(crate) fn fixture(name: &str, own: Value) -> Value {
    let text = match name {
        "payment_intent" => include_str!("../../../load-tests/fixtures/payment_intent.json"),
        "checkout_session" => include_str!("../../../load-tests/fixtures/checkout_session.json"),
        "charge" => include_str!("../../../load-tests/fixtures/charge.json"),
        "refund" => include_str!("../../../load-tests/fixtures/refund.json"),
        "dispute" => include_str!("../../../load-tests/fixtures/dispute.json"),
        other => panic!("there is no fixture `{other}`"),
    };
    let mut object: Value = serde_json::from_str(text).unwrap();
    let Value::Object(own) = own else {
        panic!("own fields are an object")
    };
    object.as_object_mut().unwrap().extend(own);
    object
}

/// An event as Stripe sends it, with the id `evt_1`.
pub(crate) fn event(event_type: &str, object: Value) -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2026-07-29.dahlia",
        "created": NOW_S - 5, "livemode": false, "pending_webhooks": 1,
        "request": {"id": "req_1", "idempotency_key": null},
        "type": event_type, "data": {"object": object},
    })
}

/// A success of 10.99 USD that names its order.
pub(crate) fn success() -> Value {
    let own = json!({"amount_received": 1099, "metadata": {"order_id": "order-1"}});
    event("payment_intent.succeeded", fixture("payment_intent", own))
}

/// A delivery of `body` to the unnamed endpoint, signed now.
pub(crate) fn signed(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let body = body.into();
    let signature = stripe_signature(&secret(SECRET), NOW_S, &body);
    with_signature(&signature, body)
}

pub(crate) fn with_signature(signature: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/webhooks/stripe")
        .header("stripe-signature", signature)
        .body(Full::new(body.into()))
        .unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    headers: BTreeMap<String, String>,
}

impl Answer {
    pub(crate) async fn of(reply: Reply) -> Self {
        let (head, body) = reply.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = head.headers.iter();
        Self {
            status: head.status.as_u16(),
            body: serde_json::from_slice(&body).unwrap(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

pub(crate) async fn ask(gateway: &TestGateway, request: Request<Full<Bytes>>) -> Answer {
    Answer::of(gateway.answer(request, PEER).await).await
}

/// Counters that can be read, by name and labels: `name{label="value"}`.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Counters {
    /// What was counted while `body` ran, gauges and histograms left out.
    pub(crate) fn during(body: impl FnOnce()) -> BTreeMap<String, u64> {
        let counters = Self::default();
        metrics::with_local_recorder(&counters, body);
        let counted = counters.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |(name, count): (&String, &Arc<AtomicU64>)| {
            (name.clone(), count.load(Ordering::Relaxed))
        };
        counted.iter().map(count).collect()
    }
}

impl metrics::Recorder for Counters {
    fn describe_counter(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn describe_gauge(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={:?}", label.key(), label.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        metrics::Counter::from_arc(Arc::clone(counters.entry(name).or_default()))
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(
        &self,
        _: &metrics::Key,
        _: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        metrics::Histogram::noop()
    }
}
