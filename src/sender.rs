//! Posts events to a gateway as Stripe would: the bytes as they are, signed now.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use trueup_stripe::secret::Secret;
use trueup_stripe::sign::stripe_signature;

use crate::clock;

/// As long as Stripe waits, and a little.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(12);
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// What became of one event.
#[derive(Debug, Serialize)]
pub struct Delivery {
    pub source: String,
    pub id: Option<String>,
    /// `None` when nothing answered.
    pub status: Option<u16>,
    pub answer: Value,
}

impl Delivery {
    pub fn is_accepted(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// Why it was not accepted.
    pub fn reason(&self) -> &str {
        let said = match &self.answer {
            Value::String(fault) => Some(fault.as_str()),
            answer => answer.pointer("/error/message").and_then(Value::as_str),
        };
        said.unwrap_or("no reason given")
    }
}

pub struct Sender {
    agent: ureq::Agent,
    url: String,
    secret: Secret,
}

impl Sender {
    pub fn new(http: SocketAddr, secret: Secret) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build()
            .new_agent();
        Self {
            agent,
            url: format!("http://{http}/webhooks/stripe"),
            secret,
        }
    }

    pub fn post(&self, source: String, body: &[u8]) -> Delivery {
        let event: Option<Value> = serde_json::from_slice(body).ok();
        let id = event
            .as_ref()
            .and_then(|event| event.get("id"))
            .and_then(Value::as_str);
        let mut delivery = Delivery {
            source,
            id: id.map(str::to_owned),
            status: None,
            answer: Value::Null,
        };
        let signature = stripe_signature(&self.secret, clock::wall_clock() / 1_000, body);
        let answered = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", signature)
            .send(body);
        match answered {
            Ok(response) => {
                delivery.status = Some(response.status().as_u16());
                let mut text = Vec::new();
                let mut reader = response.into_body().into_reader().take(MAX_ANSWER_BYTES);
                if reader.read_to_end(&mut text).is_ok() {
                    delivery.answer = serde_json::from_slice(&text).unwrap_or(Value::Null);
                }
            }
            Err(fault) => delivery.answer = Value::String(fault.to_string()),
        }
        delivery
    }
}
