//! What became of spans.

use metrics::{counter, describe_counter};

/// Spans by what became of them: `sent`, `dropped` (the queue was full), `failed` (given up).
const SPANS: &str = "trueup_spans_total";

pub(crate) fn describe() {
    describe_counter!(
        SPANS,
        "Spans for the collector, by result: sent, dropped, failed"
    );
    for result in ["sent", "dropped", "failed"] {
        count(result, 0);
    }
}

pub(crate) fn count(result: &'static str, spans: usize) {
    let spans = u64::try_from(spans).unwrap_or(u64::MAX);
    counter!(SPANS, "result" => result).increment(spans);
}
