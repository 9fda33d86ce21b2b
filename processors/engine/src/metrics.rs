//! The engine's metrics: names, units and meanings in one place, one function per event.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use trueup_domain::gap::{Gap, GapKind};
use trueup_domain::rolling::Span;
use trueup_domain::window::{Stages, Totals};

use crate::cache::CacheCounts;
use crate::faults::Lost;

pub const RECONCILE_GAP: &str = "payments_reconcile_gap";
pub const GAP_ENTRIES: &str = "payments_gap_entries";
const GAP_AMOUNT: &str = "payments_gap_amount_minor_units";
const WINDOW_COUNTS: [&str; 3] = [
    "payments_window_succeeded",
    "payments_window_reconciled",
    "payments_window_in_gap",
];
const WINDOW_AMOUNTS: [&str; 3] = [
    "payments_window_succeeded_amount",
    "payments_window_reconciled_amount",
    "payments_window_in_gap_amount",
];
const RETRIES: &str = "webhook_retries_total";
const TRANSACTIONS: &str = "trueup_transactions_total";
const TRANSACTION_SECONDS: &str = "trueup_transaction_duration_seconds";
const TRANSACTION_RECORDS: &str = "trueup_transaction_records";
const RECYCLED: &str = "trueup_producers_recycled_total";
const RECOVERIES: &str = "trueup_recoveries_total";
const OFFSETS_DISAGREE: &str = "trueup_offsets_disagree_total";
const HANGING_TRANSACTIONS: &str = "trueup_hanging_transactions_total";
const DIRTY: &str = "trueup_ledgers_dirty";
const CACHE_HITS: &str = "trueup_ledger_cache_hits_total";
const CACHE_MISSES: &str = "trueup_ledger_cache_misses_total";
const CACHE_EVICTIONS: &str = "trueup_ledger_cache_evictions_total";
const PARTITIONS: &str = "trueup_partitions_live";

/// Registers units and help, and shows every gauge at 0 before anything happened.
pub fn describe() {
    describe_gauge!(
        RECONCILE_GAP,
        "payments that succeeded while their order is not right, past the grace"
    );
    describe_gauge!(GAP_ENTRIES, "open gaps by kind");
    describe_gauge!(
        GAP_AMOUNT,
        "money in open gaps of every kind, in minor units, by currency"
    );
    describe_windows();
    describe_counter!(RETRIES, "store, broker and API calls repeated");
    describe_counter!(TRANSACTIONS, "transactions by outcome");
    describe_histogram!(TRANSACTION_SECONDS, Unit::Seconds, "from begin to commit");
    describe_histogram!(TRANSACTION_RECORDS, "input records of one transaction");
    describe_counter!(
        RECYCLED,
        "producers replaced: an outcome was unknown or fatal, or no broker could be reached"
    );
    describe_counter!(RECOVERIES, "partitions that passed the recovery path");
    describe_counter!(
        OFFSETS_DISAGREE,
        "restores in which the group's offsets were not the state record's"
    );
    describe_counter!(
        HANGING_TRANSACTIONS,
        "recoveries that went on although the brokers had lost a transaction's end"
    );
    describe_gauge!(DIRTY, "orders whose ledger the store has not acknowledged");
    describe_counter!(CACHE_HITS, "ledgers found in memory");
    describe_counter!(CACHE_MISSES, "ledgers asked of the store");
    describe_counter!(
        CACHE_EVICTIONS,
        "ledgers dropped to keep the cache within its limit"
    );
    describe_gauge!(PARTITIONS, "partitions being processed");
    gauge!(RECONCILE_GAP).increment(0.0);
    for kind in GapKind::ALL {
        gauge!(GAP_ENTRIES, "kind" => kind.as_str()).increment(0.0);
    }
    for outcome in ["committed", "aborted", "unknown"] {
        counter!(TRANSACTIONS, "outcome" => outcome).increment(0);
    }
    counter!(RECYCLED).increment(0);
}

fn describe_windows() {
    let [succeeded, reconciled, in_gap] = WINDOW_COUNTS;
    describe_gauge!(
        succeeded,
        "payments received as succeeded in the window, of this process's partitions; sum over processes"
    );
    describe_gauge!(
        reconciled,
        "orders right of the successes of the window, of this process's partitions; sum over processes"
    );
    describe_gauge!(
        in_gap,
        "gaps open of the successes of the window, of this process's partitions; sum over processes"
    );
    for name in WINDOW_AMOUNTS {
        describe_gauge!(
            name,
            "the same in minor units by currency; sum over processes, never over currencies"
        );
    }
    for span in Span::ALL {
        for name in WINDOW_COUNTS {
            gauge!(name, "window" => span.as_str()).increment(0.0);
        }
    }
}

