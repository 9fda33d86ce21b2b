//! The store of links in CQL: items read per object and written one by one, a few at once.

use futures::{StreamExt, TryStreamExt};
use trueup_domain::ids::ObjectId;
use trueup_engine::ports::links::{LinkChange, LinkItem};
use trueup_engine::ports::store::StoreFault;

use crate::ledger::Inner;
use crate::limits::LINKS_AT_ONCE;
use crate::metrics::{self, Operation};
use crate::request::unreadable;

/// The items of each of `objects`, in their order.
pub(crate) async fn load(
    inner: &Inner,
    objects: &[ObjectId],
) -> Result<Vec<Vec<LinkItem>>, StoreFault> {
    futures::stream::iter(objects)
        .map(|object| read(inner, object))
        .buffered(LINKS_AT_ONCE)
        .try_collect()
        .await
}

async fn read(inner: &Inner, object: &ObjectId) -> Result<Vec<LinkItem>, StoreFault> {
    let operation = Operation::ReadLinks;
    let statement = &inner.statements.read_links;
    let key = (object.as_str(),);
    let request = || inner.session.execute_unpaged(statement, key);
    let deadline = inner.settings.read_deadline;
    let answer = inner.gate.ask(operation, deadline, request).await?;
    let answer = answer
        .into_rows_result()
        .map_err(|error| unreadable(operation, error))?;
    let rows = answer
        .rows::<(String, Option<Vec<u8>>)>()
        .map_err(|error| unreadable(operation, error))?;
    let mut items = Vec::with_capacity(answer.rows_num());
    for row in rows {
        let (item, value) = row.map_err(|error| unreadable(operation, error))?;
        items.push((item, value.unwrap_or_default()));
    }
    Ok(items)
}

/// Returns once every change is acknowledged.
pub(crate) async fn write(inner: &Inner, changes: &[LinkChange]) -> Result<(), StoreFault> {
    futures::stream::iter(changes)
        .map(Ok)
        .try_for_each_concurrent(LINKS_AT_ONCE, |change| change_one(inner, change))
        .await?;
    metrics::wrote(changes.len());
    Ok(())
}

async fn change_one(inner: &Inner, change: &LinkChange) -> Result<(), StoreFault> {
    let statements = &inner.statements;
    let session = &inner.session;
    let deadline = inner.settings.read_deadline;
    let operation = Operation::WriteLinks;
    match change {
        LinkChange::Put {
            object,
            item,
            value,
        } => {
            let values = (object.as_str(), item.as_str(), value.as_slice());
            let request = || session.execute_unpaged(&statements.put_link, values);
            inner.gate.ask(operation, deadline, request).await.map(drop)
        }
        LinkChange::Remove { object, item } => {
            let values = (object.as_str(), item.as_str());
            let request = || session.execute_unpaged(&statements.remove_link, values);
            inner.gate.ask(operation, deadline, request).await.map(drop)
        }
    }
}
