//! Sends finished spans to an OpenTelemetry collector, by OTLP over HTTP or gRPC.
//!
//! Whoever tells a span is never held up: a full queue drops it, and says so in a metric. A trace is
//! kept or left as a whole, by its id, so that all processes agree; errors and what is marked to be
//! kept are always sent.

mod convert;
pub mod limits;
mod metrics;
mod sending;
mod settings;

pub use sending::{Exporter, OtlpFault, start};
pub use settings::{Endpoint, EndpointFault, OtlpSettings, Protocol};
