//! Which path answers what, and which needs the token.

use std::sync::Arc;

use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, StatusCode};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::health::{HealthBoard, Report};
use super::reply::{self, Reply};
use super::{limits, path};
use crate::lookup::{Lookup, LookupFault};

/// What the ops listener serves.
#[derive(Debug)]
pub struct Ops {
    pub metrics: PrometheusHandle,
    pub health: HealthBoard,
    pub info: Value,
    pub token: Option<Token>,
    /// Absent where the process has no store to ask.
    pub lookup: Option<Arc<Lookup>>,
    permits: Semaphore,
}

/// The bearer token; never shown.
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    pub fn new(token: String) -> Self {
        Self(token)
    }

    fn opens(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(AUTHORIZATION)
            .map(|value| value.as_bytes())
            .unwrap_or_default();
        let Some((scheme, token)) = given.split_at_checked("Bearer ".len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.ct_eq(self.0.as_bytes()))
    }
}

impl Ops {
    pub fn new(
        metrics: PrometheusHandle,
        health: HealthBoard,
        command: &str,
        instance: Option<&str>,
    ) -> Self {
        let info = json!({
            "app": {"name": "trueup", "version": env!("CARGO_PKG_VERSION")},
            "command": command,
            "instance_id": instance,
            "pid": std::process::id(),
        });
        Self {
            metrics,
            health,
            info,
            token: None,
            lookup: None,
            permits: Semaphore::new(limits::MAX_LOOKUPS),
        }
    }

    /// Answers one request.
    pub async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Reply {
        if method != Method::GET && method != Method::HEAD {
            return reply::method_not_allowed();
        }
        match path {
            "/metrics" | "/actuator/prometheus" => return reply::metrics(self.metrics.render()),
            "/actuator/health" => return self.report(&self.health.health()),
            "/actuator/health/readiness" => return self.report(&self.health.readiness()),
            "/actuator/health/liveness" => {
                return reply::json(StatusCode::OK, &json!({"status": "UP"}));
            }
            _ => {}
        }
        if self
            .token
            .as_ref()
            .is_some_and(|token| !token.opens(headers))
        {
            return reply::unauthorized();
        }
        if path == "/actuator/info" {
            return reply::json(StatusCode::OK, &self.info);
        }
        if let Some(id) = path.strip_prefix("/api/v1/orders/") {
            return self.look(id, "order", Lookup::order).await;
        }
        if let Some(id) = path.strip_prefix("/api/v1/events/") {
            return self.look(id, "event", Lookup::event).await;
        }
        reply::error(
            StatusCode::NOT_FOUND,
            "not_found",
            "nothing is served under this path",
        )
    }

    fn report(&self, report: &Report) -> Reply {
        let status = if report.good {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        reply::json(status, report)
    }

    async fn look<T: Serialize + Send + 'static>(
        &self,
        segment: &str,
        what: &'static str,
        find: fn(&Lookup, &str) -> Result<Option<T>, LookupFault>,
    ) -> Reply {
        let Some(lookup) = self.lookup.clone() else {
            let message = "this process has no store to ask; ask a `trueup process`";
            return reply::error(StatusCode::NOT_FOUND, "not_served", message);
        };
        let Some(id) = path::decode(segment).filter(|id| !id.is_empty() && !segment.contains('/'))
        else {
            return reply::error(StatusCode::NOT_FOUND, "not_found", "the path names no id");
        };
        let Ok(_permit) = self.permits.try_acquire() else {
            let message = "too many look-ups at once; try again";
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
        };
        match tokio::task::spawn_blocking(move || find(&lookup, &id)).await {
            Ok(Ok(Some(found))) => reply::json(StatusCode::OK, &found),
            Ok(Ok(None)) => {
                let message = format!("no such {what} is known");
                reply::error(StatusCode::NOT_FOUND, "not_found", &message)
            }
            Ok(Err(fault)) => {
                tracing::warn!(%fault, what, "a look-up failed");
                reply::error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    &fault.to_string(),
                )
            }
            Err(_) => {
                let message = "the look-up ended early; see the log";
                reply::error(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
            }
        }
    }
}
