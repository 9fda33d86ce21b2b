//! What stands in the tables: columns for people, and rows that must stop a load.

use scylla::value::CqlTimestamp;
use trueup_engine::ports::store::{CheckpointKey, LedgerStore};

use super::support::Cql;
use crate::conformance::{batch, ledger, order, write};

type Row = (
    String,
    i64,
    Option<i64>,
    i64,
    i64,
    Option<String>,
    Option<String>,
    CqlTimestamp,
);

#[test]
fn people_see_the_columns_of_the_newest_ledger_and_nothing_of_older_ones() {
    let cql = Cql::new(&trueup_testkit::cql(), "columns");
    let order = order("it's");
    let older = ledger(&order, 1);
    let mut newer = ledger(&order, 2);
    newer.columns.status = "pending";
    newer.columns.amount_due = None;
    newer.columns.amount_received = 0;
    newer.columns.currency = None;
    newer.columns.last_event_id = None;
    newer.columns.updated_at = 1_700_000_000_001;
    let mut store = cql.store();
    write(&mut store, batch(vec![newer], Vec::new()));
    write(&mut store, batch(vec![older], Vec::new()));
    let rows = cql.raw().rows(&format!(
        "SELECT status, version, amount_due, amount_received, amount_refunded, currency, \
         last_event_id, updated_at FROM {}.ledgers WHERE order_id = 'it''s'",
        cql.settings.keyspace
    ));
    let row: Row = rows.single_row().unwrap();
    let updated_at = CqlTimestamp(1_700_000_000_001);
    let expected = ("pending".to_owned(), 2, None, 0, 0, None, None, updated_at);
    assert_eq!(row, expected);
}

#[test]
fn one_order_is_found_with_its_timestamp_and_one_that_is_absent_is_not() {
    let cql = Cql::new(&trueup_testkit::cql(), "found");
    let there = order("there");
    write(&mut cql.store(), batch(vec![ledger(&there, 5)], Vec::new()));
    let find = |id: &str| cql.runtime.block_on(cql.ledger.find_ledger(&order(id)));
    let found = find("there").unwrap().unwrap();
    assert_eq!(found.order_id, there);
    assert_eq!(found.cell, ledger(&there, 5).cell);
    assert_eq!(found.timestamp, 5 * 256 + 1);
    assert_eq!(find("ther"), Ok(None));
}

#[test]
fn a_ledger_of_another_fold_revision_stops_the_load_of_all() {
    let cql = Cql::new(&trueup_testkit::cql(), "revision");
    let mut store = cql.store();
    let mut foreign = ledger(&order("foreign"), 4);
    foreign.timestamp += 1;
    write(
        &mut store,
        batch(vec![ledger(&order("own"), 9), foreign], Vec::new()),
    );
    let fault = store.load(&[order("own"), order("foreign")]).unwrap_err();
    assert!(
        fault.reason.contains("`foreign` was folded by revision 2"),
        "{fault}"
    );
    assert!(store.load(&[order("own")]).is_ok());
}

#[test]
fn a_row_that_somebody_made_by_hand_is_a_fault_and_not_an_absent_order() {
    let cql = Cql::new(&trueup_testkit::cql(), "by_hand");
    let keyspace = &cql.settings.keyspace;
    cql.raw().run(&format!(
        "INSERT INTO {keyspace}.ledgers (order_id, status) VALUES ('made', 'paid')"
    ));
    let fault = cql.store().load(&[order("made")]).unwrap_err();
    assert!(
        fault.reason.contains("`made` has a row without a cell"),
        "{fault}"
    );
    let found = cql.runtime.block_on(cql.ledger.find_ledger(&order("made")));
    assert!(found.is_err(), "{found:?}");

    cql.raw().run(&format!(
        "INSERT INTO {keyspace}.checkpoints (topic, \"partition\", epoch, events) \
         VALUES ('t', 0, 0, 7)"
    ));
    let key = CheckpointKey {
        topic: "t".to_owned(),
        partition: 0,
        epoch: 0,
    };
    let fault = cql.store().load_checkpoint(&key).unwrap_err();
    assert!(fault.reason.contains("lacks a part"), "{fault}");
}
