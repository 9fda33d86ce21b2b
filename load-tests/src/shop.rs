//! The shop's order service: what it writes to the topic `orders`. Most orders are marked paid
//! after the money came in; some stay pending for ever or were canceled, which are gaps to be
//! found.

use serde_json::{Value, json};

use crate::scenario::Ending;
use crate::story::ShopSnapshot;
use crate::teller::Teller;

/// Share of the orders that the service speaks of at all.
const SPOKEN_OF_PERCENT: u64 = 70;
/// Share of the paid ones that it forgets to mark.
const FORGOTTEN_PERCENT: u64 = 12;

/// When the order began and when the last payment was made, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) begun_s: i64,
    pub(crate) paid_s: i64,
}

pub(crate) fn snapshots(
    teller: &mut Teller,
    ending: &Ending,
    amount: i64,
    currency: &'static str,
    refunded: bool,
    times: Times,
) -> Vec<ShopSnapshot> {
    let free = teller.events.iter().any(|event| {
        event
            .fields
            .get("payment_status")
            .is_some_and(|status| status == "no_payment_required")
    });
    if !teller.random.percent(SPOKEN_OF_PERCENT) {
        return Vec::new();
    }
    let due = match teller.random.below(100) {
        _ if free => 0,
        0..=1 => amount + 100,
        2 if amount > 10 => amount - 10,
        _ => amount,
    };
    let mut states = vec![("pending", times.begun_s)];
    match ending {
        Ending::Paid { .. } if teller.random.percent(FORGOTTEN_PERCENT) => {
            match teller.random.below(10) {
                0..=1 => states.push(("canceled", teller.clock + 5_000_000)),
                2 => states.push(("canceled", times.begun_s)),
                _ => {}
            }
        }
        Ending::Paid { .. } => {
            states.push(("paid", times.paid_s + 5));
            if refunded && teller.random.percent(60) {
                states.push(("refunded", teller.clock + 60));
            }
        }
        Ending::Canceled => states.push(("canceled", times.paid_s + 60)),
        Ending::Unpaid if free => states.push(("paid", times.paid_s + 5)),
        Ending::Unpaid => {}
    }
    let mut snapshots = Vec::new();
    for (version, (status, updated_at_s)) in (1_i64..).zip(states) {
        let snapshot = ShopSnapshot {
            order_id: teller.order_id.clone(),
            body: written(teller, status, due, currency, version, updated_at_s),
        };
        if teller.random.percent(3) {
            snapshots.push(snapshot.clone());
        }
        snapshots.push(snapshot);
    }
    if teller.random.percent(3) {
        snapshots.reverse();
    }
    snapshots
}

fn written(
    teller: &mut Teller,
    status: &str,
    due: i64,
    currency: &str,
    version: i64,
    updated_at_s: i64,
) -> String {
    let updated_at = if teller.random.percent(50) {
        json!(crate::civil::rfc3339(updated_at_s))
    } else {
        json!(updated_at_s * 1000)
    };
    let order_id = Value::from(teller.order_id.clone());
    format!(
        "{{\"order_id\":{order_id},\"status\":\"{status}\",\"amount_due\":{due},\
         \"currency\":\"{currency}\",\"version\":{version},\"updated_at\":{updated_at}}}"
    )
}
