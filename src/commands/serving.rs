//! What the long-running commands share: recorder, runtime, signals, ops listener, ready file.

use std::sync::{Arc, OnceLock};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use trueup_otlp::Exporter;

use crate::config::{KafkaTarget, OpsTarget, ServeConfig};
use crate::failure::Failure;
use crate::lookup::Lookup;
use crate::ops::routes::Token;
use crate::ops::{HealthBoard, Ops, server};
use crate::ready::{Ready, ReadyFile};
use crate::shutdown::{self, Stop, Stopper};
use crate::summary::Summary;
use crate::telemetry;

/// A process that is about to serve.
pub struct Serving {
    pub runtime: Runtime,
    pub stopper: Stopper,
    pub stop: Stop,
    pub metrics: PrometheusHandle,
    pub ready_file: ReadyFile,
    ops_listener: TcpListener,
    ops_target: OpsTarget,
    kafka: String,
    spans: Option<Exporter>,
}

/// The ops listener at work.
pub struct OpsTask {
    pub task: JoinHandle<()>,
    pub ready: Ready,
}

impl Serving {
    /// Removes an old ready file, starts the runtime with `threads`, takes the signals and binds
    /// the ops listener. Nothing is answered yet.
    pub fn begin(serve: &ServeConfig, threads: usize) -> Result<Self, Failure> {
        let ready_file = ReadyFile::cleared(serve.ready_file.clone())
            .map_err(|fault| Failure::failed(format!("the old --ready-file stays: {fault}")))?;
        let metrics = telemetry::metrics().map_err(Failure::failed)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("serve")
            .enable_all()
            .build()?;
        let (stopper, stop) = shutdown::pair();
        let ops_listener = {
            let _inside = runtime.enter();
            shutdown::on_signals(stopper.clone())?;
            runtime
                .block_on(server::bind("ops", serve.ops.address))
                .map_err(Failure::Failed)?
        };
        let ops_target = serve.ops.clone();
        let kafka = serve.kafka.hosts.join(",");
        let spans = serve.otlp.as_ref();
        let spans = spans.map(|otlp| trueup_otlp::start(otlp, runtime.handle()));
        let spans = spans.transpose().map_err(Failure::failed)?;
        Ok(Self {
            spans,
            runtime,
            stopper,
            stop,
            metrics,
            ready_file,
            ops_listener,
            ops_target,
            kafka,
        })
    }

    /// Opens the ops listener.
    pub fn open_ops(
        self,
        health: HealthBoard,
        command: &str,
        instance: Option<&str>,
        lookup: Option<Arc<OnceLock<Lookup>>>,
        summary: Option<Arc<OnceLock<Summary>>>,
    ) -> Result<(Open, OpsTask), Failure> {
        let mut ops = Ops::new(self.metrics, health, command, instance);
        ops.token = self.ops_target.token.map(Token::new);
        ops.lookup = lookup;
        ops.summary = summary;
        let address = self.ops_listener.local_addr()?;
        let task = self.runtime.spawn(server::serve(
            Arc::new(ops),
            self.ops_listener,
            self.stop.clone(),
        ));
        tracing::info!(ops = %address, "ops listener open");
        let ready = Ready {
            http: None,
            ops: Some(address),
            kafka: Some(self.kafka),
            pid: std::process::id(),
        };
        let open = Open {
            runtime: self.runtime,
            stopper: self.stopper,
            stop: self.stop,
            ready_file: self.ready_file,
            spans: self.spans,
        };
        Ok((open, OpsTask { task, ready }))
    }
}

/// A process whose ops listener answers.
pub struct Open {
    pub runtime: Runtime,
    pub stopper: Stopper,
    pub stop: Stop,
    pub ready_file: ReadyFile,
    pub spans: Option<Exporter>,
}

/// The end of a process that was told to stop: the ops listener, then the last spans.
pub fn close(runtime: &Runtime, ops: JoinHandle<()>, spans: Option<Exporter>) {
    // A listener that ended by a panic has nothing left to close.
    let _ = runtime.block_on(ops);
    if let Some(spans) = spans {
        runtime.block_on(spans.stop());
    }
}

/// How values are framed: with the registry's ids where there is a registry.
pub fn codec(kafka: &KafkaTarget) -> Result<trueup_schemas::codec::Codec, Failure> {
    use trueup_schemas::codec::Codec;
    use trueup_schemas::registry::Registry;
    use trueup_schemas::topics::Topics;

    let Some(url) = &kafka.registry else {
        return Ok(Codec::SingleObject);
    };
    let ids = Registry::new(url).and_then(|registry| registry.fetch(&Topics::new(&kafka.prefix))).map_err(|fault| {
        Failure::failed(format!(
            "the schema registry did not give the schemas' ids: {fault}; run `trueup topics apply`"
        ))
    })?;
    Ok(Codec::Confluent(Arc::new(ids)))
}

/// Threads that serve, where nobody said: as many as there are cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}
