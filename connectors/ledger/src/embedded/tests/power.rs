//! The loss of power, after every number of writes and syncs: what was told is there, whatever
//! the disk made of what it had not synced.

use std::time::Duration;

use trueup_engine::ports::store::LedgerStore;

use super::media::Memory;
use super::{assert_there, batch, open, told};

/// Writes batch after batch until the power goes, and says which were told.
fn written_until_the_loss(memory: &Memory) -> Vec<u64> {
    let mut told = Vec::new();
    let Ok(ledger) = open(memory.clone()) else {
        return told;
    };
    let mut store = ledger.store();
    let mut next = 0;
    while memory.has_power() {
        store.submit(next, batch(next));
        next += 1;
        // Two at a time, so that some share their syncs and some do not.
        if next % 2 == 0 {
            let mut came = store.acknowledged(Duration::from_millis(20));
            while memory.has_power() && came.is_empty() {
                came = store.acknowledged(Duration::from_millis(20));
            }
            told.extend(came);
        }
    }
    told.extend(store.acknowledged(Duration::ZERO));
    told
}

#[test]
fn what_was_told_survives_a_loss_of_power_at_any_moment() {
    let mut total = 0;
    let mut lost_while_making = 0;
    for changes in 0..300 {
        let memory = Memory::with_power_for(changes);
        let told = written_until_the_loss(&memory);
        total += told.len();
        for seed in 0..4 {
            let after = memory.after_the_loss(changes * 4 + seed);
            match open(after) {
                Ok(ledger) => assert_there(&ledger, told.iter().copied()),
                // Of a file that was not yet made nothing was told, and it is to be made anew.
                Err(fault) => {
                    assert!(told.is_empty(), "after {changes} changes: {fault}");
                    lost_while_making += 1;
                }
            }
        }
    }
    assert!(total > 1_000, "{total} batches are few");
    assert!(lost_while_making < 100, "{lost_while_making} files");
}

/// A repetition that relied on pages which a failed sync had left behind would be told, and lost.
#[test]
fn what_is_told_after_a_sync_failed_survives_a_loss_of_power() {
    for failing in 1..40 {
        let memory = Memory::with_power_for(u64::MAX);
        let ledger = open(memory.clone()).unwrap();
        let mut store = ledger.store();
        let last = memory.syncs() + failing;
        memory.fail_sync(last);
        let mut next = 0;
        while memory.syncs() <= last {
            store.submit(next, batch(next));
            store.submit(next + 1, batch(next + 1));
            told(&mut store, [next, next + 1]);
            next += 2;
            for seed in 0..4 {
                let after = open(memory.after_the_loss(seed + next * 4)).unwrap();
                assert_there(&after, 0..next);
            }
        }
    }
}
