//! Asks Stripe's API: at a bounded rate, within a time, with bounded retries, and never following
//! a redirect with the key in hand. What Stripe refuses for good is told by name and not repeated.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use governor::{DefaultDirectRateLimiter, Jitter, Quota, RateLimiter};

mod access;
mod call;
mod fault;

pub use access::{ApiBase, ApiKey, BadBase, BadKey};
pub use fault::{ApiFault, TryFault};

use crate::limits::ApiLimits;
use crate::metrics;
use call::Caller;

/// Where Stripe's API is, and how it is asked.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    pub base: ApiBase,
    pub key: ApiKey,
    /// Requests per second, retries among them.
    pub rate: NonZeroU32,
    pub limits: ApiLimits,
}

/// Stripe's API, as one process may ask it.
#[derive(Debug)]
pub struct Api {
    caller: Caller,
    rate: DefaultDirectRateLimiter,
    limits: ApiLimits,
}

impl Api {
    #[must_use]
    pub fn new(settings: ApiSettings) -> Self {
        let ApiSettings {
            base,
            key,
            rate,
            limits,
        } = settings;
        Self {
            caller: Caller::new(&base, key, &limits),
            rate: RateLimiter::direct(Quota::per_second(rate)),
            limits,
        }
    }

    /// `GET` of `target`, a path with its query; the answer as `read` understands it. What may
    /// pass by itself is tried again: no answer, too many requests, 5xx, an answer that `read`
    /// does not understand.
    ///
    /// # Errors
    /// What Stripe refuses for good, or the last of as many tries as the limits allow.
    pub async fn get<T>(
        &self,
        target: &str,
        read: impl Fn(Vec<u8>) -> Result<T, String>,
    ) -> Result<T, ApiFault> {
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(self.limits.backoff_first)
            .with_max_delay(self.limits.backoff_longest)
            .without_max_times()
            .with_jitter()
            .build();
        let mut tries = 1_usize;
        loop {
            let jitter = Jitter::up_to(self.limits.rate_jitter);
            self.rate.until_ready_with_jitter(jitter).await;
            let fault = match self.try_once(target, &read).await? {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if tries >= self.limits.tries {
                return Err(ApiFault::GaveUp { tries, last: fault });
            }
            tries = tries.saturating_add(1);
            metrics::retried();
            let wait = waits.next().unwrap_or(self.limits.backoff_longest);
            let wait = self.wait_after(&fault, wait);
            tracing::warn!(%fault, tries, wait_ms = wait.as_millis(), "asking Stripe again");
            tokio::time::sleep(wait).await;
        }
    }

    /// What Stripe asks for, as far as that is reasonable, and no less than our own backoff.
    fn wait_after(&self, fault: &TryFault, own: Duration) -> Duration {
        match fault {
            TryFault::RateLimited { retry_after } | TryFault::Status { retry_after, .. } => {
                let asked = retry_after.unwrap_or(Duration::ZERO);
                own.max(asked.min(self.limits.longest_retry_after))
            }
            TryFault::Timeout { .. }
            | TryFault::Connection { .. }
            | TryFault::TooLarge { .. }
            | TryFault::Unreadable { .. } => own,
        }
    }

    /// One try: the outer fault is for good, the inner one may pass.
    async fn try_once<T>(
        &self,
        target: &str,
        read: &impl Fn(Vec<u8>) -> Result<T, String>,
    ) -> Result<Result<T, TryFault>, ApiFault> {
        let began = Instant::now();
        let answer = self.caller.get(target).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        metrics::api_answered(status, began.elapsed());
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault) => return Ok(Err(fault)),
        };
        match answer.status {
            200 => Ok(read(answer.body).map_err(|reason| TryFault::Unreadable { reason })),
            status @ (401 | 403) => Err(ApiFault::KeyRefused {
                status,
                code: fault::code_of(&answer.body),
            }),
            404 => Err(ApiFault::NotFound),
            429 => Ok(Err(TryFault::RateLimited {
                retry_after: answer.retry_after,
            })),
            // 409 is Stripe's word for a lock that somebody else holds for a moment.
            status @ (408 | 409 | 500..) => Ok(Err(TryFault::Status {
                status,
                retry_after: answer.retry_after,
            })),
            status => Err(ApiFault::Refused {
                status,
                code: fault::code_of(&answer.body),
            }),
        }
    }
}

/// `text` as a part of a query or a path: everything but the plainest letters is escaped.
#[must_use]
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push_str(&hex::encode_upper([byte]));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_id_can_change_the_path() {
        assert_eq!(escaped("pi_3-x.y"), "pi_3-x.y");
        assert_eq!(escaped("../a?b&c=d é"), "..%2Fa%3Fb%26c%3Dd%20%C3%A9");
    }
}
