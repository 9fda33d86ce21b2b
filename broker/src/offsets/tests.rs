//! Scenarios of one group's offsets, told commit by commit.

use trueup_plants::{Plant, with};

use super::*;
use crate::limits::{MAX_OFFSET_METADATA_BYTES, MAX_OFFSETS_PER_GROUP};

#[derive(Default)]
struct Store {
    offsets: Offsets,
}

fn group() -> GroupId {
    GroupId::try_from("reconciler").unwrap()
}

fn partition_of(topic: &str, partition: i32) -> TopicPartition {
    let topic = TopicName::try_from(topic).unwrap();
    TopicPartition { topic, partition }
}

fn partition(number: i32) -> TopicPartition {
    partition_of("orders", number)
}

fn committed(offset: i64) -> Committed {
    Committed {
        offset,
        leader_epoch: -1,
        metadata: String::new(),
        committed_ms: 1_000,
    }
}

impl Store {
    fn take(&mut self, change: impl IntoIterator<Item = Change>) {
        change.into_iter().for_each(|c| self.offsets.apply(&c));
    }

    fn commit(&mut self, number: i32, offset: i64) {
        let offsets = vec![(partition(number), committed(offset))];
        let outcome = self.offsets.commit(&group(), offsets);
        self.take(outcome.change);
    }

    fn pend(&mut self, producer_id: i64, number: i32, offset: i64) {
        let offsets = vec![(partition(number), committed(offset))];
        let outcome = self.offsets.commit_pending(&group(), producer_id, offsets);
        assert_eq!(outcome.codes, [(partition(number), Code::None)]);
        self.take(outcome.change);
    }

    fn end(&mut self, producer_id: i64, ending: Ending) {
        let change = self.offsets.end(&group(), producer_id, ending);
        self.take(change);
    }

    fn seen(&self, number: i32) -> Option<i64> {
        match self.offsets.fetch(&group(), &partition(number), false) {
            Fetched::Committed(committed) => Some(committed.offset),
            Fetched::None => None,
            Fetched::Unstable => panic!("told of a transaction without having asked"),
        }
    }

    fn is_unstable(&self, number: i32) -> bool {
        self.offsets.fetch(&group(), &partition(number), true) == Fetched::Unstable
    }
}

#[test]
fn what_is_committed_is_read_and_the_last_commit_wins() {
    let mut store = Store::default();
    assert_eq!(store.seen(0), None);
    store.commit(0, 5);
    store.commit(0, 3);
    assert_eq!((store.seen(0), store.seen(1)), (Some(3), None));
    let all = store.offsets.fetch_all(&group(), true);
    assert_eq!(all, [(partition(0), Fetched::Committed(committed(3)))]);
}

#[test]
fn offsets_of_a_transaction_are_seen_after_its_commit_and_not_before() {
    let scenario = || {
        let mut store = Store::default();
        store.commit(0, 5);
        store.pend(7, 0, 9);
        let before = (store.seen(0), store.is_unstable(0), store.is_unstable(1));
        store.end(7, Ending::Commit);
        (before, store.seen(0), store.is_unstable(0))
    };
    let told = ((Some(5), true, false), Some(9), false);
    assert_eq!(scenario(), told);
    assert_ne!(with(Plant::OffsetsBeforeEnd, scenario), told);
}

#[test]
fn offsets_of_an_aborted_transaction_are_never_seen() {
    let scenario = || {
        let mut store = Store::default();
        store.commit(0, 5);
        store.pend(7, 0, 9);
        store.pend(7, 1, 4);
        store.end(7, Ending::Abort);
        (store.seen(0), store.seen(1), store.is_unstable(0))
    };
    assert_eq!(scenario(), (Some(5), None, false));
    let planted = with(Plant::OffsetsDespiteAbort, scenario);
    assert_eq!(planted, (Some(9), Some(4), false));
}

#[test]
fn the_end_of_one_producers_transaction_leaves_anothers_open() {
    let mut store = Store::default();
    store.pend(7, 0, 9);
    store.pend(8, 0, 11);
    store.end(7, Ending::Abort);
    assert_eq!((store.seen(0), store.is_unstable(0)), (None, true));
    store.end(8, Ending::Commit);
    assert_eq!((store.seen(0), store.is_unstable(0)), (Some(11), false));
}

#[test]
fn what_was_written_later_wins_even_when_its_transaction_ends_earlier() {
    let mut store = Store::default();
    store.pend(7, 0, 9);
    store.pend(8, 0, 11);
    store.end(8, Ending::Commit);
    store.end(7, Ending::Commit);
    assert_eq!(store.seen(0), Some(11));

    store.pend(7, 0, 12);
    store.commit(0, 2);
    store.end(7, Ending::Commit);
    assert_eq!(store.seen(0), Some(2));
}