/// A window of one partition went from these totals to those: gauges of all partitions of a process
/// add up.
pub(crate) fn window(span: Span, before: &Totals, now: &Totals) {
    let span = span.as_str();
    let mut change = now.clone();
    change.subtract(before);
    for (name, count) in WINDOW_COUNTS.into_iter().zip(numbers(change.counts)) {
        gauge!(name, "window" => span).increment(count);
    }
    for (currency, stages) in change.amounts() {
        for (name, amount) in WINDOW_AMOUNTS.into_iter().zip(numbers(stages)) {
            let gauge = gauge!(name, "window" => span, "currency" => currency.to_string());
            gauge.increment(amount);
        }
    }
}

fn numbers(stages: Stages) -> [f64; 3] {
    [stages.succeeded, stages.reconciled, stages.in_gap].map(approximate)
}

/// Exact up to 2^53, which is what a gauge can hold.
fn approximate(number: i128) -> f64 {
    let within = number.clamp(i64::MIN.into(), i64::MAX.into());
    let [a, b, c, d, e, f, g, h] = i64::try_from(within).unwrap_or(i64::MAX).to_be_bytes();
    let high = f64::from(i32::from_be_bytes([a, b, c, d]));
    let low = f64::from(u32::from_be_bytes([e, f, g, h]));
    high.mul_add(4_294_967_296.0, low)
}

/// One open gap more, or one less: gauges of all workers of a process add up.
pub(crate) fn gap_opened(gap: &Gap) {
    gauge!(GAP_ENTRIES, "kind" => gap.kind.as_str()).increment(1.0);
    gauge!(GAP_AMOUNT, "currency" => gap.currency.to_string()).increment(minor_units(gap));
    if gap.unpaid {
        gauge!(RECONCILE_GAP).increment(1.0);
    }
}

pub(crate) fn gap_closed(gap: &Gap) {
    gauge!(GAP_ENTRIES, "kind" => gap.kind.as_str()).decrement(1.0);
    gauge!(GAP_AMOUNT, "currency" => gap.currency.to_string()).decrement(minor_units(gap));
    if gap.unpaid {
        gauge!(RECONCILE_GAP).decrement(1.0);
    }
}

/// A gauge is a double, which holds sums of minor units exactly up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a gauge has nothing but doubles"
)]
fn minor_units(gap: &Gap) -> f64 {
    gap.amount as f64
}

pub(crate) fn committed(records: usize, elapsed_ms: u64) {
    counter!(TRANSACTIONS, "outcome" => "committed").increment(1);
    let records = u32::try_from(records).unwrap_or(u32::MAX);
    histogram!(TRANSACTION_RECORDS).record(records);
    histogram!(TRANSACTION_SECONDS).record(std::time::Duration::from_millis(elapsed_ms));
}

pub(crate) fn aborted() {
    counter!(TRANSACTIONS, "outcome" => "aborted").increment(1);
}

/// A producer is replaced, with what becomes of its transaction, if one was under way.
pub(crate) fn recycled(lost: Option<Lost>) {
    if let Some(lost) = lost {
        counter!(TRANSACTIONS, "outcome" => lost.as_str()).increment(1);
    }
    counter!(RECYCLED).increment(1);
}

pub(crate) fn recovered() {
    counter!(RECOVERIES).increment(1);
}

pub(crate) fn offsets_disagree() {
    counter!(OFFSETS_DISAGREE).increment(1);
}

pub(crate) fn hanging_transaction() {
    counter!(HANGING_TRANSACTIONS).increment(1);
}

pub(crate) fn retried() {
    counter!(RETRIES).increment(1);
}

pub(crate) fn dirty(change: i64) {
    let size = u32::try_from(change.unsigned_abs()).unwrap_or(u32::MAX);
    if change >= 0 {
        gauge!(DIRTY).increment(size);
    } else {
        gauge!(DIRTY).decrement(size);
    }
}

pub(crate) fn live(change: i64) {
    let size = u32::try_from(change.unsigned_abs()).unwrap_or(u32::MAX);
    if change >= 0 {
        gauge!(PARTITIONS).increment(size);
    } else {
        gauge!(PARTITIONS).decrement(size);
    }
}

/// Adds what the cache counted since the last call.
pub(crate) fn cache(before: CacheCounts, now: CacheCounts) {
    counter!(CACHE_HITS).increment(now.hits.saturating_sub(before.hits));
    counter!(CACHE_MISSES).increment(now.misses.saturating_sub(before.misses));
    counter!(CACHE_EVICTIONS).increment(now.evictions.saturating_sub(before.evictions));
}
