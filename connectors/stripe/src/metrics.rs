//! The gateway's metrics: their names, units and help in one place, one function per thing that
//! happens. Labels are bounded: an event type is one of those used, or `other`.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use trueup_domain::event::{EventType, UnixMillis};

use crate::probe::Finding;
use crate::refusal::Refusal;
use crate::sweep::Pass;

pub const EVENTS: &str = "webhook_events_total";
pub const LATENCY: &str = "webhook_processing_latency_seconds";
pub const RETRIES: &str = "webhook_retries_total";
pub const REQUESTS: &str = "webhook_requests_total";
pub const REQUEST_SECONDS: &str = "webhook_request_duration_seconds";
pub const REFUSED: &str = "webhook_refused_total";
pub const CONNECTIONS: &str = "webhook_connections";
pub const DISAGREEMENTS: &str = "webhook_order_id_disagreements_total";
pub const API_VERSIONS: &str = "webhook_api_version_missing_total";
pub const PRODUCERS_RECYCLED: &str = "webhook_producers_recycled_total";

pub const SWEPT: &str = "payments_sweep_events_total";
pub const PASSES: &str = "payments_sweep_passes_total";
pub const LAST_SUCCESS: &str = "payments_sweep_last_success_timestamp_seconds";
pub const PROBED: &str = "payments_probes_total";
pub const API_REQUESTS: &str = "stripe_api_requests_total";
pub const API_SECONDS: &str = "stripe_api_request_duration_seconds";

/// Registers help and units with the process's recorder, and shows every counter whose labels
/// are known at 0 before anything happened.
pub fn describe() {
    describe_counter!(
        EVENTS,
        "Deliveries at the gateway, duplicates included, by event type and result"
    );
    describe_histogram!(
        LATENCY,
        Unit::Seconds,
        "From the end of a delivery's headers to its answer"
    );
    describe_counter!(
        RETRIES,
        "Calls to the store, the broker or the API that were repeated"
    );
    describe_counter!(REQUESTS, "Requests at the gateway by status");
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "Time to answer a request at the gateway, by status"
    );
    describe_counter!(REFUSED, "Requests that were not accepted, by reason");
    describe_gauge!(CONNECTIONS, "Open connections at the gateway");
    describe_counter!(DISAGREEMENTS, "Events that name two orders");
    describe_counter!(API_VERSIONS, "Events that do not say their API version");
    describe_counter!(PRODUCERS_RECYCLED, "Producers replaced after a fatal error");
    let types = EventType::ALL.iter().copied().map(EventType::as_str);
    for event_type in types.chain([OTHER]) {
        for result in ["ok", "error"] {
            counter!(EVENTS, "type" => event_type, "result" => result).increment(0);
        }
    }
    for name in [RETRIES, DISAGREEMENTS, API_VERSIONS, PRODUCERS_RECYCLED] {
        counter!(name).increment(0);
    }
    gauge!(CONNECTIONS).increment(0.0);
}

/// As [`describe`], for sweeper and probe.
pub fn describe_fetching() {
    describe_counter!(
        RETRIES,
        "Calls to the store, the broker or the API that were repeated"
    );
    describe_counter!(SWEPT, "Events read from Stripe's API, by pass and result");
    describe_counter!(PASSES, "Passes over Stripe's events, by pass and result");
    describe_gauge!(
        LAST_SUCCESS,
        Unit::Seconds,
        "When the last pass that reached the present ended, by pass; 0 before the first"
    );
    describe_counter!(PROBED, "Gaps that were probed, by what Stripe said");
    describe_counter!(API_REQUESTS, "Requests to Stripe's API by status");
    describe_histogram!(
        API_SECONDS,
        Unit::Seconds,
        "Time until Stripe's API answered a request"
    );
    counter!(RETRIES).increment(0);
    for pass in Pass::ALL {
        for result in ["fed", "ignored", "refused"] {
            swept(*pass, result, 0);
        }
        for result in ["ok", "error"] {
            counter!(PASSES, "pass" => pass.as_str(), "result" => result).increment(0);
        }
        gauge!(LAST_SUCCESS, "pass" => pass.as_str()).increment(0.0);
    }
    for finding in Finding::ALL {
        counter!(PROBED, "result" => finding.as_str()).increment(0);
    }
}

/// So many events of a page were fed in, ignored or refused.
pub(crate) fn swept(pass: Pass, result: &'static str, events: u64) {
    counter!(SWEPT, "pass" => pass.as_str(), "result" => result).increment(events);
}

/// A pass ended, well or early, at `now_ms`.
pub(crate) fn pass_ended(pass: Pass, ok: bool, now_ms: UnixMillis) {
    let result = if ok { "ok" } else { "error" };
    counter!(PASSES, "pass" => pass.as_str(), "result" => result).increment(1);
    if ok {
        let now = Duration::from_millis(u64::try_from(now_ms).unwrap_or_default());
        gauge!(LAST_SUCCESS, "pass" => pass.as_str()).set(now.as_secs_f64());
    }
}

/// A gap was probed, or had nothing to ask for.
pub(crate) fn probed(finding: Finding) {
    counter!(PROBED, "result" => finding.as_str()).increment(1);
}

/// Stripe's API answered, or did not: then there is no status.
pub(crate) fn api_answered(status: Option<u16>, elapsed: Duration) {
    let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    counter!(API_REQUESTS, "status" => status).increment(1);
    histogram!(API_SECONDS).record(elapsed.as_secs_f64());
}

/// The label of every event type that is not used.
const OTHER: &str = "other";

/// The label of an event type: one of those used, else `other`.
pub(crate) fn type_label(event_type: Option<&str>) -> &'static str {
    event_type
        .and_then(EventType::from_name)
        .map_or(OTHER, EventType::as_str)
}

/// One request was answered with `status` after `elapsed`.
pub(crate) fn answered(status: u16, elapsed: Duration) {
    let status = status.to_string();
    counter!(REQUESTS, "status" => status.clone()).increment(1);
    histogram!(REQUEST_SECONDS, "status" => status).record(elapsed.as_secs_f64());
}

/// One delivery ended; `refusal` is `None` where the answer was yes.
pub(crate) fn delivered(event_type: &'static str, refused: bool, elapsed: Duration) {
    let result = if refused { "error" } else { "ok" };
    counter!(EVENTS, "type" => event_type, "result" => result).increment(1);
    histogram!(LATENCY, "type" => event_type).record(elapsed.as_secs_f64());
}

/// One request was refused.
pub(crate) fn refused(refusal: &Refusal) {
    counter!(REFUSED, "reason" => refusal.code()).increment(1);
}

/// An event names two orders.
pub(crate) fn disagreement() {
    counter!(DISAGREEMENTS).increment(1);
}

/// An event does not say which API version rendered it.
pub(crate) fn no_api_version() {
    counter!(API_VERSIONS).increment(1);
}

/// A question to the broker is asked again.
pub(crate) fn retried() {
    counter!(RETRIES).increment(1);
}

/// A producer was replaced.
pub(crate) fn producer_recycled() {
    counter!(PRODUCERS_RECYCLED).increment(1);
}

/// Counts an open connection for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(());

impl OpenConnection {
    pub(crate) fn new() -> Self {
        gauge!(CONNECTIONS).increment(1.0);
        Self(())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
}
