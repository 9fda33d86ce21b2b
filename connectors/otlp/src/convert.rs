//! From our spans to OpenTelemetry's.

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use trueup_spans::{Context, Kind, Span};

pub(crate) fn data(span: Span) -> SpanData {
    let mut links = SpanLinks::default();
    links.links = span
        .links
        .into_iter()
        .map(|link| Link::with_context(context(link)))
        .collect();
    let attributes = span.attributes.into_iter();
    SpanData {
        span_context: context(span.context),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        // Another process wrote the header, or might have.
        parent_span_is_remote: true,
        span_kind: match span.kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Producer => SpanKind::Producer,
            Kind::Consumer => SpanKind::Consumer,
        },
        name: span.name.into(),
        start_time: span.start,
        end_time: span.end,
        attributes: attributes
            .map(|(name, value)| KeyValue::new(name, value))
            .collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("trueup").build(),
    }
}

fn context(context: Context) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace),
        SpanId::from_bytes(context.span),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    )
}
