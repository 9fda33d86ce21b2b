//! One shop: topics of its own on a Kafka, a gateway that writes them, and the client that posts
//! to it as Stripe would.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use trueup_stripe::secret::Secret;
use trueup_stripe::stripe_signature;
use trueup_testkit::{
    Launch, TopicRecord, Trueup, WEBHOOK_SECRET, committed_records, topic_prefix,
};

pub(crate) const PARTITIONS: i32 = 12;
/// Longer than anything here takes, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway at work and where it writes.
pub(crate) struct Shop {
    pub(crate) kafka: String,
    pub(crate) prefix: String,
    pub(crate) process: Trueup,
    http: String,
    ops: String,
}

/// What came back for one delivery.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Shop {
    /// Makes the topics with `trueup topics apply` and starts `trueup ingest`.
    pub(crate) fn open(kafka: &str, name: &str) -> Self {
        Self::open_with(kafka, name, |launch| launch)
    }

    pub(crate) fn open_with(kafka: &str, name: &str, set: impl FnOnce(Launch) -> Launch) -> Self {
        let prefix = topic_prefix(name);
        let place = ["--kafka", kafka, "--topic-prefix", &prefix];
        let partitions = PARTITIONS.to_string();
        let applied = Launch::of(env!("CARGO_BIN_EXE_trueup"))
            .args(["topics", "apply", "--partitions", &partitions])
            .args(place)
            .output();
        assert!(applied.status.success(), "{applied:?}");
        let launch = Launch::of(env!("CARGO_BIN_EXE_trueup"))
            .args(["ingest", "--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"])
            .args(place)
            .secrets();
        let mut process = set(launch).start().unwrap();
        let ready = process.ready(PATIENCE);
        Self {
            kafka: kafka.to_owned(),
            prefix,
            process,
            http: ready.http.unwrap(),
            ops: ready.ops.unwrap(),
        }
    }

    /// Posts `body` with the signature that Stripe would make now.
    pub(crate) fn post(&self, body: &[u8]) -> Answer {
        self.post_to("/webhooks/stripe", &signature(WEBHOOK_SECRET, body), body)
    }

    pub(crate) fn post_to(&self, path: &str, signature: &str, body: &[u8]) -> Answer {
        let request = agent()
            .post(format!("http://{}{path}", self.http))
            .header("stripe-signature", signature)
            .header("traceparent", TRACE)
            .header("content-type", "application/json; charset=utf-8");
        let response = request.send(body).unwrap();
        let retry_after = response.headers().get("retry-after");
        Answer {
            status: response.status().as_u16(),
            retry_after: retry_after.map(|value| value.to_str().unwrap().parse().unwrap()),
            body: serde_json::from_slice(&response.into_body().read_to_vec().unwrap()).unwrap(),
        }
    }

    /// The sum of a counter's series that have all of `labels`; 0 where there is none.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let response = agent().get(format!("http://{}/metrics", self.ops)).call();
        let text = response.unwrap().into_body().read_to_string().unwrap();
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        let lines = text.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            let named = rest.is_some_and(|rest| rest.starts_with(['{', ' ']));
            named && labels.iter().all(|label| line.contains(label))
        });
        let value = |line: &str| line.rsplit(' ').next().map(|value| value.parse::<u64>());
        lines.map(|line| value(line).unwrap().unwrap()).sum()
    }

    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Everything in the topic `name`.
    pub(crate) fn records(&self, name: &str) -> Vec<TopicRecord> {
        committed_records(&self.kafka, &self.topic(name), PATIENCE)
    }
}

pub(crate) const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE));
    config.build().into()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one clock of these tests: signatures are dated"
)]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

pub(crate) fn now_s() -> i64 {
    now_ms() / 1000
}

pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    stripe_signature(&Secret::new(secret).unwrap(), now_s(), body)
}

/// A success of 10.99 USD with the fields of Stripe's own fixture; without an order when `None`.
pub(crate) fn success(event_id: &str, payment: &str, order_id: Option<&str>) -> Value {
    let text = include_str!("../../load-tests/fixtures/payment_intent.json");
    let mut object: Value = serde_json::from_str(text).unwrap();
    object["id"] = json!(payment);
    object["amount_received"] = json!(1099);
    object["client_secret"] = json!(format!("{payment}_secret_xyzzy"));
    if let Some(order_id) = order_id {
        object["metadata"] = json!({"order_id": order_id});
    }
    json!({
        "id": event_id, "object": "event", "api_version": "2026-07-29.dahlia",
        "created": now_s() - 5, "livemode": false, "pending_webhooks": 1,
        "request": {"id": "req_1", "idempotency_key": null},
        "type": "payment_intent.succeeded", "data": {"object": object},
    })
}

/// The event ids in the header of `records`, each as often as it is there.
pub(crate) fn event_ids(records: &[TopicRecord]) -> Vec<String> {
    let id = |record: &TopicRecord| String::from_utf8(record.header("event-id").unwrap().to_vec());
    let mut ids: Vec<String> = records.iter().map(|record| id(record).unwrap()).collect();
    ids.sort();
    ids
}
