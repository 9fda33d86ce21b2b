//! A directed history: a gap opens, a day and more goes by, and then it closes. Its minute ended
//! meanwhile and stays ended, and what is received later is counted as ever.

use trueup_domain::event::{EventType, Snapshot, SnapshotStatus};
use trueup_domain::ids::OrderId;

use super::harness::{GRACE_MS, History};
use super::shop::{self, Said, Saying};

const ORDER: &str = "order-0";
const DAY_MS: i64 = 24 * 3_600_000;

fn snapshot(status: SnapshotStatus, version: i64, updated_at: i64) -> Saying {
    let snapshot = Snapshot {
        status,
        amount_due: shop::units(1000),
        currency: shop::eur(),
        version,
        updated_at,
    };
    Saying {
        order: OrderId::try_from(ORDER).unwrap(),
        said: Said::Snapshot(snapshot),
    }
}

/// Runs it and judges it; says how many minutes the topic held before the day went by, and after.
pub fn run(seed: u64) -> Result<(usize, usize), String> {
    let mut history = History::new(seed, 1);
    let partition = shop::partition(ORDER);
    let success = shop::payment(
        ORDER,
        EventType::PaymentIntentSucceeded,
        1_700_000_000,
        1000,
        1000,
    );
    history.say(&Saying {
        order: OrderId::try_from(ORDER).unwrap(),
        said: Said::Event(success),
    });
    let now_ms = history.now_ms();
    history.say(&snapshot(SnapshotStatus::Pending, 1, now_ms));
    history.step_until(0, |history| history.changes_of(ORDER) == 1)?;
    history.pass(GRACE_MS);
    history.quiet_down()?;
    history.judge_at_rest()?;
    let before = history.minutes_told(partition);
    history.pass(2 * DAY_MS);
    // A second success brings the clock forward, which ends the minute of the first.
    let again = shop::payment(
        ORDER,
        EventType::PaymentIntentPartiallyFunded,
        1_700_000_100,
        1000,
        1000,
    );
    history.say(&Saying {
        order: OrderId::try_from(ORDER).unwrap(),
        said: Said::Event(again),
    });
    history.quiet_down()?;
    let now_ms = history.now_ms();
    history.say(&snapshot(SnapshotStatus::Paid, 2, now_ms));
    history.step_until(0, |history| history.gaps_of(ORDER) == 0)?;
    history.quiet_down()?;
    history.judge_at_rest()?;
    Ok((before, history.minutes_told(partition)))
}
