//! What Stripe's API still knows of the shop: events that were not delivered, among others that
//! were, and every payment as it is now.

use std::io;

use serde_json::Value;
use trueup_testkit::StripeApi;

use super::orders::{Fate, Order};
use crate::audit::events_of;
use crate::fixtures::Fixtures;

/// Of so many orders one's delivered events are listed too: enough to see that a sweep changes
/// nothing where nothing was lost, and no hundred thousand events in memory.
const LISTED_OF: usize = 10;

/// The stand-in, and how much it lists.
#[derive(Debug)]
pub(super) struct Stripe {
    pub(super) api: StripeApi,
    pub(super) undelivered: u64,
    pub(super) listed: u64,
}

pub(super) fn start(fixtures: &Fixtures, orders: &[Order]) -> io::Result<Stripe> {
    let mut stripe = Stripe {
        api: StripeApi::start()?,
        undelivered: 0,
        listed: 0,
    };
    for (number, order) in orders.iter().enumerate() {
        for (event, fate) in events_of(fixtures, order.story()).iter().zip(&order.fates) {
            let object = event.pointer("/data/object").unwrap_or(&Value::Null);
            if object
                .get("object")
                .is_some_and(|kind| kind == "payment_intent")
            {
                // The last word stays.
                stripe.api.put_payment(object.clone());
            }
            let delivered = match fate {
                Fate::Delivered if number.is_multiple_of(LISTED_OF) => true,
                Fate::LostBehindTheDoor => true,
                Fate::Undelivered => false,
                Fate::Delivered | Fate::Forgotten => continue,
            };
            stripe.listed += 1;
            stripe.undelivered += u64::from(!delivered);
            stripe.api.add_event(event.clone(), delivered);
        }
    }
    Ok(stripe)
}
