//! Each planted bug makes the test fail that is there to catch it. The plant is switched on for a
//! process of its own, because the core has a thread of its own.

use std::process::{Command, Stdio};

/// Whether the test passes in a process with this plant, or without any.
fn passes(test: &str, plant: &str) -> bool {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env("TRUEUP_PLANT", plant)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

fn caught(plant: &str, test: &str) {
    assert!(passes(test, ""), "`{test}` fails without `{plant}`");
    assert!(!passes(test, plant), "`{plant}` goes unseen by `{test}`");
}

#[test]
fn an_answer_before_the_sync_is_caught() {
    caught(
        "answer-before-sync",
        "restart::a_crash_that_loses_what_was_not_synced_loses_nothing_acknowledged",
    );
}

#[test]
fn records_without_an_end_that_are_shown_are_caught() {
    caught(
        "stable-offset-ignored",
        "conformance::embedded::transactions::a_reader_of_committed_records_waits_for_the_open_transaction",
    );
}

#[test]
fn an_aborted_index_off_by_one_is_caught() {
    caught(
        "aborted-index-off-by-one",
        "conformance::embedded::transactions::a_committed_transaction_is_read_and_an_aborted_one_is_not",
    );
}

#[test]
fn a_fence_that_is_skipped_is_caught() {
    caught(
        "fencing-skipped",
        "conformance::embedded::zombies::a_fenced_producer_can_begin_nothing_more",
    );
}

#[test]
fn a_generation_that_is_not_checked_is_caught() {
    caught(
        "generation-unchecked",
        "conformance::embedded::zombies::offsets_from_a_member_of_an_older_generation_are_refused",
    );
}

#[test]
fn a_duplicate_that_is_appended_is_caught() {
    caught(
        "duplicate-appended",
        "faults::lost_and_doubled_and_refused_produces_end_up_once_and_in_order",
    );
}

#[test]
fn offsets_that_outlive_their_abort_are_caught() {
    caught(
        "offsets-despite-abort",
        "conformance::embedded::transactional_offsets::offsets_of_a_transaction_are_seen_after_its_commit_and_never_after_its_abort",
    );
}

#[test]
fn a_sequence_gap_that_is_accepted_is_caught() {
    caught(
        "sequence-gap-accepted",
        "faults::a_first_batch_that_is_refused_is_not_lost_when_the_second_one_comes_at_once",
    );
}
