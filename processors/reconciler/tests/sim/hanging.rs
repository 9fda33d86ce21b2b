//! A directed history: the brokers lose the marker of a worker's offsets, and the worker is gone;
//! its successor waits for offsets that never become stable.

use trueup_domain::event::EventType;
use trueup_domain::ids::OrderId;
use trueup_engine::machine::Phase;

use super::harness::History;
use super::shop::{self, Said, Saying};

const ORDER: &str = "order-0";

/// Runs it and judges it. Says how long the successor waited, in simulated milliseconds.
pub fn run(seed: u64) -> Result<i64, String> {
    let mut history = History::new(seed, 2);
    let partition = shop::partition(ORDER);
    history.give(partition, 0);
    history.step_until(0, |history| history.live(0) > 0)?;
    history.say(&Saying {
        order: OrderId::try_from(ORDER).unwrap(),
        said: Said::Event(shop::payment(
            ORDER,
            EventType::PaymentIntentSucceeded,
            1_700_000_000,
            1000,
            1000,
        )),
    });
    history.step_until(0, |history| history.phase(0) == Phase::Commit)?;
    history.step(0)?;
    history.lose_marker();
    // The first worker does nothing any more: only it could end what hangs.
    history.give(partition, 1);
    let given_at_ms = history.now_ms();
    history.step_until(1, |history| history.live(1) > 0)?;
    let waited_ms = history.now_ms() - given_at_ms;
    history.quiet_down()?;
    history.judge_at_rest()?;
    match history.changes_of(ORDER) {
        1 => Ok(waited_ms),
        several => Err(format!(
            "R-3: `{ORDER}` has {several} records, should have 1"
        )),
    }
}
