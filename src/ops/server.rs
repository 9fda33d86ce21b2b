//! The accept loop of the ops listener: bounded connections, timers on each, a short drain.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;

use super::limits;
use super::routes::Ops;
use crate::shutdown::Stop;

/// Binds `address`.
///
/// # Errors
/// A sentence that names the address, when it is taken or not ours.
pub async fn bind(name: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|fault| format!("--{name} {address} cannot be bound: {fault}"))
}

/// Serves until `stop`, then answers what is under way, for [`limits::DRAIN`] at most.
pub async fn serve(ops: Arc<Ops>, listener: TcpListener, stop: Stop) {
    let connections = Arc::new(Semaphore::new(limits::MAX_CONNECTIONS));
    let mut upkeep = time::interval(limits::UPKEEP_EVERY);
    let mut stopped = pin!(stop.clone().wait());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = upkeep.tick() => ops.metrics.run_upkeep(),
            (stream, permit) = accept(&listener, &connections) => {
                tokio::spawn(converse(Arc::clone(&ops), stream, permit, stop.clone()));
            }
        }
    }
    drop(listener);
    let all = u32::try_from(limits::MAX_CONNECTIONS).unwrap_or(u32::MAX);
    if time::timeout(limits::DRAIN, connections.acquire_many(all))
        .await
        .is_err()
    {
        tracing::debug!("ops connections were cut");
    }
}

/// The next connection, once there is room for one.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        if let Ok(permit) = Arc::clone(connections).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(fault) => tracing::warn!(%fault, "the ops listener could not accept"),
            }
        }
        time::sleep(limits::ACCEPT_BACKOFF).await;
    }
}

async fn converse(ops: Arc<Ops>, stream: TcpStream, permit: OwnedSemaphorePermit, stop: Stop) {
    let service = service_fn(move |request: Request<Incoming>| {
        let ops = Arc::clone(&ops);
        async move {
            Ok::<_, Infallible>(
                ops.answer(request.method(), request.uri(), request.headers())
                    .await,
            )
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEADER_TIMEOUT)
            .max_headers(limits::MAX_HEADERS)
            .max_buf_size(limits::MAX_BUFFER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    // What a client did wrong is its own affair: hyper has answered or closed.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
        () = time::sleep(limits::CONNECTION_LIFE) => {}
    }
    drop(permit);
}
