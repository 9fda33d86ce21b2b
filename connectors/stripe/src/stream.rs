//! A connection's bytes on their way to and from hyper, with two habits changed: hyper's own
//! answers to what it cannot parse (which have no body) are held back, so that the caller can
//! answer properly or just close; and the socket is not shut down before the caller has said its
//! last word. It also tells the timers when a request's first byte has come.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::phase::Phase;

#[derive(Debug)]
pub(crate) struct HushedStream<S> {
    inner: S,
    phase: Arc<Phase>,
    hushed: bool,
}

impl<S> HushedStream<S> {
    pub(crate) fn new(inner: S, phase: Arc<Phase>) -> Self {
        Self {
            inner,
            phase,
            hushed: false,
        }
    }

    /// The stream below, and whether an answer of hyper's own was held back.
    pub(crate) fn into_parts(self) -> (S, bool) {
        (self.inner, self.hushed)
    }
}

/// Where an answer of hyper's own starts. It is known by its empty body: every answer of the
/// gateway has one, and `100 Continue` has no length at all.
fn own_answer(bytes: &[u8]) -> Option<usize> {
    const EMPTY: &[u8] = b"\r\ncontent-length: 0\r\n";
    const START: &[u8] = b"HTTP/1.";
    let empty = bytes
        .windows(EMPTY.len())
        .position(|window| window == EMPTY)?;
    bytes
        .get(..empty)?
        .windows(START.len())
        .rposition(|window| window == START)
}

impl<S: AsyncRead + Unpin> AsyncRead for HushedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.phase.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HushedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let ours = match own_answer(bytes) {
            _ if self.hushed => Some(0),
            found => found,
        };
        match ours {
            None => Pin::new(&mut self.inner).poll_write(cx, bytes),
            Some(0) => {
                self.hushed = true;
                Poll::Ready(Ok(bytes.len()))
            }
            // What stands before it goes out first; hyper then comes again with the rest.
            Some(start) => {
                let before = bytes.get(..start).unwrap_or_default();
                Pin::new(&mut self.inner).poll_write(cx, before)
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
