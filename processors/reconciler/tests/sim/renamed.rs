//! A directed history: after an outage the group knows a worker by another member id than the
//! worker itself does, and shuts it out though nobody else has its name.

use trueup_domain::event::EventType;
use trueup_domain::ids::OrderId;
use trueup_engine::machine::Phase;

use super::harness::History;
use super::shop::{self, Said, Saying};

const ORDER: &str = "order-0";

/// Runs it and judges it. The group renames the worker `times` times in a row, each time before it
/// can commit.
pub fn run(seed: u64, times: usize) -> Result<(), String> {
    let mut history = History::new(seed, 1);
    history.step_until(0, |history| history.phase(0) == Phase::Poll)?;
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
    history.step_until(0, |history| history.phase(0) == Phase::Offsets)?;
    for _ in 0..times {
        history.rename(0);
        history.step_until(0, |history| history.phase(0) == Phase::Recycle)?;
        history.step_until(0, |history| history.phase(0) == Phase::Barrier)?;
    }
    history.quiet_down()?;
    history.judge_at_rest()
}
