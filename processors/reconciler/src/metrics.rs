//! The reconciler's metrics: names, units and meanings in one place.
//!
//! Counted when a transaction is known committed, so that a batch tried twice counts once; only
//! refused records are counted where they are refused.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use trueup_domain::event::EventType;
use trueup_domain::view::PaymentStatus;
use trueup_schemas::records::LetterClass;

const EVENTS: &str = "payments_webhook_events_total";
/// Histogram, in seconds from receipt at the gateway to commit.
pub const PROCESS_SECONDS: &str = "payments_webhook_process_duration_seconds";
const CONFLICTS: &str = "payments_webhook_idempotency_conflicts_total";
const FAILURES: &str = "payments_reconciliation_failures_total";
const PAYMENTS: &str = "payments_total";
const RECONCILED: &str = "payments_reconciled_total";
/// Histogram, in seconds from a success's receipt to its order's turning right.
pub const TIME_TO_RECONCILE: &str = "payments_time_to_reconcile_seconds";
/// Upper bounds of its buckets, in seconds: from at once to a week.
pub const TIME_TO_RECONCILE_BUCKETS: &[f64] = &[
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 43_200.0,
    86_400.0, 172_800.0, 259_200.0, 604_800.0,
];
const DUPLICATES: &str = "payments_idempotency_hits_total";
const REFUSED: &str = "trueup_records_refused_total";

/// Registers units and help, and shows every counter at 0 before anything happened.
pub fn describe() {
    describe_counter!(EVENTS, "events folded, by type");
    describe_histogram!(
        PROCESS_SECONDS,
        Unit::Seconds,
        "from receipt to commit, by type and status"
    );
    describe_counter!(CONFLICTS, "known event ids that came with other facts");
    describe_counter!(FAILURES, "reconcile gaps opened");
    describe_counter!(PAYMENTS, "payments entering a status");
    describe_counter!(RECONCILED, "times a succeeded payment's order turned right");
    describe_histogram!(
        TIME_TO_RECONCILE,
        Unit::Seconds,
        "from a success's receipt to its order's turning right; sum over processes"
    );
    describe_counter!(DUPLICATES, "events known already");
    describe_counter!(REFUSED, "records that became dead letters, by class");
    for name in [CONFLICTS, FAILURES, RECONCILED, DUPLICATES] {
        counter!(name).increment(0);
    }
    for kind in EventType::ALL {
        counter!(EVENTS, "type" => kind.as_str()).increment(0);
    }
    for class in LetterClass::ALL {
        counter!(REFUSED, "class" => class.as_str()).increment(0);
    }
    for status in PaymentStatus::ALL {
        counter!(PAYMENTS, "status" => status.as_str()).increment(0);
    }
}

pub(crate) fn folded(kind: EventType, count: u64) {
    counter!(EVENTS, "type" => kind.as_str()).increment(count);
}

pub(crate) fn processed(kind: EventType, refused: bool, took_ms: i64) {
    let status = if refused { "dead_letter" } else { "ok" };
    let took = std::time::Duration::from_millis(u64::try_from(took_ms).unwrap_or(0));
    histogram!(PROCESS_SECONDS, "type" => kind.as_str(), "status" => status).record(took);
}

pub(crate) fn conflicts(count: u64) {
    counter!(CONFLICTS).increment(count);
}

pub(crate) fn gaps_opened(count: u64) {
    counter!(FAILURES).increment(count);
}

pub(crate) fn payments(status: PaymentStatus, count: u64) {
    counter!(PAYMENTS, "status" => status.as_str()).increment(count);
}

pub(crate) fn reconciled(count: u64) {
    counter!(RECONCILED).increment(count);
}

pub(crate) fn waited(waited_ms: i64) {
    let waited = std::time::Duration::from_millis(u64::try_from(waited_ms).unwrap_or(0));
    histogram!(TIME_TO_RECONCILE).record(waited);
}

pub(crate) fn duplicates(count: u64) {
    counter!(DUPLICATES).increment(count);
}

pub(crate) fn dead_letter(class: LetterClass) {
    counter!(REFUSED, "class" => class.as_str()).increment(1);
}
