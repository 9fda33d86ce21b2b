//! Loads the orders through their own topic, as a shop's order service would tell them, and waits
//! until all of them are folded and the gaps among them are open.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Place, RestartOptions};
use crate::chaos::ChaosFault;
use crate::gauges::Gauges;
use crate::instance::Instance;
use crate::snapshots::Writer;
use crate::{clock, kafka, scrape};

const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// The shop hands out what nobody paid.
const KIND: &str = "marked_not_paid";
pub(super) const AMOUNT: i64 = 1_000;

pub(super) fn order(number: u64) -> String {
    format!("order-{number:09}")
}

/// Whether this order has a gap: they are spread evenly.
pub(super) fn has_gap(options: &RestartOptions, number: u64) -> bool {
    let share = |number: u64| u128::from(number) * u128::from(options.gaps);
    let orders = u128::from(options.orders.max(1));
    share(number + 1) / orders > share(number) / orders
}

pub(super) fn write(options: &RestartOptions, place: &Place) -> Result<(), ChaosFault> {
    let writer = Writer::new(&place.kafka, &format!("{}orders", place.prefix))?;
    let updated_at = clock::now_s() * 1_000;
    for number in 0..options.orders {
        let order = order(number);
        let status = if has_gap(options, number) {
            "paid"
        } else {
            "pending"
        };
        let body = json!({
            "order_id": order, "status": status, "amount_due": AMOUNT, "currency": "eur",
            "version": 1, "updated_at": updated_at,
        });
        writer.put(&order, &body.to_string())?;
    }
    Ok(writer.finish()?)
}

/// Open gaps of the load, by the process's own gauges; `None` while it does not serve.
fn open(instance: &Instance) -> Option<i64> {
    let ready = instance.ready_now()?;
    let gauges = Gauges::read(&scrape::page(ready.get("ops")?.as_str()?)?)?;
    Some(gauges.entries.get(KIND).copied().unwrap_or(0))
}

pub(super) fn shown(instance: &Instance) -> String {
    format!("{:?} of `{KIND}`", open(instance))
}

/// Whether everything comes to be read, and the gaps to be those of the load.
pub(super) fn await_folded(
    options: &RestartOptions,
    instance: &Instance,
    place: &Place,
    deadline: Instant,
) -> bool {
    let expected = i64::try_from(options.gaps).ok();
    let orders = format!("{}orders", place.prefix);
    let is_read = || {
        kafka::lags(&place.kafka, &orders).is_ok_and(|groups| {
            let done = |lag: &kafka::Lag| lag.all_begun && lag.records == 0;
            !groups.is_empty() && groups.iter().all(done)
        })
    };
    while open(instance) != expected || !is_read() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    true
}
