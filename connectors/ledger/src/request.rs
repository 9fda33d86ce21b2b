//! One request to the store: it waits its turn, is measured, and is repeated until a limit.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use tokio::sync::Semaphore;
use trueup_engine::ports::store::{StoreFault, StoreFaultKind};

use crate::limits::{BACKOFF_FIRST, BACKOFF_LONGEST, COMPLAIN_EVERY, MAX_REQUESTS_IN_FLIGHT};
use crate::metrics::{self, Operation};

/// Lets so many requests of a process go at once.
#[derive(Debug)]
pub(crate) struct Gate {
    room: Semaphore,
    complaints: Mutex<Complaints>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            room: Semaphore::new(MAX_REQUESTS_IN_FLIGHT),
            complaints: Mutex::default(),
        }
    }

    /// Counts a try that failed and will be repeated, and logs it now and then.
    pub(crate) fn failed(&self, operation: Operation, error: &ExecutionError) {
        metrics::retried();
        let mut complaints = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = complaints.due(Instant::now());
        drop(complaints);
        if let Some(unsaid) = due {
            tracing::warn!(
                operation = operation.as_str(),
                reason = %error,
                unsaid,
                "ledger store failed, trying again"
            );
        }
    }

    /// Sends `request` when it is its turn, and measures it.
    pub(crate) async fn send<T>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, ExecutionError>>,
    ) -> Result<T, ExecutionError> {
        // The gate is never closed; were it, requests would go ungated rather than not at all.
        let _permit = self.room.acquire().await.ok();
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
                        self.failed(operation, &error);
                        reason = Some(error.to_string());
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
                Err(away(operation, reason))
            }
        }
    }
}

/// When the log last heard of failures, and how many were kept from it since.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// Whether a failure at `now` is to be told: with how many that were not.
    pub(crate) fn due(&mut self, now: Instant) -> Option<u64> {
        if self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < COMPLAIN_EVERY)
        {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
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

/// There was no answer.
pub(crate) fn away(operation: Operation, reason: impl ToString) -> StoreFault {
    StoreFault {
        operation: operation.verb(),
        kind: StoreFaultKind::Away,
        reason: reason.to_string(),
    }
}

/// What came back is not what this program keeps there.
pub(crate) fn unreadable(operation: Operation, reason: impl ToString) -> StoreFault {
    StoreFault {
        operation: operation.verb(),
        kind: StoreFaultKind::Foreign,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_now_and_then_with_the_number_of_those_between() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        assert_eq!(complaints.due(start), Some(0));
        for _ in 0..300 {
            assert_eq!(complaints.due(start + COMPLAIN_EVERY / 2), None);
        }
        assert_eq!(complaints.due(start + COMPLAIN_EVERY), Some(300));
        assert_eq!(complaints.due(start + COMPLAIN_EVERY), None);
    }

    #[test]
    fn waits_grow_to_their_limit_differ_and_never_end() {
        let waits: Vec<Duration> = backoff().take(40).collect();
        assert_eq!(waits.len(), 40);
        assert!(waits[0] >= BACKOFF_FIRST && waits[0] <= BACKOFF_FIRST * 2);
        let late = &waits[20..];
        assert!(late.iter().all(|wait| *wait >= BACKOFF_LONGEST));
        assert!(late.iter().all(|wait| *wait <= BACKOFF_LONGEST * 2));
        assert!(late.iter().any(|wait| *wait != late[0]), "not jittered");
    }
}
