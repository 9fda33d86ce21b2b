//! When the process is killed: after gaps made of chance, whatever it is doing then, and now and
//! then once more while it is still coming back.

use std::time::Duration;

use crate::random::Random;

/// Of a hundred blows, those that follow at once on another.
const AGAIN_PERCENT: u64 = 25;
const AGAIN_MS: (i64, i64) = (0, 800);
/// Short enough that hundreds fit into minutes, long enough for work to be done in between.
const GAP_MS: (i64, i64) = (1_000, 6_500);

/// The time from each start of the process to the blow that ends it.
pub(super) fn schedule(seed: u64, kills: u32) -> Vec<Duration> {
    let mut random = Random::fork(seed, 0xB10E);
    let mut gap = || {
        let (low, high) = if random.percent(AGAIN_PERCENT) {
            AGAIN_MS
        } else {
            GAP_MS
        };
        Duration::from_millis(u64::try_from(random.between(low, high)).unwrap_or(0))
    };
    (0..kills).map(|_| gap()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_the_seeds_alone_and_has_short_and_long_lives() {
        let gaps = schedule(3, 100);
        assert_eq!(gaps, schedule(3, 100));
        let short = gaps.iter().filter(|gap| gap.as_millis() < 800).count();
        assert!((10..=40).contains(&short), "{short}");
    }
}
