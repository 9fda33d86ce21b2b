//! What a look-up asks of a store, whichever store it is.

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::{EventId, ObjectId, OrderId};
use trueup_engine::ports::store::StoreFault;

/// Where one event was first read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    pub order_id: OrderId,
    pub partition: i32,
    pub offset: i64,
    pub received_at: UnixMillis,
}

/// Reads for people: called from threads that may wait.
pub trait Index: Send + Sync {
    /// The cell of an order's ledger.
    ///
    /// # Errors
    /// [`StoreFault`] when the store did not answer; that is never "not found".
    fn find_ledger(&self, order: &OrderId) -> Result<Option<Vec<u8>>, StoreFault>;

    /// # Errors
    /// As [`Index::find_ledger`].
    fn find_event(&self, event: &EventId) -> Result<Option<Indexed>, StoreFault>;

    /// The order that claimed an object of the provider first.
    ///
    /// # Errors
    /// As [`Index::find_ledger`].
    fn find_order_of(&self, object: &ObjectId) -> Result<Option<OrderId>, StoreFault>;
}
