//! Which order an object names: the first valid of its three places.

use serde::Deserialize;
use trueup_domain::ids::OrderId;

use crate::field::{Field, Object};

/// What an object says of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedOrder {
    /// The first valid name; `None` leaves the event to the linker.
    pub(crate) order_id: Option<OrderId>,
    /// Two places name two orders: counted, because somebody's checkout code is wrong.
    pub(crate) disagree: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata<'a> {
    #[serde(borrow, default)]
    order_id: Field<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PaymentDetails<'a> {
    #[serde(borrow, default)]
    order_reference: Field<'a>,
}

impl NamedOrder {
    /// Looks in `metadata.order_id`, `client_reference_id` and
    /// `payment_details.order_reference`, in this order; a place that does not hold a valid id
    /// counts as empty.
    pub(crate) fn find(
        metadata: &Object<Metadata<'_>>,
        client_reference_id: Option<&Field<'_>>,
        payment_details: Option<&Object<PaymentDetails<'_>>>,
    ) -> Self {
        let details = payment_details.and_then(|details| details.0.as_ref());
        let places = [
            metadata.0.as_ref().map(|metadata| &metadata.order_id),
            client_reference_id,
            details.map(|details| &details.order_reference),
        ];
        let mut named = Self {
            order_id: None,
            disagree: false,
        };
        for place in places.into_iter().flatten() {
            let valid = place
                .loose_text()
                .and_then(|text| OrderId::try_from(text).ok());
            match (&named.order_id, valid) {
                (None, valid) => named.order_id = valid,
                (Some(first), Some(other)) => named.disagree |= *first != other,
                (Some(_), None) => {}
            }
        }
        named
    }
}
