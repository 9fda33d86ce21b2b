//! Lifecycles as tables that a payments engineer can read: what arrives, in the order of
//! arrival, and what the order is worth after each line.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod line;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use table::Table;
use trueup_domain::event::EventType;
use trueup_plants::Plant;

fn tables() -> Vec<Table> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lifecycles");
    let mut tables: Vec<Table> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| Table::read(&path))
        .collect();
    tables.sort_by(|one, two| one.name.cmp(&two.name));
    tables
}

fn holds(name: &str) {
    let table = tables()
        .into_iter()
        .find(|table| table.name == name)
        .unwrap();
    let differences = table.differences();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn a_card_payment_goes_its_way() {
    holds("card.txt");
}

#[test]
fn a_checkout_session_goes_its_way() {
    holds("checkout.txt");
}

#[test]
fn money_is_held_first_and_captured_later() {
    holds("capture.txt");
}

#[test]
fn refunds_are_counted_once() {
    holds("refunds.txt");
}

#[test]
fn disputes_open_and_close() {
    holds("disputes.txt");
}

#[test]
fn deliveries_repeat_and_contradict_each_other() {
    holds("deliveries.txt");
}

#[test]
fn several_payments_add_up_in_one_currency() {
    holds("several_payments.txt");
}

#[test]
fn the_shop_says_what_is_due() {
    holds("snapshots.txt");
}

#[test]
fn every_table_has_a_test_of_its_own() {
    let names: Vec<String> = tables().into_iter().map(|table| table.name).collect();
    let tested = [
        "capture.txt",
        "card.txt",
        "checkout.txt",
        "deliveries.txt",
        "disputes.txt",
        "refunds.txt",
        "several_payments.txt",
        "snapshots.txt",
    ];
    assert_eq!(names, tested);
}

#[test]
fn every_event_type_and_every_status_occurs() {
    let tables = tables();
    let kinds: BTreeSet<EventType> = tables.iter().flat_map(Table::kinds).collect();
    assert_eq!(kinds, EventType::ALL.iter().copied().collect());
    let statuses: BTreeSet<String> = tables.iter().flat_map(Table::statuses).collect();
    let all = trueup_domain::status::OrderStatus::ALL;
    assert_eq!(
        statuses,
        all.iter()
            .map(|status| status.as_str().to_owned())
            .collect()
    );
}

#[test]
fn every_case_comes_to_the_same_ledger_backwards_and_twice() {
    for table in tables() {
        for case in &table.cases {
            case.comes_to_the_same_in_any_order();
        }
    }
}

#[test]
fn a_success_undone_by_a_later_failure_would_be_seen() {
    let differences = trueup_plants::with(Plant::CreatedBeatsSucceeded, || {
        tables()
            .iter()
            .flat_map(Table::differences)
            .collect::<Vec<_>>()
    });
    let final_success = "Success is final, even against a failure of a later second";
    assert!(
        differences
            .iter()
            .any(|difference| difference.contains(final_success))
    );
}
