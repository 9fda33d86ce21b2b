//! What must hold, numbered as in ARCHITECTURE.md, and how it is seen to hold.

use std::collections::{BTreeMap, BTreeSet};

use trueup_domain::event::UnixMillis;
use trueup_domain::fold::{fold_event, fold_snapshot};
use trueup_domain::gap::{GapSet, GapStatus, Grace, Times, next_gaps};
use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_domain::status::OrderStatus;
use trueup_domain::view::{publishes, view};
use trueup_engine::ports::log::{Input, Record, Source};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::GapSetRecord;
use trueup_schemas::records::OrderSnapshotRecord;
use trueup_schemas::records::OrderStatusChanged;
use trueup_schemas::records::PaymentEvent;

use super::cluster::{Cluster, Topic};
use super::store::Rows;

pub type Verdict = Result<(), String>;

pub(super) fn order_of(record: &Record) -> OrderId {
    let key = std::str::from_utf8(record.key.as_deref().unwrap()).unwrap();
    OrderId::try_from(key).unwrap()
}

fn join(ledger: &mut Ledger, input: Input, record: &Record) {
    let value = record.value.as_deref().unwrap();
    match input {
        Input::Events => {
            let told: PaymentEvent = Codec::SingleObject.decode(value).unwrap();
            fold_event(ledger, &told.event, record.offset).unwrap();
        }
        Input::Orders => {
            let told: OrderSnapshotRecord = Codec::SingleObject.decode(value).unwrap();
            fold_snapshot(ledger, &told.snapshot);
        }
    }
}

/// Each order's ledger by the records below the given offsets.
fn folded(
    cluster: &Cluster,
    partition: i32,
    below: impl Fn(Input) -> i64,
) -> BTreeMap<OrderId, Ledger> {
    let mut ledgers: BTreeMap<OrderId, Ledger> = BTreeMap::new();
    for input in Input::ALL {
        let log = cluster.visible(Topic::Read(Source::Input(input)), partition);
        for record in log.filter(|record| record.offset < below(input)) {
            join(ledgers.entry(order_of(record)).or_default(), input, record);
        }
    }
    ledgers
}

fn cell(rows: &Rows, order: &OrderId) -> Ledger {
    let Some((_, bytes)) = rows.cells.get(order) else {
        return Ledger::default();
    };
    Codec::SingleObject.decode(bytes).unwrap()
}

/// Facts of `less` that `more` has not.
fn lacks(more: &Ledger, less: &Ledger) -> bool {
    let has = |ledger: &Ledger, id, digest| {
        ledger
            .events
            .iter()
            .any(|seen| &seen.id == id && &seen.digest == digest)
    };
    less.events
        .iter()
        .any(|seen| !has(more, &seen.id, &seen.digest))
        || less
            .snapshots
            .kept
            .iter()
            .any(|pair| !more.snapshots.kept.contains(pair))
}

/// what lies below a checkpoint is in the store. R-2: the store holds nothing that is not
/// committed.
pub fn store_follows(cluster: &Cluster, rows: &Rows) -> Verdict {
    for partition in 0..cluster.partitions {
        if let Some(checkpoint) = rows.checkpoints.get(&partition) {
            let below = |input| match input {
                Input::Events => checkpoint.events,
                Input::Orders => checkpoint.orders,
            };
            for (order, ledger) in folded(cluster, partition, below) {
                if lacks(&cell(rows, &order), &ledger) {
                    return Err(format!(
                        "R-1: the store lacks facts of `{order}` below its checkpoint"
                    ));
                }
            }
        }
        let decided = cluster.decided(partition);
        let committed = folded(cluster, partition, |input| decided.of(input));
        let all = folded(cluster, partition, |_| i64::MAX);
        for order in all.keys() {
            let empty = Ledger::default();
            if lacks(committed.get(order).unwrap_or(&empty), &cell(rows, order)) {
                return Err(format!("R-2: the store has uncommitted facts of `{order}`"));
            }
        }
    }
    Ok(())
}

