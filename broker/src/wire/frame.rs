//! One frame off the stream: four bytes of length, then as many bytes, never more than the limit.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::limits::{FRAME_BYTES_MAX, FRAME_GROWTH_BYTES};

#[derive(Debug, Error)]
pub(crate) enum FrameFault {
    #[error("the stream: {0}")]
    Io(#[from] io::Error),
    #[error("a frame of {0} bytes, where at most {FRAME_BYTES_MAX} are read")]
    Length(i32),
    #[error("a frame stopped arriving midway")]
    Stalled,
}

/// Reads one frame; `None` where the peer closed between frames. A peer may be silent between
/// frames for as long as it likes, but one that begins a frame has to go on with it: it holds
/// memory of ours.
pub(crate) async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
    stall: Duration,
) -> Result<Option<Bytes>, FrameFault> {
    let mut length = [0_u8; 4];
    let first = stream.read(&mut length).await?;
    if first == 0 {
        return Ok(None);
    }
    if first < length.len() {
        let rest = length.get_mut(first..).unwrap_or_default();
        timeout(stall, stream.read_exact(rest))
            .await
            .map_err(|_| FrameFault::Stalled)??;
    }
    let length = i32::from_be_bytes(length);
    let size = usize::try_from(length)
        .ok()
        .filter(|size| *size <= FRAME_BYTES_MAX)
        .ok_or(FrameFault::Length(length))?;
    // Room grows with what has arrived, not with what was announced.
    let mut frame = BytesMut::with_capacity(size.min(FRAME_GROWTH_BYTES));
    while frame.len() < size {
        let missing = size.saturating_sub(frame.len());
        let mut rest = (&mut *stream).take(u64::try_from(missing).unwrap_or(u64::MAX));
        let read = timeout(stall, rest.read_buf(&mut frame))
            .await
            .map_err(|_| FrameFault::Stalled)??;
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(Some(frame.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> Result<Option<Bytes>, FrameFault> {
        read_frame(&mut bytes, Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn a_frame_is_read_whole_and_the_end_is_told_from_a_cut() {
        assert_eq!(read(b"").await.unwrap(), None);
        assert_eq!(
            read(b"\0\0\0\x03abc").await.unwrap(),
            Some(Bytes::from_static(b"abc"))
        );
        assert!(matches!(
            read(b"\0\0\0\x04abc").await,
            Err(FrameFault::Io(_))
        ));
        assert!(matches!(read(b"\0\0").await, Err(FrameFault::Io(_))));
    }

    #[tokio::test]
    async fn a_length_below_zero_or_beyond_the_limit_is_refused() {
        assert!(matches!(
            read(b"\xff\xff\xff\xff").await,
            Err(FrameFault::Length(-1))
        ));
        assert!(matches!(
            read(b"GET / HTTP/1.1").await,
            Err(FrameFault::Length(_))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_stops_midway_is_given_up() {
        let (mut near, mut far) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut far, b"\0\0\0\x10abc")
            .await
            .unwrap();
        let read = read_frame(&mut near, Duration::from_secs(1)).await;
        assert!(matches!(read, Err(FrameFault::Stalled)));
    }
}
