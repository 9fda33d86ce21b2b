//! Checkpoints: absent until saved, never back within an epoch, and apart between epochs.

use trueup_engine::ports::store::{Checkpoint, CheckpointKey};

use super::Subject;

fn key(epoch: i64) -> CheckpointKey {
    CheckpointKey {
        topic: "shop.payments.events".to_owned(),
        partition: 7,
        epoch,
    }
}

fn at(events: i64, orders: i64, saved_at: i64) -> Checkpoint {
    Checkpoint {
        events,
        orders,
        saved_at,
    }
}

pub(crate) fn a_checkpoint_that_was_never_saved_is_none(subject: &impl Subject) {
    assert_eq!(subject.open().load_checkpoint(&key(0)), Ok(None));
}

pub(crate) fn a_checkpoint_at_the_start_of_the_log_is_not_none(subject: &impl Subject) {
    let mut store = subject.open();
    store.save_checkpoint(&key(0), at(0, 0, 1)).unwrap();
    assert_eq!(store.load_checkpoint(&key(0)), Ok(Some(at(0, 0, 1))));
}

pub(crate) fn a_checkpoint_never_moves_back_in_every_order_of_landing(subject: &impl Subject) {
    let mut store = subject.open();
    let steps = [
        at(10, 3, 1_000),
        at(20, 3, 2_000),
        at(20, 9, 3_000),
        at(31, 9, 4_000),
    ];
    for (epoch, order) in (0..).zip(permutations()) {
        let mut farthest = 0;
        // The last to land is the first again, as a write that was repeated.
        for step in order.iter().chain(&order[..1]) {
            store.save_checkpoint(&key(epoch), steps[*step]).unwrap();
            farthest = farthest.max(*step);
            let loaded = store.load_checkpoint(&key(epoch));
            assert_eq!(loaded, Ok(Some(steps[farthest])), "{order:?}");
        }
    }
}

/// Two owners may each be ahead in one input: what either says is acknowledged.
pub(crate) fn each_position_of_a_checkpoint_is_the_greatest_that_was_saved(subject: &impl Subject) {
    for (epoch, [first, second]) in [[at(10, 9, 1), at(20, 3, 2)], [at(20, 3, 2), at(10, 9, 1)]]
        .into_iter()
        .enumerate()
    {
        let (mut one, mut two) = (subject.open(), subject.open());
        let key = key(i64::try_from(epoch).unwrap());
        one.save_checkpoint(&key, first).unwrap();
        two.save_checkpoint(&key, second).unwrap();
        let loaded = one.load_checkpoint(&key).unwrap().unwrap();
        assert_eq!((loaded.events, loaded.orders), (20, 9));
    }
}

/// An idle partition's checkpoint stays where it is and does not grow old.
pub(crate) fn a_checkpoint_saved_again_in_its_place_is_as_young_as_its_last_time(
    subject: &impl Subject,
) {
    let mut store = subject.open();
    for saved_at in [1_700_000_000_000, 1_700_000_060_000, 1_700_000_030_000] {
        store.save_checkpoint(&key(0), at(5, 5, saved_at)).unwrap();
    }
    let loaded = store.load_checkpoint(&key(0));
    assert_eq!(loaded, Ok(Some(at(5, 5, 1_700_000_060_000))));
}

pub(crate) fn topics_partitions_and_epochs_have_checkpoints_of_their_own(subject: &impl Subject) {
    let mut store = subject.open();
    let keys = [
        ("a", 0, 0),
        ("a", 0, 1),
        ("a", 1, 0),
        ("b.a", 0, 0),
        ("'", i32::MAX, i64::MAX),
    ];
    let keys = keys.map(|(topic, partition, epoch)| CheckpointKey {
        topic: topic.to_owned(),
        partition,
        epoch,
    });
    for (place, key) in (1..).zip(&keys) {
        assert_eq!(store.load_checkpoint(key), Ok(None), "{key:?}");
        // Each below the one before: an epoch may start again at the log's start.
        let checkpoint = at(100 - place, 100 - place, place);
        store.save_checkpoint(key, checkpoint).unwrap();
    }
    let mut other = subject.open();
    for (place, key) in (1..).zip(&keys) {
        let expected = at(100 - place, 100 - place, place);
        assert_eq!(other.load_checkpoint(key), Ok(Some(expected)), "{key:?}");
    }
}

pub(crate) fn a_checkpoint_below_the_log_is_refused(subject: &impl Subject) {
    let mut store = subject.open();
    for wrong in [at(-1, 0, 1), at(0, -1, 1), at(i64::MIN, i64::MIN, 1)] {
        assert!(store.save_checkpoint(&key(0), wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(store.load_checkpoint(&key(0)), Ok(None));
}

fn permutations() -> Vec<[usize; 4]> {
    let mut all = Vec::new();
    for number in 0..256 {
        let order = [number % 4, number / 4 % 4, number / 16 % 4, number / 64];
        if (0..4).all(|step| order.contains(&step)) {
            all.push(order);
        }
    }
    assert_eq!(all.len(), 24);
    all
}
