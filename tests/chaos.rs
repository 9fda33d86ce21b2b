//! The runs that kill everything, small enough for every test run: the real gateway and real
//! processors on a real Kafka and a real CQL store, judged by an oracle that shares no code with
//! the fold. The full runs are commands: see the README.

#![cfg(test)]

use std::time::Duration;

use trueup_load_tests::chaos::{self, ChaosOptions, External, Own};
use trueup_load_tests::dev::{self, DevOptions};

fn options(seed: u64) -> ChaosOptions {
    ChaosOptions {
        seed,
        time_limit: Duration::from_secs(240),
        orders: 500,
        kills: 3,
        gateway_kills: 1,
        restart_services: false,
        process: 3,
        workers: 1,
        partitions: 6,
        freezes: 0,
        freeze: Duration::from_secs(25),
        joins: 1,
        rate: 120,
        senders: 24,
        grace: Duration::from_secs(3),
        binary: env!("CARGO_BIN_EXE_trueup").into(),
        logs: None,
    }
}

/// Kafka and the store die too, and a processor is frozen until it is shut out, all within seconds.
fn all_at_once(seed: u64) -> ChaosOptions {
    ChaosOptions {
        kills: 1,
        gateway_kills: 0,
        restart_services: true,
        freezes: 1,
        joins: 0,
        ..options(seed)
    }
}

#[test]
fn every_change_is_published_once_while_processors_and_the_gateway_are_killed() {
    let mut services = External {
        kafka: trueup_testkit::kafka(),
        store: trueup_testkit::cql(),
    };
    let report = chaos::run(&options(11), &mut services).unwrap();
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

#[test]
fn own_services_every_change_is_published_once_while_kafka_and_the_store_are_killed_too() {
    let report = chaos::run(&all_at_once(12), &mut Own::start().unwrap()).unwrap();
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

#[test]
fn own_dev_that_is_killed_whole_while_its_broker_misbehaves_loses_and_doubles_nothing() {
    let options = DevOptions {
        seed: 13,
        time_limit: Duration::from_secs(240),
        orders: 500,
        kills: 6,
        faults: 400,
        partitions: 6,
        rate: 120,
        senders: 24,
        grace: Duration::from_secs(3),
        binary: env!("CARGO_BIN_EXE_trueup").into(),
        logs: None,
    };
    let report = dev::run(&options).unwrap();
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}
