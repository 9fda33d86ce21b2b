//! One batch of records, from the rows to what is said: the machine's two readings of the rows
//! around one writing, for all records at once.

use std::collections::{BTreeSet, HashSet};

use trueup_domain::ids::{ObjectId, OrderId};
use trueup_engine::ports::links::{LinkChange, LinkStore};
use trueup_engine::ports::store::{StoreFault, StoreFaultKind};
use trueup_plants::{Plant, planted};

use crate::machine::{Decision, Full, Rows, Said, Told, parked_id};
use crate::row::{Change, ParkedId, Row};

/// What a batch comes to.
#[derive(Debug, Default)]
pub struct Judged {
    /// By the place of the record in the batch.
    pub refused: Vec<(usize, Full)>,
    /// Records that added something to a row.
    pub added: usize,
    /// To be produced and acknowledged before `then` is written.
    pub said: Vec<Said>,
    pub then: Vec<Change>,
}

/// Writes what the records add, reads the rows, and decides.
///
/// # Errors
/// [`StoreFault`]: then nothing is known, and the batch is to be judged again.
pub fn judge(store: &mut impl LinkStore, batch: &[Told]) -> Result<Judged, StoreFault> {
    let mut added = add(store, batch)?;
    if !added.touched.is_empty() && !planted(Plant::LinkRaceLost) {
        let touched: Vec<ObjectId> = added.touched.into_iter().collect();
        added.rows.extend(read(store, &touched)?);
    }
    let judged = decide(batch, added.refused, added.rows);
    Ok(Judged {
        added: added.count,
        ..judged
    })
}

struct Added {
    rows: Rows,
    refused: Vec<(usize, Full)>,
    count: usize,
    /// Rows that were written, and so are read again.
    touched: BTreeSet<ObjectId>,
}

fn add(store: &mut impl LinkStore, batch: &[Told]) -> Result<Added, StoreFault> {
    let objects: BTreeSet<ObjectId> = batch.iter().flat_map(Told::objects).collect();
    let objects: Vec<ObjectId> = objects.into_iter().collect();
    let mut rows = read(store, &objects)?;
    let mut refused = Vec::new();
    let mut touched = BTreeSet::new();
    let mut changes = Vec::new();
    let mut count = 0_usize;
    for (place, told) in batch.iter().enumerate() {
        match told.additions(&rows) {
            Ok(additions) => {
                count = count.saturating_add(usize::from(!additions.is_empty()));
                for change in additions {
                    apply(&change, &mut rows);
                    change.stored(&mut changes);
                    // All rows of the record: what decides is read at one moment.
                    touched.extend(told.objects());
                }
            }
            Err(full) => refused.push((place, full)),
        }
    }
    write(store, &changes)?;
    Ok(Added {
        rows,
        refused,
        count,
        touched,
    })
}

/// Writes the changes of a judged batch, once what it said is acknowledged.
///
/// # Errors
/// [`StoreFault`]: they may be repeated.
pub fn settle(store: &mut impl LinkStore, then: &[Change]) -> Result<(), StoreFault> {
    let mut changes = Vec::new();
    for change in then {
        change.stored(&mut changes);
    }
    write(store, &changes)
}

fn decide(batch: &[Told], refused: Vec<(usize, Full)>, mut rows: Rows) -> Judged {
    let mut judged = Judged {
        refused,
        ..Judged::default()
    };
    let out: HashSet<usize> = judged.refused.iter().map(|(place, _)| *place).collect();
    let mut forwarded: HashSet<(OrderId, ParkedId)> = HashSet::new();
    for (place, told) in batch.iter().enumerate() {
        if out.contains(&place) {
            continue;
        }
        let Decision { said, then } = told.decide(&rows);
        for said in said {
            if let Said::Forward { order, parked } = &said
                && !forwarded.insert((order.clone(), parked_id(parked)))
            {
                continue;
            }
            judged.said.push(said);
        }
        for change in then {
            apply(&change, &mut rows);
            judged.then.push(change);
        }
    }
    judged
}

/// The order that claimed `object` first, for people who ask.
///
/// # Errors
/// [`StoreFault`] when the store did not answer: that is never "not found".
pub fn owner_of(
    store: &mut impl LinkStore,
    object: &ObjectId,
) -> Result<Option<OrderId>, StoreFault> {
    let rows = read(store, std::slice::from_ref(object))?;
    Ok(rows.get(object).and_then(Row::owner).cloned())
}

fn apply(change: &Change, rows: &mut Rows) {
    change.apply(rows.entry(change.object().clone()).or_default());
}

fn read(store: &mut impl LinkStore, objects: &[ObjectId]) -> Result<Rows, StoreFault> {
    let mut rows = Rows::new();
    if objects.is_empty() {
        return Ok(rows);
    }
    let held = store.load_links(objects)?;
    for (object, items) in objects.iter().zip(held) {
        let row = Row::read(object, &items).map_err(|foreign| StoreFault {
            operation: "read links",
            kind: StoreFaultKind::Foreign,
            reason: foreign.to_string(),
        })?;
        rows.insert(object.clone(), row);
    }
    Ok(rows)
}

fn write(store: &mut impl LinkStore, changes: &[LinkChange]) -> Result<(), StoreFault> {
    if changes.is_empty() {
        return Ok(());
    }
    store.write_links(changes)
}
