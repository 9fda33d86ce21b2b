//! The schema: applied once whatever happens, and refused where it is not this program's.

use std::sync::Arc;

use trueup_ledger::{
    ConnectFault, CqlLedger, CqlSettings, MigrateFault, NewSchema, NoSchema, OldSchema,
    Replication, SCHEMA_VERSION, apply_schema,
};

use super::support::{Cql, Raw, keyspace, runtime, settings};
use crate::conformance::{batch, ledger, load_one, order, write};

const ALL: [&str; 4] = [
    "0001_ledgers",
    "0002_event_index",
    "0003_object_links",
    "0004_sweep_cursors",
];

#[test]
fn applying_it_again_changes_nothing() {
    let settings = settings(&trueup_testkit::cql(), "again");
    let runtime = runtime();
    let apply = || runtime.block_on(apply_schema(&settings)).unwrap();
    let first = apply();
    assert!(first.created_keyspace, "{first:?}");
    assert_eq!((first.from, first.to), (0, SCHEMA_VERSION));
    assert_eq!(first.ran, ALL);
    assert_eq!(first.keyspace, settings.keyspace);

    let cql = Cql::of(settings.clone());
    let order = order("kept");
    write(&mut cql.store(), batch(vec![ledger(&order, 1)], Vec::new()));
    let second = apply();
    assert!(!second.created_keyspace && second.ran.is_empty());
    assert_eq!((second.from, second.to), (SCHEMA_VERSION, SCHEMA_VERSION));
    assert_eq!(second.other_replication, None);
    let kept = load_one(&mut cql.store(), &order);
    assert_eq!(kept, Some(ledger(&order, 1).cell));
}

#[test]
fn several_that_apply_it_at_once_all_end_well() {
    let settings = Arc::new(settings(&trueup_testkit::cql(), "at_once"));
    let appliers: Vec<_> = (0..4)
        .map(|_| {
            let settings = Arc::clone(&settings);
            std::thread::spawn(move || runtime().block_on(apply_schema(&settings)))
        })
        .collect();
    for applier in appliers {
        let applied = applier.join().unwrap().unwrap();
        assert_eq!(applied.to, SCHEMA_VERSION);
    }
    let cql = Cql::of(settings.as_ref().clone());
    let tables = cql.raw().rows(&format!(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{}'",
        settings.keyspace
    ));
    assert_eq!(tables.rows_num(), 6, "of each table one");
    let order = order("order-1");
    write(&mut cql.store(), batch(vec![ledger(&order, 1)], Vec::new()));
    assert!(load_one(&mut cql.store(), &order).is_some());
}

#[test]
fn a_newer_one_is_refused_and_left_as_it_is() {
    let cql = Cql::new(&trueup_testkit::cql(), "newer");
    let keyspace = &cql.settings.keyspace;
    cql.raw().run(&format!(
        "INSERT INTO {keyspace}.schema_versions (component, version) VALUES ('ledger', 5)"
    ));
    let refusal = ConnectFault::NewSchema(NewSchema {
        keyspace: keyspace.clone(),
        found: 5,
        wanted: SCHEMA_VERSION,
    });
    let connected = cql
        .runtime
        .block_on(CqlLedger::connect(cql.settings.clone()));
    assert_eq!(connected.err(), Some(refusal.clone()));
    let applied = cql.runtime.block_on(apply_schema(&cql.settings));
    assert_eq!(applied, Err(MigrateFault::Connect(refusal)));
    let versions = cql
        .raw()
        .rows(&format!("SELECT version FROM {keyspace}.schema_versions"));
    assert_eq!(versions.rows_num(), ALL.len() + 1);
}

