//! A small seeded generator of numbers (SplitMix64). Same seed, same stream, on every machine
//! and with every toolchain; not for secrets.

/// One stream of numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// An independent stream for one `purpose` (an order's number, a thread's).
    #[must_use]
    pub fn fork(seed: u64, purpose: u64) -> Self {
        let mut outer = Self::new(seed ^ purpose.wrapping_mul(STEP).rotate_left(17));
        Self::new(outer.draw())
    }

    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Evenly from `0..limit`; 0 for an empty range.
    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.draw()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Evenly from `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low))
            .unwrap_or(0)
            .saturating_add(1);
        low.saturating_add(i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// True in `percent` of a hundred draws.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a list, `None` of an empty one.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let limit = u64::try_from(list.len()).unwrap_or(0);
        list.get(usize::try_from(self.below(limit)).unwrap_or(0))
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let limit = u64::try_from(last).unwrap_or(0).saturating_add(1);
            list.swap(last, usize::try_from(self.below(limit)).unwrap_or(0));
        }
    }

    /// `length` characters as they stand in Stripe's ids.
    pub fn token(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length)
            .filter_map(|_| self.pick(ALPHABET).map(|byte| char::from(*byte)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_same_seed_gives_the_same_stream_for_ever() {
        let mut random = Random::new(7);
        let drawn = [random.draw(), random.draw(), random.below(1000)];
        assert_eq!(
            drawn,
            [7_191_089_600_892_374_487, 309_689_372_594_955_804, 900]
        );
    }

    #[test]
    fn a_fork_does_not_repeat_its_neighbour() {
        assert_ne!(Random::fork(1, 1).draw(), Random::fork(1, 2).draw());
        assert_ne!(Random::fork(1, 1).draw(), Random::fork(2, 1).draw());
    }
}
