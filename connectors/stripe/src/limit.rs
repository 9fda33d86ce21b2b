//! Token buckets: one per endpoint, one per client address. Refuses what comes too fast, and
//! remembers only so many addresses: when they are too many, the new ones share one bucket.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::address::bucket;
use crate::limits::MAX_TRACKED_ADDRESSES;

/// How many requests per second may come, on average and at once.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub per_second: NonZeroU32,
    pub burst: NonZeroU32,
}

/// The rates of the gateway.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    pub per_endpoint: Rate,
    pub per_address: Rate,
}

impl Default for RateLimit {
    /// Far above what Stripe sends to one shop, and below what one core can verify.
    fn default() -> Self {
        let rate =
            |per_second: u32| Rate::even(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN));
        Self {
            per_endpoint: rate(20_000),
            per_address: rate(10_000),
        }
    }
}

impl Rate {
    /// As many at once as in one second.
    #[must_use]
    pub fn even(per_second: NonZeroU32) -> Self {
        Self {
            per_second,
            burst: per_second,
        }
    }

    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

/// The bucket of one endpoint.
#[derive(Debug)]
pub(crate) struct EndpointLimit {
    clock: DefaultClock,
    bucket: DefaultDirectRateLimiter,
}

impl EndpointLimit {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            clock: DefaultClock::default(),
            bucket: RateLimiter::direct(rate.quota()),
        }
    }

    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.bucket
            .check()
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

/// The buckets of client addresses.
#[derive(Debug)]
pub(crate) struct AddressLimit {
    clock: DefaultClock,
    known: DefaultKeyedRateLimiter<IpAddr>,
    /// For addresses beyond the most that are tracked.
    shared: DefaultDirectRateLimiter,
    tracked: usize,
}

impl AddressLimit {
    pub(crate) fn new(rate: Rate) -> Self {
        Self::tracking(rate, MAX_TRACKED_ADDRESSES)
    }

    fn tracking(rate: Rate, tracked: usize) -> Self {
        Self {
            clock: DefaultClock::default(),
            known: RateLimiter::keyed(rate.quota()),
            shared: RateLimiter::direct(rate.quota()),
            tracked,
        }
    }

    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        if self.known.len() >= self.tracked {
            // Full buckets are as good as none; forgetting them makes room.
            self.known.retain_recent();
        }
        let taken = if self.known.len() >= self.tracked {
            self.shared.check()
        } else {
            self.known.check_key(&bucket(address))
        };
        taken.map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate {
            per_second: number(per_second),
            burst: number(burst),
        }
    }

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_says_how_long_to_wait() {
        let limit = EndpointLimit::new(rate(1, 3));
        assert!((0..3).all(|_| limit.take().is_ok()));
        let wait = limit.take().unwrap_err();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(1),
            "{wait:?}"
        );
    }

    #[test]
    fn addresses_do_not_share_a_bucket() {
        let limit = AddressLimit::new(rate(1, 1));
        assert!(limit.take(ip(1)).is_ok());
        assert!(limit.take(ip(1)).is_err());
        assert!(limit.take(ip(2)).is_ok());
    }

    #[test]
    fn addresses_beyond_the_most_tracked_share_one_bucket_and_take_no_memory() {
        let limit = AddressLimit::tracking(rate(1, 2), 2);
        assert!(limit.take(ip(1)).is_ok() && limit.take(ip(2)).is_ok());
        assert!(limit.take(ip(3)).is_ok() && limit.take(ip(4)).is_ok());
        assert!(limit.take(ip(5)).is_err());
        assert_eq!(limit.known.len(), 2);
    }
}
