//! Token buckets: one per endpoint, one per client address. Refuses what comes too fast.
//!
//! Addresses are spread over a fixed number of buckets, so that no number of them costs more
//! memory or time than one: nothing is remembered per address, and nothing has to be swept.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::address::bucket;
use crate::limits::ADDRESS_BUCKETS;

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
    buckets: RateLimiter<usize, Buckets, DefaultClock>,
    count: usize,
    /// Keyed at random, so that nobody outside can choose whom to share a bucket with.
    spread: RandomState,
}

#[derive(Debug)]
struct Buckets(Box<[InMemoryState]>);

impl StateStore for Buckets {
    type Key = usize;

    fn measure_and_replace<T, F, E>(&self, slot: &usize, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        match self.0.get(*slot) {
            Some(bucket) => bucket.measure_and_replace(&NotKeyed::NonKey, decide),
            // No slot lies outside; a full bucket is what one without memory would be.
            None => decide(None).map(|(taken, _)| taken),
        }
    }
}

impl AddressLimit {
    pub(crate) fn new(rate: Rate) -> Self {
        Self::with_buckets(rate, ADDRESS_BUCKETS)
    }

    fn with_buckets(rate: Rate, count: usize) -> Self {
        let buckets = (0..count).map(|_| InMemoryState::default()).collect();
        let clock = DefaultClock::default();
        Self {
            buckets: RateLimiter::new(rate.quota(), Buckets(buckets), clock.clone()),
            clock,
            count,
            spread: RandomState::new(),
        }
    }

    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        self.buckets
            .check_key(&self.slot(address))
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }

    fn slot(&self, address: IpAddr) -> usize {
        let hash = self.spread.hash_one(bucket(address));
        let count = u64::try_from(self.count).unwrap_or(u64::MAX);
        hash.checked_rem(count)
            .and_then(|slot| usize::try_from(slot).ok())
            .unwrap_or(0)
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

    /// Two addresses that fall into different buckets.
    fn strangers(limit: &AddressLimit) -> (IpAddr, IpAddr) {
        let other = (2..=u8::MAX).map(ip);
        let other = other
            .into_iter()
            .find(|it| limit.slot(*it) != limit.slot(ip(1)));
        (ip(1), other.unwrap())
    }

    #[test]
    fn an_address_that_asks_too_much_leaves_the_others_their_tokens() {
        let limit = AddressLimit::new(rate(1, 1));
        let (one, other) = strangers(&limit);
        assert!(limit.take(one).is_ok());
        assert!(limit.take(one).is_err());
        assert!(limit.take(other).is_ok());
    }

    #[test]
    fn however_many_addresses_ask_an_address_keeps_its_bucket_and_no_memory_is_taken() {
        let limit = AddressLimit::with_buckets(rate(1, 1), 2);
        let (one, other) = strangers(&limit);
        assert!(limit.take(one).is_ok());
        let crowd = (0..100_000_u32).map(|number| IpAddr::from(number.to_be_bytes()));
        for stranger in crowd.filter(|it| limit.slot(*it) == limit.slot(one)) {
            assert!(limit.take(stranger).is_err());
        }
        assert!(limit.take(other).is_ok());
        assert_eq!(limit.buckets.into_state_store().0.len(), 2);
    }
}