fn changes(cluster: &Cluster) -> BTreeMap<OrderId, Vec<OrderStatusChanged>> {
    let mut changes: BTreeMap<OrderId, Vec<OrderStatusChanged>> = BTreeMap::new();
    for partition in 0..cluster.partitions {
        for record in cluster.visible(Topic::Status, partition) {
            let value = record.value.as_deref().unwrap();
            let told = Codec::SingleObject.decode(value).unwrap();
            changes.entry(order_of(record)).or_default().push(told);
        }
    }
    changes
}

/// each order's records have strictly increasing versions, follow one another without a gap,
/// and no cause is published twice.
pub fn log_is_in_order(cluster: &Cluster) -> Verdict {
    for (order, changes) in changes(cluster) {
        let mut version = 0;
        let mut status = OrderStatus::Pending;
        let mut causes = BTreeSet::new();
        for change in changes {
            if change.version <= version {
                return Err(format!(
                    "R-3: `{order}` goes from version {version} to {}",
                    change.version
                ));
            }
            if change.from != status {
                return Err(format!(
                    "R-3: `{order}` was {status:?}, its next record says {:?}",
                    change.from
                ));
            }
            if !causes.insert(change.event_id.clone()) {
                return Err(format!(
                    "R-3: `{}` of `{order}` was published twice",
                    change.event_id
                ));
            }
            (version, status) = (change.version, change.to);
        }
    }
    Ok(())
}

/// when all is quiet, each order's last record is what the fold of all its records says, and
/// the store's ledger is that fold.
pub fn last_word_is_right(cluster: &Cluster, rows: &Rows) -> Verdict {
    let changes = changes(cluster);
    for partition in 0..cluster.partitions {
        for (order, ledger) in folded(cluster, partition, |_| i64::MAX) {
            let expected = view(&ledger);
            let last = changes.get(&order).and_then(|changes| changes.last());
            let said = last.map_or((OrderStatus::Pending, 0, 0), |last| {
                (last.to, last.amount_received, last.amount_refunded)
            });
            if said != (expected.status, expected.received, expected.refunded) {
                return Err(format!(
                    "R-4: `{order}` should be {expected:?}, its last record says {said:?}"
                ));
            }
            if last.is_none() && publishes(&view(&Ledger::default()), &expected) {
                return Err(format!("R-4: `{order}` was never published"));
            }
            if cell(rows, &order) != ledger {
                return Err(format!(
                    "R-4: the store's ledger of `{order}` is not the fold of its records"
                ));
            }
        }
    }
    Ok(())
}

fn kinds(gaps: &GapSet) -> Vec<(trueup_domain::gap::GapKind, GapStatus)> {
    gaps.gaps.iter().map(|gap| (gap.kind, gap.status)).collect()
}

/// when all is quiet, each order's set of gaps is what its ledger and the clock say.
pub fn gaps_are_right(cluster: &Cluster, clock: UnixMillis, grace: Grace) -> Verdict {
    for partition in 0..cluster.partitions {
        let mut sets: BTreeMap<OrderId, GapSet> = BTreeMap::new();
        for record in cluster.visible(Topic::Read(Source::Gaps), partition) {
            if record
                .key
                .as_deref()
                .is_some_and(|key| key.starts_with(b"trueup:"))
            {
                continue;
            }
            let told = record.value.as_deref().map(|value| {
                let told: GapSetRecord = Codec::SingleObject.decode(value).unwrap();
                told.gaps
            });
            sets.insert(order_of(record), told.unwrap_or_default());
        }
        let times = Times { at: clock, clock };
        for (order, ledger) in folded(cluster, partition, |_| i64::MAX) {
            let held = sets.remove(&order).unwrap_or_default();
            let expected = next_gaps(&ledger, &view(&ledger), &held, times, grace, true);
            if kinds(&held) != kinds(&expected) {
                return Err(format!(
                    "R-5: gaps of `{order}` are {held:?}, should be {expected:?}"
                ));
            }
        }
    }
    Ok(())
}
