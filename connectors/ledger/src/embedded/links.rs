//! The store of links in the file: read like everything else, and written with the writer's next
//! transaction, which is waited for.

use redb::{ReadTransaction, WriteTransaction};
use trueup_domain::ids::ObjectId;
use trueup_engine::ports::links::{LinkChange, LinkItem};

use super::tables::LINKS;

/// Greater than every item's name, each of which begins with a letter.
const END: &str = "\u{10ffff}";

/// The items of each of `objects`, in their order.
pub(crate) fn load(
    transaction: &ReadTransaction,
    objects: &[ObjectId],
) -> Result<Vec<Vec<LinkItem>>, redb::Error> {
    let table = match transaction.open_table(LINKS) {
        Ok(table) => table,
        // A file that no linker has written to yet.
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(vec![Vec::new(); objects.len()]),
        Err(error) => return Err(error.into()),
    };
    let mut held = Vec::with_capacity(objects.len());
    for object in objects {
        let mut items = Vec::new();
        for row in table.range((object.as_str(), "")..(object.as_str(), END))? {
            let (key, value) = row?;
            items.push((key.value().1.to_owned(), value.value().to_vec()));
        }
        held.push(items);
    }
    Ok(held)
}

pub(crate) fn apply<'a>(
    transaction: &WriteTransaction,
    changes: impl Iterator<Item = &'a LinkChange>,
) -> Result<(), redb::Error> {
    let mut changes = changes.peekable();
    if changes.peek().is_none() {
        return Ok(());
    }
    let mut table = transaction.open_table(LINKS)?;
    for change in changes {
        match change {
            LinkChange::Put {
                object,
                item,
                value,
            } => {
                table.insert((object.as_str(), item.as_str()), value.as_slice())?;
            }
            LinkChange::Remove { object, item } => {
                table.remove((object.as_str(), item.as_str()))?;
            }
        }
    }
    Ok(())
}
