//! The runs that measure, small enough for every test run: what they say must be right, whatever
//! it costs. The full runs are commands: see the README.

#![cfg(test)]

use std::time::Duration;

use trueup_load_tests::one_order::{self, OneOrderOptions};
use trueup_load_tests::restart::{self, RestartOptions};

#[test]
fn one_order_id_for_everything_is_told_by_one_gap_and_letters_in_order() {
    let report = one_order::run(&OneOrderOptions {
        seed: 1,
        time_limit: Duration::from_secs(240),
        events: 900,
        parts: 3,
        senders: 8,
        binary: env!("CARGO_BIN_EXE_trueup").into(),
        logs: None,
    });
    let report = report.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.letters, 900 - 512, "{report}");
}

#[test]
fn after_a_restart_gaps_are_as_before_and_a_payment_is_told() {
    let report = restart::run(&RestartOptions {
        seed: 1,
        time_limit: Duration::from_secs(240),
        orders: 1_000,
        gaps: 100,
        rounds: 2,
        partitions: 3,
        kafka: false,
        workers: 1,
        binary: env!("CARGO_BIN_EXE_trueup").into(),
        logs: None,
    });
    let report = report.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.rounds(), 2, "{report}");
}
