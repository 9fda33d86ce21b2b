//! Closes a member of a group, whatever its group has told it and nobody has served yet.
//!
//! librdkafka 2.12 takes any answer that comes while it closes for the wish to hold nothing, ends
//! the member with it, and throws away what is asked of it after that: who asks then waits for
//! ever. A change that waits when the member is closed can be followed by the revocation of all
//! that is held, so only the first that is told then is answered. A member that is shut out while
//! it closes ends without any answer, and is asked nothing more. Nor is the client asked for its
//! protocol, since that is a question like any other: members closed by this are of
//! `cooperative-sticky`.
//!
//! Between the look and the answer the member can end all the same. So it is closed on a thread of
//! its own, and waited for no longer than [`CLOSE_TIMEOUT`]: a worker is worth more than the memory
//! of a client that does not end.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use trueup_plants::{Plant, planted};

/// A client that has nothing to wait for closes within milliseconds.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a member's context keeps to be closed by.
#[derive(Debug, Default)]
pub struct Closing {
    begun: AtomicBool,
    answered: AtomicBool,
    /// A planted bug: nothing is answered.
    silent: AtomicBool,
}

impl Closing {
    /// To be told of every change, first thing in the callback: whether the member closes, and so
    /// nothing else is to be done about it.
    pub fn takes<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &TopicPartitionList,
    ) -> bool {
        if !self.begun.load(Ordering::Relaxed) {
            return false;
        }
        let first = !self.answered.swap(true, Ordering::Relaxed);
        let silent = self.silent.load(Ordering::Relaxed);
        if first && !silent && !consumer.closed() {
            // A failure means that the client has ended without the answer.
            let _ = consumer.incremental_unassign(partitions);
        }
        true
    }

    fn begin(&self) {
        // Seen here, since plants are a thread's own.
        let silent = planted(Plant::ClosingSilent);
        self.silent.store(silent, Ordering::Relaxed);
        self.begun.store(true, Ordering::Relaxed);
    }
}

/// The context of a [`Member`].
pub trait Closes: ConsumerContext + 'static {
    fn closing(&self) -> &Closing;
}

/// The client goes on without us, with its memory and its threads.
#[derive(Debug, thiserror::Error)]
#[error("a Kafka client did not close within {} s", CLOSE_TIMEOUT.as_secs())]
pub struct LeftBehind;

/// A consumer in a group, closed at the latest when it is dropped.
pub struct Member<C: Closes> {
    consumer: Arc<BaseConsumer<C>>,
    /// Dropped after the other, and so the one that closes.
    last: Last<C>,
}

impl<C: Closes> std::fmt::Debug for Member<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").finish_non_exhaustive()
    }
}

impl<C: Closes> Member<C> {
    /// # Errors
    /// [`LeftBehind`] after [`CLOSE_TIMEOUT`].
    pub fn close(self) -> Result<(), LeftBehind> {
        let Self { consumer, mut last } = self;
        drop(consumer);
        last.close()
    }
}

impl<C: Closes> From<BaseConsumer<C>> for Member<C> {
    fn from(consumer: BaseConsumer<C>) -> Self {
        let consumer = Arc::new(consumer);
        let last = Last(Some(Arc::clone(&consumer)));
        Self { consumer, last }
    }
}

impl<C: Closes> Deref for Member<C> {
    type Target = BaseConsumer<C>;

    fn deref(&self) -> &Self::Target {
        &self.consumer
    }
}

struct Last<C: Closes>(Option<Arc<BaseConsumer<C>>>);

impl<C: Closes> Last<C> {
    fn close(&mut self) -> Result<(), LeftBehind> {
        let Some(consumer) = self.0.take() else {
            return Ok(());
        };
        consumer.context().closing().begin();
        let (open, told) = mpsc::sync_channel::<()>(1);
        // Where no thread is to be had, the closure is dropped here, and the consumer with it.
        let _ = thread::Builder::new().name("close".into()).spawn(move || {
            drop(consumer);
            drop(open);
        });
        match told.recv_timeout(CLOSE_TIMEOUT) {
            Err(RecvTimeoutError::Timeout) => Err(LeftBehind),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    }
}

impl<C: Closes> Drop for Last<C> {
    fn drop(&mut self) {
        if let Err(fault) = self.close() {
            tracing::error!(%fault, "it is left behind");
        }
    }
}
