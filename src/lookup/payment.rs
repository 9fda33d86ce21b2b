//! One payment, charge or session: the order that claimed it first.

use serde::Serialize;
use trueup_domain::ids::ObjectId;

use super::{Lookup, LookupFault};

/// Published: names must stay stable.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct PaymentOrder {
    pub object_id: String,
    pub order_id: String,
}

impl Lookup {
    /// The object's order; `None` when no order is known to claim it.
    ///
    /// # Errors
    /// [`LookupFault`] when the store could not be read.
    pub fn payment(&self, id: &str) -> Result<Option<PaymentOrder>, LookupFault> {
        let Ok(object) = ObjectId::try_from(id) else {
            return Ok(None);
        };
        let order = self.store.find_order_of(&object)?;
        Ok(order.map(|order| PaymentOrder {
            object_id: id.to_owned(),
            order_id: order.to_string(),
        }))
    }
}
