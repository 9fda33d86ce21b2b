//! A directed history: the store holds a ledger that another revision of the fold wrote.

use trueup_domain::event::EventType;
use trueup_domain::ids::OrderId;
use trueup_engine::machine::Phase;

use super::harness::History;
use super::shop::{self, Said, Saying};

const ORDER: &str = "order-0";
/// Version 3 by fold revision 2.
const TIMESTAMP: i64 = 3 * 256 + 2;

/// Runs it. Says why the worker stopped, and what the store then holds of the order.
pub fn run(seed: u64) -> (String, (i64, Vec<u8>)) {
    let mut history = History::new(seed, 1);
    let order = OrderId::try_from(ORDER).unwrap();
    let cell = (TIMESTAMP, b"by other rules".to_vec());
    history.put_cell(order.clone(), cell);
    history
        .step_until(0, |history| history.phase(0) == Phase::Poll)
        .unwrap();
    let success = shop::payment(
        ORDER,
        EventType::PaymentIntentSucceeded,
        1_700_000_000,
        1000,
        1000,
    );
    history.say(&Saying {
        order: order.clone(),
        said: Said::Event(success),
    });
    let stopped = history.step_until(0, |history| history.changes_of(ORDER) > 0);
    (stopped.unwrap_err(), history.cell(&order))
}
