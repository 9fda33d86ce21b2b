//! Takes connections in, each a task of its own, and ends them when told.

mod connection;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::{debug, warn};

use crate::call::Call;
use crate::faults::Faults;
use crate::limits::CONNECTIONS_MAX;

/// What every connection shares.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) core: mpsc::Sender<Call>,
    pub(crate) faults: Arc<Faults>,
    /// Each change closes every connection; true ends the server too.
    pub(crate) closing: watch::Receiver<bool>,
}

/// Accepts until it is told to end. A connection beyond the limit is closed at once, so that
/// those there are keep what they hold.
pub(crate) async fn accept(listener: TcpListener, shared: Shared) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut closing = shared.closing.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            ended = closing.wait_for(|end| *end) => {
                debug!(told = ended.is_ok(), "the server ends");
                return;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                    warn!(%peer, "closed: there are too many connections");
                    continue;
                };
                let shared = shared.clone();
                tokio::spawn(async move {
                    serve(stream, peer, shared).await;
                    drop(place);
                });
            }
            Err(fault) => {
                // Out of file descriptors, as a rule: it passes when connections end.
                warn!(%fault, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: tokio::net::TcpStream, peer: SocketAddr, shared: Shared) {
    let mut closing = shared.closing.clone();
    closing.mark_unchanged();
    tokio::select! {
        ended = connection::run(stream, peer, &shared) => {
            if let Err(fault) = ended {
                debug!(%peer, %fault, "a connection was closed");
            }
        }
        _ = closing.changed() => debug!(%peer, "a connection ends with the server"),
    }
}
