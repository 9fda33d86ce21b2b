//! The run of gaps, small enough for every test run. The full run is a command: see the README.

#![cfg(test)]

use std::time::Duration;

use trueup_load_tests::gaps::{self, GapsOptions};

fn options(seed: u64) -> GapsOptions {
    GapsOptions {
        seed,
        time_limit: Duration::from_secs(240),
        orders: 250,
        percent: 4,
        kills: 3,
        partitions: 2,
        grace: Duration::from_secs(1),
        senders: 16,
        binary: env!("CARGO_BIN_EXE_trueup").into(),
        logs: None,
        plant: None,
    }
}

#[test]
fn every_fault_is_a_gap_after_kill_9_and_sweep_and_probe_close_exactly_what_can_heal() {
    let report = gaps::run(&options(21)).unwrap();
    assert!(report.is_clean(), "{report}");
    let kinds = [
        ("amount_mismatch", 10),
        ("currency_mismatch", 10),
        ("duplicate_payment", 10),
        ("late_success", 10),
        ("marked_not_paid", 8),
        ("orphan_payment", 5),
        ("paid_not_marked", 5),
        ("stuck_processing", 2),
    ]
    .map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(report.reported.entries, kinds.into(), "{report}");
    let healed = [
        report.closed_by_sweep,
        report.found_by_sweep,
        report.closed_by_probe,
    ];
    assert_eq!(healed, [6, 2, 4], "{report}");
    assert_eq!(report.named.len(), 3, "{report}");
}

#[test]
fn gaps_that_are_not_taken_back_when_they_close_are_caught() {
    let planted = GapsOptions {
        kills: 0,
        plant: Some("gap-tombstone-skipped".to_owned()),
        ..options(22)
    };
    let report = gaps::run(&planted).unwrap();
    let told = report.faults.iter();
    let caught = told.filter(|fault| fault.what == "has gaps where nothing is wrong");
    assert!(caught.count() > 0, "the planted bug goes unseen: {report}");
    let _ = std::fs::remove_dir_all(&report.logs);
}
