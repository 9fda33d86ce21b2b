//! What the monitoring speaks of already and this build does not have yet. Nothing may stay here
//! that exists: the tests say what to take off.

/// Metrics.
pub(crate) const METRICS: &[&str] = &[
    "payments_gap_amount_minor_units",
    "payments_probes_total",
    "payments_sweep_events_total",
    "payments_sweep_last_success_timestamp_seconds",
    "payments_sweep_passes_total",
    "stripe_api_request_duration_seconds",
    "stripe_api_requests_total",
    "webhook_dead_letter_depth",
];

/// Commands, with their flags.
pub(crate) const COMMANDS: &[&str] = &[
    "check --audit",
    "check --since",
    "dlq discard",
    "dlq list",
    "dlq replay",
    "dlq show",
    "gaps",
    "sweep",
];