#[test]
fn the_end_of_a_transaction_without_offsets_is_no_change() {
    let mut store = Store::default();
    assert_eq!(store.offsets.end(&group(), 7, Ending::Commit), None);
    store.pend(7, 0, 9);
    assert_eq!(store.offsets.end(&group(), 8, Ending::Commit), None);
    store.end(7, Ending::Commit);
    assert_eq!(store.offsets.end(&group(), 7, Ending::Commit), None);
}

#[test]
fn one_commit_that_is_too_large_leaves_the_others_be() {
    let store = Store::default();
    let large = Committed {
        metadata: "x".repeat(MAX_OFFSET_METADATA_BYTES + 1),
        ..committed(1)
    };
    let fits = Committed {
        metadata: "x".repeat(MAX_OFFSET_METADATA_BYTES),
        ..committed(1)
    };
    let offsets = vec![(partition(0), large), (partition(1), fits.clone())];
    let outcome = store.offsets.commit(&group(), offsets);
    let codes = [
        (partition(0), Code::OffsetMetadataTooLarge),
        (partition(1), Code::None),
    ];
    assert_eq!(outcome.codes, codes);
    let kept = Change::Committed {
        group: group(),
        offsets: vec![(partition(1), fits)],
    };
    assert_eq!(outcome.change, Some(kept));
}

#[test]
fn a_group_with_too_many_offsets_gets_no_more() {
    let store = Store::default();
    let many = i32::try_from(MAX_OFFSETS_PER_GROUP).unwrap();
    let offsets = (0..=many).map(|n| (partition(n), committed(1))).collect();
    let outcome = store.offsets.commit(&group(), offsets);
    assert_eq!(outcome.change, None);
    assert_eq!(outcome.codes[0].1, Code::InvalidCommitOffsetSize);
}

#[test]
fn the_offsets_of_a_deleted_topic_go_with_it_also_the_pending_ones() {
    let mut store = Store::default();
    store.commit(0, 5);
    store.pend(7, 0, 9);
    let other = vec![(partition_of("payments", 0), committed(3))];
    let outcome = store.offsets.commit(&group(), other);
    store.take(outcome.change);
    let topic = TopicName::try_from("orders").unwrap();
    let changes = store.offsets.forget_topic(&topic);
    store.take(changes);
    store.end(7, Ending::Commit);
    assert_eq!(store.seen(0), None);
    assert_eq!(store.offsets.fetch_all(&group(), false).len(), 1);
    assert!(store.offsets.forget_topic(&topic).is_empty());
}

#[test]
fn a_deleted_group_has_nothing_also_not_what_was_pending() {
    let mut store = Store::default();
    store.commit(0, 5);
    store.pend(7, 1, 9);
    store.take([Change::GroupForgotten { group: group() }]);
    store.end(7, Ending::Commit);
    assert_eq!((store.seen(0), store.seen(1)), (None, None));
    assert!(!store.offsets.contains("reconciler"));
}

#[test]
fn offsets_expire_when_they_and_their_group_have_been_idle_for_long() {
    let mut store = Store::default();
    store.commit(0, 5);
    store.commit(1, 5);
    store.pend(7, 1, 9);
    let expired = |idle_since_ms, now_ms| store.offsets.expired(&group(), idle_since_ms, now_ms);
    assert_eq!(expired(0, 1_000 + OFFSETS_RETENTION_MS - 1), None);
    assert_eq!(expired(1_001, 1_000 + OFFSETS_RETENTION_MS), None);
    // What an open transaction is about to replace stays.
    let change = Change::Forgotten {
        group: group(),
        partitions: vec![partition(0)],
    };
    assert_eq!(expired(0, 1_000 + OFFSETS_RETENTION_MS), Some(change));
}

#[test]
fn the_stored_form_of_a_change_stays() {
    let group = || GroupId::try_from("g").unwrap();
    let offsets = || {
        let committed = Committed {
            offset: 7,
            leader_epoch: -1,
            metadata: "m".to_owned(),
            committed_ms: 3,
        };
        vec![(partition(1), committed)]
    };
    let changes = [
        Change::Committed {
            group: group(),
            offsets: offsets(),
        },
        Change::Pending {
            group: group(),
            producer_id: 4,
            offsets: offsets(),
        },
        Change::Ended {
            group: group(),
            producer_id: 4,
            ending: Ending::Commit,
        },
        Change::Forgotten {
            group: group(),
            partitions: vec![partition(1)],
        },
        Change::GroupForgotten { group: group() },
    ];
    let stored = [
        &b"\x01\x00\x01g\x01\x06orders\x02\x0e\x01\x01m\x06"[..],
        b"\x01\x01\x01g\x08\x01\x06orders\x02\x0e\x01\x01m\x06",
        b"\x01\x02\x01g\x08\x00",
        b"\x01\x03\x01g\x01\x06orders\x02",
        b"\x01\x04\x01g",
    ];
    for (change, bytes) in changes.iter().zip(stored) {
        assert_eq!(change.encode().unwrap(), bytes, "{change:?}");
        assert_eq!(Change::decode(bytes).unwrap(), *change);
    }
}
