//! The run of dead letters, small enough for every test run. The full run is a command: see the
//! README.

#![cfg(test)]

use std::time::Duration;

use trueup_load_tests::letters::{self, LettersOptions};

fn options(seed: u64) -> LettersOptions {
    LettersOptions {
        seed,
        time_limit: Duration::from_secs(240),
        letters: 600,
        kills: 3,
        partitions: 3,
        rate: 300,
        senders: 16,
        binary: env!("CARGO_BIN_EXE_trueup").into(),
        logs: None,
        plant: None,
    }
}

#[test]
fn letters_replayed_under_kill_9_tell_what_was_told_without_them() {
    let report = letters::run(&options(11)).unwrap();
    assert!(report.is_clean(), "{report}");
    assert!(report.letters >= 600, "{report}");
}

#[test]
fn letters_replayed_out_of_order_are_caught() {
    let planted = LettersOptions {
        kills: 0,
        plant: Some("replay-out-of-order".to_owned()),
        ..options(12)
    };
    let report = letters::run(&planted).unwrap();
    let told = report.faults.iter();
    let caught = told.filter(|fault| fault.what == "was told otherwise after the replay");
    assert!(caught.count() > 0, "the planted bug goes unseen: {report}");
    let _ = std::fs::remove_dir_all(&report.logs);
}
