//! One request to the store: it waits its turn, is measured, and is repeated until a limit.

use std::future::Future;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use tokio::sync::Semaphore;
use trueup_engine::ports::store::StoreFault;

use crate::limits::{BACKOFF_FIRST, BACKOFF_LONGEST, MAX_REQUESTS_IN_FLIGHT};
use crate::metrics::{self, Operation};

/// Lets so many requests of a process go at once.
#[derive(Debug)]
pub(crate) struct Gate(Semaphore);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(MAX_REQUESTS_IN_FLIGHT))
    }

    /// Sends `request` when it is its turn, and measures it.
    pub(crate) async fn send<T>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, ExecutionError>>,
    ) -> Result<T, ExecutionError> {
        // The gate is never closed; were it, requests would go ungated rather than not at all.
        let _permit = self.0.acquire().await.ok();
        let _flight = Flight::begin();
        let began = Instant::now();
        let answer = request.await;
        metrics::answered(operation, answer.is_ok(), began.elapsed());
        answer
    }

    /// Asks until there is an answer or `deadline` has passed, which is a fault.
    pub(crate) async fn ask<T, F>(
        &self,
        operation: Operation,
        deadline: Duration,
        mut request: impl FnMut() -> F,
    ) -> Result<T, StoreFault>
    where
        F: Future<Output = Result<T, ExecutionError>>,
    {
        let mut reason = None;
        let trying = async {
            let mut waits = backoff();
            loop {
                match self.send(operation, request()).await {
                    Ok(answer) => return answer,
                    Err(error) => {
                        let text = error.to_string();
                        metrics::retried(operation, &text);
                        reason = Some(text);
                    }
                }
                tokio::time::sleep(waits.next().unwrap_or(BACKOFF_LONGEST)).await;
            }
        };
        match tokio::time::timeout(deadline, trying).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                let waited = format!("no answer within {} ms", deadline.as_millis());
                let reason =
                    reason.map_or(waited.clone(), |last| format!("{waited}, last: {last}"));
                Err(StoreFault {
                    operation: operation.verb(),
                    reason,
                })
            }
        }
    }
}

/// Counts a request that is under way, also when whoever waited for it gives up.
struct Flight;

impl Flight {
    fn begin() -> Self {
        metrics::began();
        Self
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        metrics::ended();
    }
}

/// Waits that double up to the longest, jittered, without an end.
pub(crate) fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(BACKOFF_FIRST)
        .with_max_delay(BACKOFF_LONGEST)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Whether the store refused the request itself, such as a batch that is too large for it.
pub(crate) fn is_refused(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Invalid, _))
    )
}

/// What came back is not what the statement asks for.
pub(crate) fn unreadable(operation: Operation, reason: impl ToString) -> StoreFault {
    StoreFault {
        operation: operation.verb(),
        reason: reason.to_string(),
    }
}
