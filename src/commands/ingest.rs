//! `ingest`: the gateway on its public listener, the ops listener beside it.

use std::sync::Arc;

use tokio::sync::watch;

use super::gateway::{self, Gateway};
use super::serving::{self, Serving};
use crate::config::IngestConfig;
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::ready::{Ready, ReadyFile};

pub fn run(config: IngestConfig) -> Result<(), Failure> {
    let IngestConfig {
        serve,
        gateway: config,
    } = config;
    let serving = Serving::begin(&serve, serving::cores())?;
    let codec = serving::codec(&serve.kafka)?;
    let gateway = Gateway::bind(&serving.runtime, &serve, config, codec)?;

    let topics_known = gateway.topics_known.clone();
    let board = gateway::topics_component(HealthBoard::default(), topics_known.clone());
    let board = gateway::component(board, serving.stop.clone());
    let (open, ops) = serving.open_ops(board, "ingest", None, None, None)?;
    let ready_file = Arc::new(open.ready_file);
    let ready = Ready {
        http: Some(gateway.address),
        ..ops.ready
    };
    let announcing = announce(topics_known, Arc::clone(&ready_file), ready);
    let announcing = open.runtime.spawn(announcing);
    let served = open
        .runtime
        .block_on(gateway.serve(open.stop.clone().wait()));
    announcing.abort();
    drop(ready_file);
    open.stopper.stop();
    serving::close(&open.runtime, ops.task, open.spans);
    served
}

/// Writes the ready file once deliveries can be accepted.
async fn announce(mut known: watch::Receiver<bool>, file: Arc<ReadyFile>, ready: Ready) {
    if known.wait_for(|known| *known).await.is_err() {
        return;
    }
    match file.write(&ready) {
        Ok(()) => tracing::info!(http = ?ready.http, "taking webhooks"),
        Err(fault) => tracing::error!(%fault, "the ready file could not be written"),
    }
}
