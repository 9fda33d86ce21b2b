//! A directed history: a worker is frozen when it is about to produce what a timer alone gave
//! rise to, its partition goes to another worker, which closes the very gap, and then the first
//! one thaws.
//!
//! Chance rarely finds this. A transaction that has produced already holds back the new owner's
//! reading until it ends; one that has not is shut out by the offsets it sends, and by them alone.

use trueup_domain::event::{EventType, Snapshot, SnapshotStatus};
use trueup_domain::ids::OrderId;
use trueup_engine::machine::Phase;

use super::harness::{GRACE_MS, History};
use super::shop::{self, Said, Saying};

const ORDER: &str = "order-0";

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

/// Runs it and judges it.
pub fn run(seed: u64) -> Result<(), String> {
    let mut history = History::new(seed, 2);
    let partition = shop::partition(ORDER);
    history.give(partition, 0);
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
    // Nothing else is left to say, so the next transaction holds the timer and no more.
    history.step_until(0, |history| history.phase(0) == Phase::Produce)?;
    history.give(partition, 1);
    history.step_until(1, |history| history.live(1) > 0)?;
    let now_ms = history.now_ms();
    history.say(&snapshot(SnapshotStatus::Paid, 2, now_ms));
    history.step_until(1, |history| history.gaps_of(ORDER) == 0)?;

    history.quiet_down()?;
    history.judge_at_rest()
}
