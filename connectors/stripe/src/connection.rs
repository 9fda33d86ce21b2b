//! One connection: hyper reads requests from it, the timers here close it when it dawdles, and
//! at its end the peer is given time to read its last answer.

use std::convert::Infallible;
use std::future::Future;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::gateway::Gateway;
use crate::limits::{GatewayLimits, MAX_HEADER_BYTES, MAX_HEADER_FIELDS, MAX_READ_BUFFER_BYTES};
use crate::metrics;
use crate::phase::Phase;
use crate::publish::Publisher;
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Clock;
use crate::stream::HushedStream;

enum End {
    /// Hyper is done: the peer closed, the last answer is out, or the bytes made no sense.
    Hyper(Result<(), hyper::Error>),
    TimedOut,
    Closed,
}

/// Serves `stream` until it ends, or until `close` turns true while no request is on it.
pub(crate) async fn serve<P: Publisher, C: Clock>(
    stream: TcpStream,
    peer: IpAddr,
    gateway: Arc<Gateway<P, C>>,
    mut close: watch::Receiver<bool>,
) {
    let _open = metrics::OpenConnection::new();
    let phase = Arc::new(Phase::new());
    let limits = gateway.limits().clone();
    let hushed = HushedStream::new(stream, Arc::clone(&phase));
    let service = {
        let phase = Arc::clone(&phase);
        service_fn(move |request| {
            phase.request_came();
            let (phase, gateway) = (Arc::clone(&phase), Arc::clone(&gateway));
            async move {
                let reply = gateway.answer(request, peer).await;
                phase.answered();
                Ok::<_, Infallible>(reply)
            }
        })
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(MAX_HEADER_FIELDS)
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(MAX_READ_BUFFER_BYTES)
        .writev(false)
        .serve_connection(TokioIo::new(hushed), service);

    let end = {
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut closed = pin!(close.wait_for(|close| *close));
        poll_fn(|cx| {
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(End::Hyper(result));
            }
            let Some(deadline) = phase.deadline(&limits) else {
                return Poll::Pending;
            };
            if closed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Closed);
            }
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            timer.as_mut().poll(cx).map(|()| End::TimedOut)
        })
        .await
    };
    let parts = connection.into_parts();
    let (stream, hushed) = parts.io.into_inner().into_parts();
    let refusal = match &end {
        End::Hyper(Err(error)) if hushed => refusal_of(error, &parts.read_buf),
        End::Hyper(_) | End::TimedOut | End::Closed => None,
    };
    last_word(stream, end, refusal, &limits).await;
}

/// Says what hyper would have said without a body, and ends the connection so that the peer can
/// read it: closing with unread bytes would reset the connection and take the answer back.
async fn last_word(
    mut stream: TcpStream,
    end: End,
    refusal: Option<Refusal>,
    limits: &GatewayLimits,
) {
    if matches!(end, End::TimedOut | End::Closed) {
        let _gone = stream.shutdown().await;
        return;
    }
    if let Some(refusal) = refusal {
        metrics::refused(&refusal);
        let answer = reply::raw(&refusal);
        let _gone = timeout(limits.linger, stream.write_all(&answer)).await;
    }
    let _bounded = timeout(limits.linger, drain(&mut stream, limits.linger_bytes)).await;
}

async fn drain(stream: &mut TcpStream, limit: usize) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut thrown_away = 0_usize;
    let mut buffer = vec![0; 16 * 1024];
    while thrown_away < limit {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        thrown_away = thrown_away.saturating_add(read);
    }
    Ok(())
}

/// The answer to what is a request, though one that cannot be served; `None` for other bytes.
/// `unread` is what hyper could not take.
fn refusal_of(error: &hyper::Error, unread: &[u8]) -> Option<Refusal> {
    if error.is_parse_too_large() {
        return if begins_a_request(unread) {
            Some(Refusal::HeadersTooLarge)
        } else if unread.len() < MAX_HEADER_BYTES {
            // The head was taken, and its `Content-Length` is beyond what hyper counts.
            Some(Refusal::BodyTooLarge)
        } else {
            None
        };
    }
    // Hyper tells these two from bytes that are no request only in its text.
    let text = error.to_string();
    let framing = ["content-length", "transfer-encoding"]
        .iter()
        .any(|name| text.contains(name));
    framing.then_some(Refusal::BadFraming)
}

/// A method and what it asks for. A buffer full of anything else is too large as well.
fn begins_a_request(unread: &[u8]) -> bool {
    let method = unread.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let rest = unread.get(method.count()..).unwrap_or_default();
    rest.len() < unread.len() && (rest.starts_with(b" /") || rest.starts_with(b" http"))
}
