//! The real worker and the real reconciler through thousands of histories that a production
//! system sees in years; and each planted bug, which some of these histories must bring to light.
#![cfg(test)]
#![expect(
    unreachable_pub,
    reason = "a test has no users: `pub` is for the modules beside"
)]

mod sim;

use trueup_plants::Plant;

/// Histories of a test; `TRUEUP_HISTORIES` runs more.
fn histories() -> u64 {
    std::env::var("TRUEUP_HISTORIES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(500)
}

#[test]
fn every_history_ends_with_each_change_published_once_and_the_store_equal_to_the_log() {
    for seed in 0..histories() {
        if let Err(fault) = sim::harness::run(seed) {
            panic!("history {seed}: {fault}");
        }
    }
}

/// Searches for a history in which the bug breaks a numbered invariant. A worker that only stops
/// has done no harm, so that does not count.
fn assert_found(plant: Plant) {
    let found = trueup_plants::with(plant, || {
        (0..2_000).find_map(|seed| {
            let fault = sim::harness::run(seed).err()?;
            fault.starts_with("R-").then_some((seed, fault))
        })
    });
    let (seed, fault) = found.unwrap_or_else(|| panic!("no history finds {plant:?}"));
    println!("{plant:?}: history {seed}: {fault}");
}

#[test]
fn a_ledger_written_before_its_commit_is_found() {
    assert_found(Plant::LedgerBeforeCommit);
}

#[test]
fn a_checkpoint_moved_before_the_acknowledgement_is_found() {
    assert_found(Plant::CheckpointBeforeAck);
}

#[test]
fn refolded_ledgers_taken_as_clean_are_found() {
    assert_found(Plant::RefoldedClean);
}

#[test]
fn a_worker_frozen_in_a_timer_transaction_is_shut_out() {
    for seed in 0..20 {
        if let Err(fault) = sim::frozen_timer::run(seed) {
            panic!("history {seed}: {fault}");
        }
    }
}

#[test]
fn a_timer_transaction_without_offsets_is_found() {
    let fault = trueup_plants::with(Plant::TimerWithoutOffsets, || sim::frozen_timer::run(0));
    assert!(fault.is_err_and(|fault| fault.starts_with("R-")));
}

#[test]
fn a_write_behind_between_abort_and_undo_is_found() {
    assert_found(Plant::WriteBehindBeforeUndo);
}

#[test]
fn state_restored_to_the_stable_offset_instead_of_the_barrier_is_found() {
    assert_found(Plant::RestoreToStableOffset);
}

#[test]
fn an_end_that_arrives_late_commits_nothing_of_the_next_transaction() {
    for seed in 0..20 {
        if let Err(fault) = sim::late_end::run(seed) {
            panic!("history {seed}: {fault}");
        }
    }
}

#[test]
fn a_producer_kept_after_an_unknown_outcome_is_found() {
    // How much of what was handed over has arrived when the end does is chance.
    let found = trueup_plants::with(Plant::RecycleDropped, || {
        (0..20).any(|seed| sim::late_end::run(seed).is_err_and(|fault| fault.starts_with("R-")))
    });
    assert!(found);
}

#[test]
fn a_store_timeout_read_as_not_found_is_found() {
    assert_found(Plant::TimeoutIsNotFound);
}

#[test]
fn offsets_of_an_open_transaction_taken_as_committed_are_found() {
    assert_found(Plant::UnstableOffsets);
}

#[test]
fn a_lost_marker_is_waited_for_until_nothing_can_end_any_more_and_no_longer() {
    for seed in 0..20 {
        let waited_ms = sim::hanging::run(seed).unwrap_or_else(|fault| panic!("{seed}: {fault}"));
        let limit_ms = i64::try_from(trueup_engine::limits::HANGING_TRANSACTION_MS).unwrap();
        assert!((limit_ms..2 * limit_ms).contains(&waited_ms), "{waited_ms}");
    }
}

#[test]
fn a_worker_whose_member_id_changed_joins_anew_and_goes_on() {
    for seed in 0..20 {
        if let Err(fault) = sim::renamed::run(seed, 1) {
            panic!("history {seed}: {fault}");
        }
    }
}

#[test]
fn a_worker_whose_name_is_taken_again_and_again_stops_and_says_so() {
    let fault = sim::renamed::run(0, 2).unwrap_err();
    assert!(fault.contains("--instance-id"), "{fault}");
}

#[test]
fn a_ledger_of_another_fold_revision_stops_the_worker_and_stays_as_it_is() {
    let (stopped, (timestamp, cell)) = sim::foreign::run(0);
    assert!(stopped.contains("another revision"), "{stopped}");
    assert_eq!(
        (timestamp % 256, cell.as_slice()),
        (2, &b"by other rules"[..])
    );
}

#[test]
fn what_forgetful_brokers_left_open_and_nobody_ended_is_found() {
    assert_found(Plant::HangingLeftOpen);
}

#[test]
fn a_commit_that_no_reader_could_see_told_to_the_store_is_found() {
    assert_found(Plant::UnseenCommitStored);
}

#[test]
fn a_window_corrected_twice_is_found() {
    assert_found(Plant::WindowCorrectedTwice);
}

#[test]
fn a_grace_that_needs_traffic_to_run_out_is_found() {
    assert_found(Plant::GraceNeedsTraffic);
}

#[test]
fn a_gap_set_that_keeps_its_last_gaps_is_found() {
    assert_found(Plant::GapTombstoneSkipped);
}

#[test]
fn a_minute_that_is_older_than_a_day_ends_and_is_corrected_no_more() {
    for seed in 0..20 {
        let (before, after) =
            sim::aged_windows::run(seed).unwrap_or_else(|fault| panic!("{seed}: {fault}"));
        assert_eq!((before, after), (1, 0), "history {seed}");
    }
}
