//! Which path answers what, and which needs the token.

use std::sync::{Arc, OnceLock};

use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, StatusCode, Uri};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::health::{HealthBoard, Report};
use super::reply::{self, Reply};
use super::{limits, path, query};
use crate::lookup::{Lookup, LookupFault};
use crate::summary::{Summary, SummaryFault};

/// What the ops listener serves.
#[derive(Debug)]
pub struct Ops {
    pub metrics: PrometheusHandle,
    pub health: HealthBoard,
    pub info: Value,
    pub token: Option<Token>,
    /// Absent where the process has no store to ask, empty until the store is reached.
    pub lookup: Option<Arc<OnceLock<Lookup>>>,
    /// Likewise.
    pub summary: Option<Arc<OnceLock<Summary>>>,
    permits: Semaphore,
}

/// What is served; of a look-up the id as the path has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route<'a> {
    Metrics,
    Health,
    Readiness,
    Liveness,
    Info,
    Page,
    Order(&'a str),
    Event(&'a str),
    Summary,
    Payment(&'a str),
    Gaps,
    Unknown,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        match path {
            "/metrics" | "/actuator/prometheus" => Self::Metrics,
            "/actuator/health" => Self::Health,
            "/actuator/health/readiness" => Self::Readiness,
            "/actuator/health/liveness" => Self::Liveness,
            "/actuator/info" => Self::Info,
            "/" => Self::Page,
            "/api/v1/summary" => Self::Summary,
            "/api/v1/gaps" => Self::Gaps,
            _ => {
                let order = path.strip_prefix("/api/v1/orders/").map(Self::Order);
                order
                    .or_else(|| path.strip_prefix("/api/v1/events/").map(Self::Event))
                    .or_else(|| path.strip_prefix("/api/v1/payments/").map(Self::Payment))
                    .unwrap_or(Self::Unknown)
            }
        }
    }

    /// Whether scrapers and probes may ask without the token.
    fn is_public(self) -> bool {
        match self {
            Self::Metrics | Self::Health | Self::Readiness | Self::Liveness => true,
            Self::Info
            | Self::Page
            | Self::Order(_)
            | Self::Event(_)
            | Self::Summary
            | Self::Payment(_)
            | Self::Gaps
            | Self::Unknown => false,
        }
    }
}

const PAGE: &str = include_str!("page.html");

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
            summary: None,
            permits: Semaphore::new(limits::MAX_LOOKUPS),
        }
    }

    /// Answers one request: first whether the path is served, then whether it is open to this
    /// client, then whether the method is right.
    pub async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Reply {
        let route = Route::of(uri.path());
        let locked = self
            .token
            .as_ref()
            .is_some_and(|token| !token.opens(headers));
        if locked && !route.is_public() {
            return reply::unauthorized();
        }
        let reads = method == Method::GET || method == Method::HEAD;
        if !reads && route != Route::Unknown {
            return reply::method_not_allowed();
        }
        match route {
            Route::Metrics => reply::metrics(self.metrics.render()),
            Route::Health => report(&self.health.health()),
            Route::Readiness => report(&self.health.readiness()),
            Route::Liveness => reply::json(StatusCode::OK, &json!({"status": "UP"})),
            Route::Info => reply::json(StatusCode::OK, &self.info),
            Route::Page => reply::page(PAGE),
            Route::Order(id) => self.look(id, "order", Lookup::order).await,
            Route::Event(id) => self.look(id, "event", Lookup::event).await,
            Route::Summary => self.summarise(Summary::answer).await,
            Route::Payment(id) => self.look(id, "payment", Lookup::payment).await,
            Route::Gaps => match query::gaps(uri.query()) {
                Ok(asked) => self.summarise(move |held| held.gaps(&asked)).await,
                Err(fault) => reply::error(StatusCode::BAD_REQUEST, "bad_request", &fault),
            },
            Route::Unknown => {
                let message = "nothing is served under this path";
                reply::error(StatusCode::NOT_FOUND, "not_found", message)
            }
        }
    }

    async fn summarise<T: Serialize + Send + 'static>(
        &self,
        ask: impl FnOnce(&Summary) -> Result<T, SummaryFault> + Send + 'static,
    ) -> Reply {
        let Some(summary) = self.summary.clone() else {
            let message = "this process follows no topics; ask a `trueup process`";
            return reply::error(StatusCode::NOT_FOUND, "not_served", message);
        };
        if summary.get().is_none() {
            let message = "this process has not reached Kafka and the store yet; try again";
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, "starting", message);
        }
        let Ok(_permit) = self.permits.try_acquire() else {
            let message = "too many look-ups at once; try again";
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
        };
        let asked = move || summary.get().map(ask);
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        match tokio::task::spawn_blocking(asked).await {
            Ok(Some(Ok(answer))) => reply::json(StatusCode::OK, &answer),
            Ok(Some(Err(fault))) => reply::error(status, code, &fault.to_string()),
            Ok(None) | Err(_) => reply::error(status, code, "the summary ended early"),
        }
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
        if lookup.get().is_none() {
            let message = "this process has not reached Kafka and the store yet; try again";
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, "starting", message);
        }
        let Some(id) = path::decode(segment).filter(|id| !id.is_empty() && !segment.contains('/'))
        else {
            return reply::error(StatusCode::NOT_FOUND, "not_found", "the path names no id");
        };
        let Ok(_permit) = self.permits.try_acquire() else {
            let message = "too many look-ups at once; try again";
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
        };
        let looked = move || lookup.get().map(|lookup| find(lookup, &id)).transpose();
        match tokio::task::spawn_blocking(looked)
            .await
            .map(|found| found.map(Option::flatten))
        {
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

fn report(report: &Report) -> Reply {
    let status = if report.good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    reply::json(status, report)
}
