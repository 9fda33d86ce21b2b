//! What happens to one order: the events that Stripe sends and the snapshots that the shop's
//! order service writes. A story is a function of the seed and the order's number.

use serde_json::{Map, Value};

use crate::fixtures::Fixture;

/// One event. Its bytes are made per delivery (`render::body`), its facts never change.
#[derive(Debug, Clone, PartialEq)]
pub struct StripeEvent {
    /// `evt_…`
    pub id: String,
    pub event_type: &'static str,
    /// Seconds since the epoch.
    pub created: i64,
    pub fixture: Fixture,
    /// What differs from the fixture object.
    pub fields: Map<String, Value>,
    /// Seeds the looks of its deliveries.
    pub look: u64,
}

/// One record for the topic `orders`, as plain JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopSnapshot {
    pub order_id: String,
    pub body: String,
}

/// One order's events in the order in which they happened. The lists are short: under 40
/// events and under 8 snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// `None` for money that belongs to no order of this shop.
    pub order_id: Option<String>,
    pub events: Vec<StripeEvent>,
    pub snapshots: Vec<ShopSnapshot>,
}
