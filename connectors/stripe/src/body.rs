//! Reads a request's body, no more than is allowed: by size, by time, and by the memory that all
//! bodies together may take.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::limits::MAX_BODY_BYTES;
use crate::refusal::Refusal;

/// The memory that all bodies together may take, in bytes.
#[derive(Debug)]
pub(crate) struct BodyBudget {
    held: AtomicUsize,
    limit: usize,
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct HeldBytes<'a> {
    budget: &'a BodyBudget,
    bytes: usize,
}

impl BodyBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            limit,
        }
    }
}

impl HeldBytes<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let budget = self.budget;
        let more = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= budget.limit);
        let grown = budget
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        grown.map_err(|_| Refusal::Overloaded)?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for HeldBytes<'_> {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The whole body, and its part of the budget for as long as it is needed. A body that says it
/// is too large is refused before a byte of it is read.
pub(crate) async fn read<B>(
    body: B,
    budget: &BodyBudget,
    time_limit: Duration,
) -> Result<(Bytes, HeldBytes<'_>), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > MAX_BODY_BYTES) {
        return Err(Refusal::BodyTooLarge);
    }
    let read = collect(body, budget);
    tokio::time::timeout(time_limit, read)
        .await
        .unwrap_or(Err(Refusal::BodyTimeout))
}

async fn collect<B>(mut body: B, budget: &BodyBudget) -> Result<(Bytes, HeldBytes<'_>), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut held = HeldBytes { budget, bytes: 0 };
    // Most bodies come in one frame, which then needs no copy.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BodyBroken)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        held.grow(data.len())?;
        if held.bytes > MAX_BODY_BYTES {
            return Err(Refusal::BodyTooLarge);
        }
        if first.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok((
        if rest.is_empty() {
            first
        } else {
            rest.freeze()
        },
        held,
    ))
}
