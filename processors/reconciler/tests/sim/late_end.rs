//! A directed history: the end of a transaction is lost on its way, nobody knows whether it was
//! committed, and it arrives when its producer's next transaction holds outputs and no offsets
//! yet; then the worker dies.
//!
//! A new producer under the same id has another epoch, which shuts the late end out. The same
//! producer, used again, has its outputs committed without the positions that go with them.

use trueup_domain::event::EventType;
use trueup_domain::ids::OrderId;
use trueup_engine::machine::Phase;

use super::harness::History;
use super::shop::{self, Said, Saying};

const ORDER: &str = "order-0";

/// Runs it and judges it.
pub fn run(seed: u64) -> Result<(), String> {
    let mut history = History::new(seed, 1);
    let success = shop::payment(
        ORDER,
        EventType::PaymentIntentSucceeded,
        1_700_000_000,
        1000,
        1000,
    );
    history.step_until(0, |history| history.phase(0) == Phase::Poll)?;
    history.say(&Saying {
        order: OrderId::try_from(ORDER).unwrap(),
        said: Said::Event(success),
    });
    history.step_until(0, |history| history.phase(0) == Phase::Commit)?;
    history.lose_next_end();
    history.step_until(0, |history| history.phase(0) != Phase::Commit)?;
    // The batch is read again, and its outputs are handed over a second time.
    history.step_until(0, |history| history.phase(0) == Phase::Offsets)?;
    history.land_late_end();
    history.land_everything();
    history.restart(0);
    history.quiet_down()?;
    history.judge_at_rest()
}
