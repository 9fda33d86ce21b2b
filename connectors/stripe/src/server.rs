//! The accept loop and the way out: stop accepting, refuse what is new, answer what is in
//! flight, then close.

use std::future::Future;
use std::io;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connection;
use crate::gateway::Gateway;
use crate::limits::ACCEPT_PAUSE;
use crate::publish::Publisher;
use crate::settings::Clock;

/// Serves connections from `listener` until `stop`, then drains within the grace.
pub(crate) async fn run<P: Publisher, C: Clock>(
    gateway: Arc<Gateway<P, C>>,
    listener: StdListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let slots = Arc::new(Semaphore::new(gateway.limits().connections));
    let (close, closing) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_ended) = connections.join_next(), if !connections.is_empty() => {}
            (stream, slot) = accept(&listener, &slots) => {
                let (gateway, closing) = (Arc::clone(&gateway), closing.clone());
                connections.spawn(async move {
                    let _slot = slot;
                    if let Ok(peer) = stream.peer_addr() {
                        connection::serve(stream, peer.ip(), gateway, closing).await;
                    }
                });
            }
        }
    }
    drop(listener);
    gateway.in_flight.drain();
    tracing::info!(
        connections = connections.len(),
        "stopped accepting, answering what is in flight"
    );
    let drained = timeout(gateway.limits().drain, async {
        gateway.in_flight.empty().await;
        // Kept-alive connections may have a request on its way: it is owed a 503.
        sleep(gateway.limits().drain_linger).await;
        close.send_replace(true);
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "the grace is over, closing what is left"
        );
    }
    Ok(())
}

/// The next connection, once there is a slot for it; others wait in the listener's backlog.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else {
            // The semaphore is never closed.
            std::future::pending::<()>().await;
            continue;
        };
        match listener.accept().await {
            Ok((stream, _peer)) => {
                // Answers are small and wanted at once; without this they only come later.
                let _later = stream.set_nodelay(true);
                return (stream, slot);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection, pausing");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
