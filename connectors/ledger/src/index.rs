//! Where the event index keeps an event, and where it is looked for.
//!
//! An event is found by its id alone, and an id tells no date. So the bucket comes from the id and
//! the day from the event, and a lookup reads its one bucket day by day, newest first, a few at
//! once: single rows of single partitions, at most [`days`] of them, nearly all answered by a
//! bloom filter. Without the day no partition would ever end, and rows that expire would have to
//! be compacted away one by one. The buckets keep a day of ten million events below 30 MB each.

use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_domain::ids::{EventId, OrderId};
use trueup_schemas::partition::partition_for;

use crate::limits::{INDEX_BUCKETS, INDEX_LAG_DAYS, INDEX_TTL_DAYS};

const SECONDS_PER_DAY: i64 = 86_400;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// Where one event was first read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEntry {
    pub event_id: EventId,
    pub order_id: OrderId,
    pub partition: i32,
    pub offset: i64,
    pub received_at: UnixMillis,
}

/// The bucket of an event. Must stay stable: rows are found by it.
pub(crate) fn bucket(event: &EventId) -> i32 {
    partition_for(event.as_str().as_bytes(), INDEX_BUCKETS)
}

/// The day of an event, in days since 1970. Must stay stable.
///
/// That of its creation, unless it says that it was created long before it was received, or after:
/// no lookup would go there.
pub(crate) fn day(created: UnixSeconds, received_at: UnixMillis) -> i32 {
    let received = day_of(received_at);
    let created = whole_day(created.div_euclid(SECONDS_PER_DAY));
    created.clamp(
        received.saturating_sub(INDEX_LAG_DAYS),
        received.saturating_add(1),
    )
}

/// The days on which a row that still lives can be, newest first, seen at `now`.
pub(crate) fn days(now: UnixMillis) -> impl Iterator<Item = i32> {
    let today = day_of(now);
    let oldest = today
        .saturating_sub(INDEX_TTL_DAYS)
        .saturating_sub(INDEX_LAG_DAYS);
    (oldest..=today.saturating_add(1)).rev()
}

/// The day of a moment, in days since 1970.
pub(crate) fn day_of(at: UnixMillis) -> i32 {
    whole_day(at.div_euclid(MILLIS_PER_DAY))
}

pub(crate) fn days_ms(days: i32) -> i64 {
    i64::from(days).saturating_mul(MILLIS_PER_DAY)
}

/// The days on which an event that is not forgotten can have been received, newest first, seen at
/// `now`. The store that knows them looks for it there.
pub(crate) fn received_days(now: UnixMillis) -> impl Iterator<Item = i32> {
    let today = day_of(now);
    (today.saturating_sub(INDEX_TTL_DAYS)..=today.saturating_add(1)).rev()
}

fn whole_day(days: i64) -> i32 {
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 20_000;

    fn millis(day: i64) -> UnixMillis {
        day * MILLIS_PER_DAY + 1
    }

    #[test]
    fn buckets_stay_where_they_are() {
        let bucket = |id: &str| bucket(&EventId::try_from(id).unwrap());
        // Worked out apart from this program, by Kafka's definition of murmur2.
        assert_eq!(bucket("evt_1"), 14);
        assert_eq!(bucket("evt_1PqRsTuVwXyZ"), 23);
        assert_eq!(bucket("probe:pi_1:é"), 0);
        assert!((0..1000).all(|n| (0..INDEX_BUCKETS).contains(&bucket(&format!("evt_{n}")))));
    }

    #[test]
    fn an_event_lies_on_the_day_of_its_creation_within_what_a_lookup_reads() {
        let seconds = |day: i64| day * SECONDS_PER_DAY + 86_399;
        assert_eq!(day(seconds(DAY), millis(DAY)), 20_000);
        assert_eq!(day(seconds(DAY - 30), millis(DAY)), 19_970);
        assert_eq!(day(0, millis(DAY)), 20_000 - 31, "created long before");
        assert_eq!(
            day(seconds(DAY + 9), millis(DAY)),
            20_001,
            "created after it was received"
        );
        assert_eq!(day(i64::MAX, i64::MIN), i32::MIN + 1);
    }

    #[test]
    fn every_row_that_lives_is_on_a_day_that_is_read_and_their_number_is_bounded() {
        let read: Vec<i32> = days(millis(DAY)).collect();
        assert_eq!(read.len(), 68);
        assert!(read.is_sorted_by(|newer, older| newer > older));
        for received in DAY - i64::from(INDEX_TTL_DAYS)..=DAY {
            for created in [0, received - 31, received, received + 100] {
                let day = day(created * SECONDS_PER_DAY, millis(received));
                assert!(
                    read.contains(&day),
                    "received {received}, created {created}"
                );
            }
        }
    }
}
