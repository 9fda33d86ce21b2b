//! How fast letters are replayed.

use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::limits::MAX_CHUNK;

/// A bucket of tokens, one for each letter.
#[derive(Debug)]
pub struct Pace {
    clock: DefaultClock,
    bucket: DefaultDirectRateLimiter,
    burst: NonZeroU32,
}

impl Pace {
    /// So many letters per second; at once, a tenth of that, and no more than a chunk.
    pub fn of(per_second: NonZeroU32) -> Self {
        let chunk = u32::try_from(MAX_CHUNK).unwrap_or(u32::MAX);
        let burst = (per_second.get() / 10).clamp(1, chunk);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Self {
            clock: DefaultClock::default(),
            bucket: RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst)),
            burst,
        }
    }

    /// The most that [`Pace::wait`] lets through at once.
    pub fn burst(&self) -> usize {
        usize::try_from(self.burst.get()).unwrap_or(usize::MAX)
    }

    /// Waits until `letters` more may go; more than the burst go as the burst.
    pub fn wait(&self, letters: usize) {
        let letters = u32::try_from(letters).unwrap_or(u32::MAX);
        let Some(letters) = NonZeroU32::new(letters.min(self.burst.get())) else {
            return;
        };
        // A wish within the burst is never refused for good.
        while let Ok(Err(until)) = self.bucket.check_n(letters) {
            std::thread::sleep(until.wait_time_from(self.clock.now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_a_tenth_of_a_second_within_its_bounds() {
        let burst = |rate: u32| Pace::of(NonZeroU32::new(rate).unwrap()).burst();
        assert_eq!([burst(1), burst(50), burst(1_000)], [1, 5, 100]);
        assert_eq!(burst(100_000), MAX_CHUNK);
    }

    #[test]
    fn letters_beyond_the_burst_wait_for_their_time() {
        let pace = Pace::of(NonZeroU32::new(100).unwrap());
        let started = std::time::Instant::now();
        for _ in 0..3 {
            pace.wait(10);
        }
        // The first ten go at once, the others ten at a time, a tenth of a second each.
        assert!(started.elapsed() >= std::time::Duration::from_millis(190));
    }
}
