//! The order in which events arrive: near their time, but never in order, a few much too late
//! and a share of them twice.

use crate::random::Random;
use crate::story::Story;

/// One delivery: which event of which story, and the how-manieth of that event (0 first).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub story: usize,
    pub event: usize,
    pub copy: u64,
}

/// Orders whose events are mixed with one another.
const SPREAD_ORDERS: u64 = 300;
/// Deliveries that arrive at any time at all.
const STRAY_PERCENT: u64 = 3;

/// Every event once, and `duplicate_percent` of them once more.
#[must_use]
pub fn plan(stories: &[Story], seed: u64, duplicate_percent: u64) -> Vec<Delivery> {
    let mut random = Random::fork(seed, 0x5EED);
    let orders = u64::try_from(stories.len()).unwrap_or(0);
    let mut timed = Vec::new();
    for (story, (place, told)) in (0_u64..).zip(stories).enumerate() {
        for event in 0..told.events.len() {
            let copies = 1 + u64::from(random.percent(duplicate_percent));
            for copy in 0..copies {
                let arrival = if random.percent(STRAY_PERCENT) {
                    random.below(orders.saturating_mul(1_000))
                } else {
                    place.saturating_mul(1_000) + random.below(SPREAD_ORDERS * 1_000)
                };
                timed.push((arrival, Delivery { story, event, copy }));
            }
        }
    }
    timed.sort_by_key(|(arrival, delivery)| (*arrival, delivery.story, delivery.event));
    timed.into_iter().map(|(_, delivery)| delivery).collect()
}