#[test]
fn an_older_one_is_refused_until_it_is_migrated() {
    let cql = Cql::new(&trueup_testkit::cql(), "older");
    let keyspace = &cql.settings.keyspace;
    let raw = cql.raw();
    raw.run(&format!("DROP TABLE {keyspace}.sweep_cursors"));
    raw.run(&format!(
        "DELETE FROM {keyspace}.schema_versions WHERE component = 'ledger' AND version = 4"
    ));
    let connect = || {
        cql.runtime
            .block_on(CqlLedger::connect(cql.settings.clone()))
    };
    let refusal = ConnectFault::OldSchema(OldSchema {
        keyspace: keyspace.clone(),
        found: 3,
        wanted: SCHEMA_VERSION,
    });
    assert_eq!(connect().err(), Some(refusal));
    let applied = cql.runtime.block_on(apply_schema(&cql.settings)).unwrap();
    assert_eq!((applied.from, applied.to), (3, SCHEMA_VERSION));
    assert_eq!(applied.ran, [ALL[3]]);
    assert!(!applied.created_keyspace);
    connect().unwrap();
}

#[test]
fn a_keyspace_that_is_absent_or_empty_has_none_and_is_not_a_store_that_is_away() {
    let settings = settings(&trueup_testkit::cql(), "none");
    let runtime = runtime();
    let refused = || {
        let connected = runtime.block_on(CqlLedger::connect(settings.clone()));
        match connected {
            Err(ConnectFault::NoSchema(NoSchema { keyspace, .. })) => keyspace,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(), settings.keyspace);
    let raw = Raw::open(&runtime, &settings.hosts[0]);
    raw.run(&format!(
        "CREATE KEYSPACE {} WITH replication = \
         {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
        settings.keyspace
    ));
    assert_eq!(refused(), settings.keyspace);
    let applied = runtime.block_on(apply_schema(&settings)).unwrap();
    assert!(!applied.created_keyspace, "it was there before");
    assert_eq!(applied.ran, ALL);
    Cql::of(settings);
}

/// Taken for an empty keyspace it would be migrated from the start, over what is there.
#[test]
fn versions_that_cannot_be_read_are_a_fault_and_not_version_0() {
    let settings = settings(&trueup_testkit::cql(), "unreadable");
    let runtime = runtime();
    let raw = Raw::open(&runtime, &settings.hosts[0]);
    let keyspace = &settings.keyspace;
    raw.run(&format!(
        "CREATE KEYSPACE {keyspace} WITH replication = \
         {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
    ));
    raw.run(&format!(
        "CREATE TABLE {keyspace}.schema_versions (component text, version text, name text, \
         applied_at timestamp, PRIMARY KEY (component, version))"
    ));
    let versions = format!("{keyspace}.schema_versions");
    raw.run(&format!(
        "INSERT INTO {versions} (component, version) VALUES ('ledger', 'two')"
    ));
    let applied = runtime.block_on(apply_schema(&settings));
    assert!(
        matches!(applied, Err(MigrateFault::Migration(_))),
        "{applied:?}"
    );
    let tables = raw.rows(&format!(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'"
    ));
    assert_eq!(tables.rows_num(), 1, "something was made in it");
    let connected = runtime.block_on(CqlLedger::connect(settings.clone()));
    assert!(connected.is_err());
    raw.forget_keyspace(keyspace);
}

#[test]
fn another_replication_is_told_and_left_as_it_is() {
    let mut settings = settings(&trueup_testkit::cql(), "replicated");
    settings.keyspace = keyspace("replicated");
    settings.replication = Replication::Datacenter {
        name: "datacenter1".to_owned(),
        replicas: 1,
    };
    let cql = Cql::of(settings.clone());
    let told = |settings: &CqlSettings| {
        let applied = cql.runtime.block_on(apply_schema(settings)).unwrap();
        applied.other_replication
    };
    assert_eq!(told(&settings), None);
    settings.replication = Replication::Simple { replicas: 1 };
    let found = "{'class': 'NetworkTopologyStrategy', 'datacenter1': '1'}";
    assert_eq!(told(&settings).as_deref(), Some(found));
    settings.replication = Replication::Datacenter {
        name: "datacenter1".to_owned(),
        replicas: 3,
    };
    assert_eq!(told(&settings).as_deref(), Some(found));
}
