//! Connections: none to be had, one that is silent, and one that falls silent later.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use trueup_domain::ids::OrderId;
use trueup_engine::ports::store::LedgerStore;
use trueup_ledger::{ConnectFault, CqlLedger, SettingsFault, apply_schema};
use trueup_plants::{Plant, with};

use super::proxy::Proxy;
use super::support::{Cql, SOON, runtime, settings};
use crate::conformance::{batch, ledger, load_one, order, write};

/// What a store that is away costs a command: it says so, and ends.
const GIVEN_UP: Duration = Duration::from_secs(12);

#[test]
fn a_store_that_is_not_there_is_unreachable_and_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    unreachable_within(&address, GIVEN_UP);
}

#[test]
fn a_store_that_takes_connections_and_says_nothing_is_unreachable_and_named() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    unreachable_within(&silent.local_addr().unwrap().to_string(), GIVEN_UP);
}

fn unreachable_within(address: &str, limit: Duration) {
    let settings = settings(address, "away");
    let runtime = runtime();
    let began = Instant::now();
    let connected = runtime.block_on(CqlLedger::connect(settings.clone()));
    let took = began.elapsed();
    let Err(ConnectFault::Unreachable(fault)) = connected else {
        panic!("{connected:?}");
    };
    assert_eq!(fault.hosts, address);
    assert!(took < limit, "after {took:?}");
    let applied = runtime.block_on(apply_schema(&settings)).unwrap_err();
    let said = applied.to_string();
    assert!(
        said.contains(address) && said.contains("start it"),
        "{said}"
    );
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_asked() {
    let mut settings = settings("127.0.0.1:1", "settings");
    settings.keyspace = "No keyspace; DROP".to_owned();
    let name = settings.keyspace.clone();
    let connected = runtime().block_on(CqlLedger::connect(settings));
    let fault = SettingsFault::Keyspace { name };
    assert_eq!(connected.err(), Some(ConnectFault::Settings(fault)));
}

/// Whether the store passes off what it cannot read as absent. The orders named are all there.
pub(crate) fn takes_silence_for_absence(store: &mut dyn LedgerStore, there: &[OrderId]) -> bool {
    store
        .load(there)
        .is_ok_and(|cells| cells.iter().any(Option::is_none))
}

#[test]
fn silence_is_not_taken_for_absence_and_the_plant_timeout_is_not_found_is_caught() {
    let proxy = Proxy::to(&trueup_testkit::cql());
    let direct = Cql::new(&trueup_testkit::cql(), "absence");
    let mut settings = direct.settings.clone();
    settings.hosts = vec![proxy.address().to_owned()];
    settings.request_timeout = Duration::from_millis(300);
    settings.read_deadline = Duration::from_secs(1);
    let cql = Cql::connected(settings);
    let mut store = cql.store();
    let there = [order("there"), order("there too")];
    let ledgers = there.iter().map(|order| ledger(order, 1)).collect();
    write(&mut direct.store(), batch(ledgers, Vec::new()));
    proxy.silence();
    assert!(!takes_silence_for_absence(&mut store, &there));
    let caught = with(Plant::TimeoutIsNotFound, || {
        takes_silence_for_absence(&mut store, &there)
    });
    assert!(caught, "the plant was not caught");
}

/// A firewall that drops a connection tells neither end; the driver's own defaults would find out
/// after a minute, and every request until then would be lost.
#[test]
fn a_connection_that_falls_silent_is_replaced_within_seconds() {
    let proxy = Proxy::to(&trueup_testkit::cql());
    let direct = Cql::new(&trueup_testkit::cql(), "silent");
    let mut settings = direct.settings.clone();
    settings.hosts = vec![proxy.address().to_owned()];
    settings.request_timeout = Duration::from_secs(1);
    settings.read_deadline = Duration::from_secs(2);
    let cql = Cql::connected(settings);
    let mut store = cql.store();
    let order = order("order-1");
    write(&mut store, batch(vec![ledger(&order, 1)], Vec::new()));

    proxy.silence();
    let asked = store.load(std::slice::from_ref(&order));
    assert!(asked.is_err(), "the proxy still forwards: {asked:?}");
    let back = trueup_testkit::wait_until(SOON, || store.load(std::slice::from_ref(&order)).ok());
    assert_eq!(back, Some(vec![Some(ledger(&order, 1).cell)]));
    write(&mut store, batch(vec![ledger(&order, 2)], Vec::new()));
    assert_eq!(load_one(&mut store, &order), Some(ledger(&order, 2).cell));
}
