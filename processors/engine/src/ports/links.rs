//! The store of links: for each object of the provider a set of small items, what is claimed of
//! it and what waits for its order.
//!
//! Items are put and removed one by one, and no write depends on what was read: two that write to
//! one object at once lose nothing of each other's. A fault is never "nothing there".

use trueup_domain::ids::ObjectId;

use super::store::StoreFault;

/// One item's name within its object, and its bytes.
pub type LinkItem = (String, Vec<u8>);

/// One change of one object's items. Repeating it changes nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChange {
    Put {
        object: ObjectId,
        item: String,
        value: Vec<u8>,
    },
    Remove {
        object: ObjectId,
        item: String,
    },
}

/// The store of links as one thread uses it: it blocks.
pub trait LinkStore: Send {
    /// The items of each of `objects`, in their order; an object without any has an empty list.
    /// Everything that any process was told to be written before this call is in the answer.
    ///
    /// # Errors
    /// [`StoreFault`] when any of them could not be read: then nothing is known of any.
    fn load_links(&mut self, objects: &[ObjectId]) -> Result<Vec<Vec<LinkItem>>, StoreFault>;

    /// Returns once every change is acknowledged.
    ///
    /// # Errors
    /// [`StoreFault`] when one is not known to be; all of them may be repeated.
    fn write_links(&mut self, changes: &[LinkChange]) -> Result<(), StoreFault>;
}
