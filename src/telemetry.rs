//! Logs on standard error and the recorder behind `/metrics`.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Upper bounds of the buckets of every metric named `…_duration_seconds`, in seconds.
const DURATION_BUCKETS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Quantiles of everything else that is measured, `webhook_processing_latency_seconds` above all.
const QUANTILES: &[f64] = &[0.5, 0.95, 0.99];
/// While a store is away the driver tells each of its tries, four lines a second; `trueup_ledger`
/// says it once, and every fault tells its reason. A store that is well warns of each batch that is
/// larger than it likes by default, hundreds of times a second.
const DEFAULT_FILTER: &str = "info,librdkafka=warn,scylla=warn,\
     scylla::cluster::metadata::cc_establisher=off,scylla::network::connection=error";

/// Beside a process that tells in plain words what it does, only what is wrong.
const QUIET_FILTER: &str = "warn,librdkafka=error,scylla=error";

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

/// Starts the log. `filter` is what `RUST_LOG` says, which beats `quiet`.
pub fn log(format: LogFormat, filter: Option<&str>, quiet: bool) {
    let natural = if quiet { QUIET_FILTER } else { DEFAULT_FILTER };
    let filter = filter
        .filter(|filter| !filter.is_empty())
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| EnvFilter::new(natural));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let begun = match format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
        LogFormat::Text => builder.with_ansi(false).with_target(false).try_init(),
    };
    if begun.is_err() {
        tracing::debug!("a log was set up before");
    }
}

/// Installs the recorder; what it has seen is rendered through the handle.
///
/// # Errors
/// When the process has a recorder already.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_quantiles(QUANTILES)?
        .set_buckets_for_metric(
            Matcher::Suffix("_duration_seconds".to_owned()),
            DURATION_BUCKETS,
        )?
        .set_buckets_for_metric(
            Matcher::Full(trueup_reconciler::metrics::TIME_TO_RECONCILE.to_owned()),
            trueup_reconciler::metrics::TIME_TO_RECONCILE_BUCKETS,
        )?
        .install_recorder()
}
