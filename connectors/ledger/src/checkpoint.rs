//! Checkpoints: each position is written with itself as its timestamp, so it can only grow,
//! whatever order the writes of old and new owners land in.
//!
//! Positions may come from different writers: what is acknowledged below one of them is
//! acknowledged, whoever said so, hence the greatest of each is true. All are cells of one
//! partition and land together.

use scylla::statement::batch::{Batch, BatchType};
use scylla::value::CqlTimestamp;
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, StoreFault};

use crate::ledger::{Inner, first};
use crate::metrics::Operation;
use crate::request::{away, unreadable};

/// One try: who saves checkpoints does it again a second later, with a better one.
pub(crate) async fn save(
    inner: &Inner,
    key: &CheckpointKey,
    checkpoint: Checkpoint,
) -> Result<(), StoreFault> {
    let operation = Operation::SaveCheckpoint;
    let Checkpoint {
        events,
        orders,
        saved_at,
    } = checkpoint;
    if events < 0 || orders < 0 {
        let reason = format!("positions {events} and {orders} are no offsets; they start at 0");
        return Err(unreadable(operation, reason));
    }
    let mut batch = Batch::new(BatchType::Unlogged);
    batch.set_is_idempotent(true);
    batch.append_statement(inner.statements.save_events.clone());
    batch.append_statement(inner.statements.save_orders.clone());
    batch.append_statement(inner.statements.save_time.clone());
    let (topic, partition, epoch) = (key.topic.as_str(), key.partition, key.epoch);
    let both = events.saturating_add(orders);
    let values = (
        (events.saturating_add(1), events, topic, partition, epoch),
        (orders.saturating_add(1), orders, topic, partition, epoch),
        (
            both.saturating_add(1),
            CqlTimestamp(saved_at),
            topic,
            partition,
            epoch,
        ),
    );
    let saving = inner.session.batch(&batch, values);
    match inner.gate.send(operation, saving).await {
        Ok(_) => Ok(()),
        Err(error) => Err(away(operation, error)),
    }
}

pub(crate) async fn load(
    inner: &Inner,
    key: &CheckpointKey,
) -> Result<Option<Checkpoint>, StoreFault> {
    let operation = Operation::ReadCheckpoint;
    let statement = &inner.statements.read_checkpoint;
    let values = (key.topic.as_str(), key.partition, key.epoch);
    let request = || inner.session.execute_unpaged(statement, values);
    let answer = inner
        .gate
        .ask(operation, inner.settings.read_deadline, request)
        .await?;
    let row: Option<(Option<i64>, Option<i64>, Option<CqlTimestamp>)> = first(operation, answer)?;
    match row {
        None => Ok(None),
        Some((Some(events), Some(orders), Some(CqlTimestamp(saved_at)))) => Ok(Some(Checkpoint {
            events,
            orders,
            saved_at,
        })),
        Some(_) => {
            let CheckpointKey {
                topic,
                partition,
                epoch,
            } = key;
            let reason = format!(
                "the checkpoint of `{topic}`/{partition}, epoch {epoch}, lacks a part: somebody \
                 changed it by hand; adopt the store with a new epoch"
            );
            Err(unreadable(operation, reason))
        }
    }
}
