//! Posts single events, signed as Stripe signs them, for runs that need no shop.

use std::time::Duration;

use serde_json::{Value, json};

use crate::chaos::cluster::WEBHOOK_SECRET;
use crate::{clock, signature};

const ATTEMPT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    agent: ureq::Agent,
    url: String,
}

impl Webhook {
    pub(crate) fn of(url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ATTEMPT))
            .max_redirects(0)
            .max_idle_connections_per_host(1)
            .build()
            .new_agent();
        Self {
            agent,
            url: url.to_owned(),
        }
    }

    /// Whether it was taken.
    pub(crate) fn post(&self, event: &Value) -> bool {
        let body = event.to_string();
        let signature = signature::header(WEBHOOK_SECRET, clock::now_s(), body.as_bytes());
        let answer = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json; charset=utf-8")
            .header("Stripe-Signature", signature)
            .send(body.as_bytes());
        answer.is_ok_and(|mut answer| {
            // Read to its end, else the connection cannot be used again.
            let read = answer.body_mut().read_to_vec();
            answer.status() == 200 && read.is_ok()
        })
    }
}

/// A payment `id` of `order`, told by `kind`.
pub(crate) fn payment(order: &str, id: &str, kind: &str, amount: i64) -> Value {
    let succeeded = kind == "payment_intent.succeeded";
    json!({
        "id": format!("evt_{id}"), "object": "event", "api_version": "2026-07-29.dahlia",
        "livemode": false, "pending_webhooks": 1, "created": clock::now_s(), "type": kind,
        "data": {"object": {
            "id": id, "object": "payment_intent", "amount": amount, "currency": "eur",
            "amount_received": if succeeded { amount } else { 0 },
            "status": if succeeded { "succeeded" } else { "requires_payment_method" },
            "metadata": {"order_id": order},
        }},
    })
}
