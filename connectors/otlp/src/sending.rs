//! The queue of spans and the task that empties it: batches, with a limit on everything.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use trueup_spans::{Context, Recorder, Span, set_recorder};

use crate::limits::{BACKOFF, BATCH_SPANS, CALL, GOODBYE, LINGER, QUEUE_SPANS, TRIES};
use crate::settings::{OtlpSettings, Protocol};
use crate::{convert, metrics};

#[derive(Debug, thiserror::Error)]
pub enum OtlpFault {
    #[error("spans cannot be sent to the collector: {reason}")]
    Exporter { reason: String },
    #[error("spans are sent from this process already")]
    Twice,
}

/// Sends until it is stopped.
#[derive(Debug)]
pub struct Exporter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Sends what is queued, for a limited time.
    pub async fn stop(self) {
        // A task that ended by itself has nothing left to be told.
        let _ = self.stop.send(());
        if tokio::time::timeout(GOODBYE, self.task).await.is_err() {
            tracing::warn!("the last spans were not sent in time");
        }
    }
}

/// From now on every span told in this process goes to the collector.
///
/// # Errors
/// An address that the client refuses, a second start.
pub fn start(settings: &OtlpSettings, runtime: &Handle) -> Result<Exporter, OtlpFault> {
    metrics::describe();
    let _entered = runtime.enter();
    let exporter = exporter(settings)?;
    let (sender, spans) = mpsc::channel(QUEUE_SPANS);
    let queue = Queue {
        sender,
        sample: settings.sample,
    };
    set_recorder(Box::new(queue)).map_err(|_| OtlpFault::Twice)?;
    let (stop, stopped) = oneshot::channel();
    let task = runtime.spawn(run(exporter, spans, stopped));
    Ok(Exporter { stop, task })
}

fn exporter(settings: &OtlpSettings) -> Result<SpanExporter, OtlpFault> {
    let endpoint = settings.endpoint.of(settings.protocol);
    let built = match settings.protocol {
        Protocol::Http => SpanExporter::builder()
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(CALL)
            .build(),
        Protocol::Grpc => SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(CALL)
            .build(),
    };
    let mut exporter = built.map_err(|fault| OtlpFault::Exporter {
        reason: fault.to_string(),
    })?;
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", settings.service.clone()),
            KeyValue::new("service.instance.id", settings.instance.clone()),
            KeyValue::new("service.version", settings.version),
        ])
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

/// Where spans are told: decides which are kept, and never waits.
struct Queue {
    sender: mpsc::Sender<Span>,
    sample: f64,
}

impl Recorder for Queue {
    fn record(&self, span: Span) {
        let is_kept = span.keep || span.error.is_some() || self.wants(span.context);
        if is_kept && self.sender.try_send(span).is_err() {
            metrics::count("dropped", 1);
        }
    }

    fn wants(&self, context: Context) -> bool {
        context.is_kept(self.sample)
    }
}

async fn run(
    exporter: SpanExporter,
    mut spans: mpsc::Receiver<Span>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut failing = false;
    let mut batch = Vec::with_capacity(BATCH_SPANS);
    loop {
        let is_last = tokio::select! {
            // The queue lives as long as the process, so it never ends by itself.
            _ = spans.recv_many(&mut batch, BATCH_SPANS) => false,
            _ = &mut stopped => true,
        };
        if !is_last && batch.len() < BATCH_SPANS {
            let filled = fill(&mut spans, &mut batch);
            // Whatever came until then goes.
            let _ = tokio::time::timeout(LINGER, filled).await;
        }
        if is_last {
            while let Ok(span) = spans.try_recv() {
                batch.push(span);
            }
        }
        while !batch.is_empty() {
            let most = batch.len().min(BATCH_SPANS);
            send(&exporter, batch.drain(..most).collect(), &mut failing).await;
        }
        if is_last {
            return;
        }
    }
}

async fn fill(spans: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
    while batch.len() < BATCH_SPANS {
        let room = BATCH_SPANS - batch.len();
        if spans.recv_many(batch, room).await == 0 {
            return;
        }
    }
}

/// Tries a few times, then gives the spans up; the log says so once until it works again.
async fn send(exporter: &SpanExporter, spans: Vec<Span>, failing: &mut bool) {
    let count = spans.len();
    let data: Vec<_> = spans.into_iter().map(convert::data).collect();
    let once = async || -> OTelSdkResult { exporter.export(data.clone()).await };
    let (first, longest): (Duration, Duration) = BACKOFF;
    let waits = ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_max_times(TRIES - 1)
        .with_jitter();
    match once.retry(waits).await {
        Ok(()) => {
            *failing = false;
            metrics::count("sent", count);
        }
        Err(fault) => {
            metrics::count("failed", count);
            if !std::mem::replace(failing, true) {
                tracing::warn!(%fault, spans = count, "spans were given up; is the collector up?");
            }
        }
    }
}
