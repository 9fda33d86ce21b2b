//! Scenarios of one coordinator, told request by request.

use trueup_plants::{Plant, with};

use super::*;
use crate::limits::{TRANSACTION_TIMEOUT_MS_MAX, TRANSACTIONAL_ID_EXPIRATION_MS};
use crate::names::TopicName;

const TIMEOUT_MS: i32 = 60_000;

#[derive(Default)]
struct Coordinator {
    transactions: Transactions,
    ended: Vec<Ended>,
    now_ms: i64,
}

fn id(text: &str) -> TransactionalId {
    TransactionalId::try_from(text).unwrap()
}

fn partition(number: i32) -> TopicPartition {
    let topic = TopicName::try_from("orders").unwrap();
    TopicPartition {
        topic,
        partition: number,
    }
}

fn group() -> GroupId {
    GroupId::try_from("reconciler").unwrap()
}

fn producer(id: i64, epoch: i16) -> Producer {
    Producer { id, epoch }
}

impl Coordinator {
    fn settle<T>(&mut self, outcome: Outcome<T>) -> Result<T, Code> {
        if outcome.answer.is_err() {
            assert!(outcome.changes.is_empty() && outcome.ended.is_none());
        }
        outcome
            .changes
            .iter()
            .for_each(|c| self.transactions.apply(c));
        self.ended.extend(outcome.ended);
        outcome.answer
    }

    fn init(&mut self, name: &str) -> Result<Producer, Code> {
        self.init_from(name, None)
    }

    fn init_from(&mut self, name: &str, expected: Option<Producer>) -> Result<Producer, Code> {
        let now_ms = self.now_ms;
        let id = Some(id(name));
        let outcome = self
            .transactions
            .init_producer_id(id.as_ref(), TIMEOUT_MS, expected, now_ms);
        self.settle(outcome)
    }

    fn add(&mut self, name: &str, producer: Producer, number: i32) -> Result<(), Code> {
        let partitions = [partition(number)];
        let outcome =
            self.transactions
                .add_partitions(&id(name), producer, &partitions, self.now_ms);
        self.settle(outcome)
    }

    fn add_group(&mut self, name: &str, producer: Producer) -> Result<(), Code> {
        let now_ms = self.now_ms;
        let outcome = self
            .transactions
            .add_group(&id(name), producer, &group(), now_ms);
        self.settle(outcome)
    }

    fn end(&mut self, name: &str, producer: Producer, ending: Ending) -> Result<(), Code> {
        let now_ms = self.now_ms;
        let outcome = self.transactions.end(&id(name), producer, ending, now_ms);
        self.settle(outcome)
    }

    fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        let ticked = self.transactions.tick(self.now_ms);
        ticked
            .changes
            .iter()
            .for_each(|c| self.transactions.apply(c));
        self.ended.extend(ticked.ended);
    }

    fn state(&self, name: &str) -> State {
        self.transactions.describe(&id(name)).unwrap().state
    }

    fn may_write(&self, name: &str, producer: Producer, number: i32) -> Result<(), Code> {
        self.transactions
            .verify_partition(&id(name), producer, &partition(number))
    }
}

#[test]
fn every_idempotent_producer_gets_an_id_of_its_own() {
    let mut coordinator = Coordinator::default();
    for expected in 0..3 {
        let outcome = coordinator.transactions.init_producer_id(None, -1, None, 0);
        assert_eq!(coordinator.settle(outcome), Ok(producer(expected, 0)));
    }
}

#[test]
fn a_transaction_begins_with_its_first_partition_and_ends_with_all_it_holds() {
    let mut coordinator = Coordinator::default();
    let me = coordinator.init("a").unwrap();
    assert_eq!(coordinator.state("a"), State::Empty);
    coordinator.add("a", me, 1).unwrap();
    coordinator.add("a", me, 0).unwrap();
    coordinator.add("a", me, 1).unwrap();
    coordinator.add_group("a", me).unwrap();
    assert_eq!(coordinator.state("a"), State::Ongoing);

    assert_eq!(coordinator.end("a", me, Ending::Commit), Ok(()));
    let ended = Ended {
        transactional_id: id("a"),
        ending: Ending::Commit,
        producer: me,
        partitions: vec![partition(0), partition(1)],
        groups: vec![group()],
    };
    assert_eq!(coordinator.ended, [ended]);
    assert_eq!(coordinator.state("a"), State::CompleteCommit);
}

#[test]
fn the_same_end_again_is_well_and_the_other_end_is_not() {
    for (ending, other) in [
        (Ending::Commit, Ending::Abort),
        (Ending::Abort, Ending::Commit),
    ] {
        let mut coordinator = Coordinator::default();
        let me = coordinator.init("a").unwrap();
        let refused = Err(Code::InvalidTxnState);
        assert_eq!(coordinator.end("a", me, ending), refused, "nothing is open");
        coordinator.add("a", me, 0).unwrap();
        assert_eq!(coordinator.end("a", me, ending), Ok(()));
        assert_eq!(coordinator.end("a", me, ending), Ok(()));
        assert_eq!(coordinator.end("a", me, other), refused);
        assert_eq!(coordinator.ended.len(), 1);
    }
}

#[test]
fn an_end_that_comes_late_ends_the_next_transaction() {
    // The protocol's own weakness before its second version: a request says nothing of which
    // transaction it means. Clients must not use a producer after an end of unknown outcome.
    let mut coordinator = Coordinator::default();
    let me = coordinator.init("a").unwrap();
    coordinator.add("a", me, 0).unwrap();
    assert_eq!(coordinator.end("a", me, Ending::Commit), Ok(()));
    coordinator.add("a", me, 0).unwrap();
    assert_eq!(coordinator.end("a", me, Ending::Commit), Ok(()));
    assert_eq!(coordinator.ended.len(), 2);
}

#[test]
fn who_takes_an_id_over_fences_the_one_before_and_aborts_what_it_left_open() {
    let scenario = || {
        let mut coordinator = Coordinator::default();
        let old = coordinator.init("a").unwrap();
        coordinator.add("a", old, 0).unwrap();
        let new = coordinator.init("a").unwrap();
        assert_eq!(coordinator.ended[0].ending, Ending::Abort);
        assert_eq!(coordinator.ended[0].partitions, [partition(0)]);
        assert!(coordinator.ended[0].producer.epoch > old.epoch);
        assert_eq!((new.id, new.epoch > old.epoch), (old.id, true));
        coordinator.add("a", new, 1).unwrap();
        [
            coordinator.add("a", old, 1),
            coordinator.end("a", old, Ending::Commit),
            coordinator.add_group("a", old),
            coordinator.may_write("a", old, 1),
        ]
    };
    let fenced = Err(Code::ProducerFenced);
    let told = [fenced, fenced, fenced, Err(Code::InvalidProducerEpoch)];
    assert_eq!(scenario(), told);
    assert_ne!(with(Plant::FencingSkipped, scenario), told);
}

#[test]
fn an_id_nobody_has_and_a_wrong_producer_id_are_told_apart_from_a_fence() {
    let mut coordinator = Coordinator::default();
    let me = coordinator.init("a").unwrap();
    let unknown = Err(Code::InvalidProducerIdMapping);
    assert_eq!(coordinator.add("b", me, 0), unknown);
    assert_eq!(coordinator.add("a", producer(99, 0), 0), unknown);
    assert_eq!(coordinator.end("b", me, Ending::Commit), unknown);
}

#[test]
fn a_timeout_must_be_one_that_the_broker_grants() {
    let coordinator = Coordinator::default();
    for timeout_ms in [-1, 0, TRANSACTION_TIMEOUT_MS_MAX + 1] {
        let outcome =
            coordinator
                .transactions
                .init_producer_id(Some(&id("a")), timeout_ms, None, 0);
        assert_eq!(outcome.answer, Err(Code::InvalidTransactionTimeout));
    }
}

#[test]
fn a_transaction_open_for_too_long_is_aborted_and_its_producer_fenced() {
    let scenario = || {
        let mut coordinator = Coordinator::default();
        let me = coordinator.init("a").unwrap();
        coordinator.add("a", me, 0).unwrap();
        coordinator.add_group("a", me).unwrap();
        coordinator.pass(i64::from(TIMEOUT_MS) - 1);
        assert_eq!(coordinator.ended, []);
        let deadline_ms = coordinator.transactions.next_deadline_ms();
        assert_eq!(deadline_ms, Some(i64::from(TIMEOUT_MS)));
        coordinator.pass(1);
        assert_eq!(coordinator.ended[0].ending, Ending::Abort);
        assert_eq!(coordinator.ended[0].groups, [group()]);
        assert_eq!(coordinator.state("a"), State::CompleteAbort);
        (
            coordinator.add("a", me, 0),
            coordinator.end("a", me, Ending::Commit),
            coordinator.init_from("a", Some(me)),
        )
    };
    let fenced = Code::ProducerFenced;
    let told = (Err(fenced), Err(fenced), Err(fenced));
    assert_eq!(scenario(), told);
    assert_ne!(with(Plant::TimeoutWithoutFence, scenario), told);
}

#[test]
fn a_timeout_counts_from_the_beginning_and_not_from_the_last_partition() {
    let mut coordinator = Coordinator::default();
    let me = coordinator.init("a").unwrap();
    coordinator.add("a", me, 0).unwrap();
    coordinator.pass(i64::from(TIMEOUT_MS) / 2);
    coordinator.add("a", me, 1).unwrap();
    coordinator.pass(i64::from(TIMEOUT_MS) / 2);
    assert_eq!(coordinator.ended.len(), 1);
}

#[test]
fn a_producer_that_says_who_it_was_goes_on_and_may_ask_twice() {
    let mut coordinator = Coordinator::default();
    let first = coordinator.init("a").unwrap();
    let second = coordinator.init_from("a", Some(first)).unwrap();
    assert_eq!(second, producer(first.id, 1));
    // The answer was lost: the same again, not one more.
    assert_eq!(coordinator.init_from("a", Some(first)), Ok(second));
    let third = coordinator.init_from("a", Some(second)).unwrap();
    assert_eq!(third, producer(first.id, 2));
    assert_eq!(
        coordinator.init_from("a", Some(first)),
        Err(Code::ProducerFenced)
    );
}

#[test]
fn a_producer_that_says_who_it_was_is_refused_when_another_took_the_id_over() {
    let mut coordinator = Coordinator::default();
    let old = coordinator.init("a").unwrap();
    let new = coordinator.init("a").unwrap();
    assert_eq!(
        coordinator.init_from("a", Some(old)),
        Err(Code::ProducerFenced)
    );
    coordinator.add("a", new, 0).unwrap();
    assert_eq!(
        coordinator.init_from("a", Some(old)),
        Err(Code::ProducerFenced)
    );
    assert_eq!(coordinator.ended, []);
}

#[test]
fn a_fence_also_forgets_who_asked_for_the_fenced_epoch() {
    let mut coordinator = Coordinator::default();
    let first = coordinator.init("a").unwrap();
    let second = coordinator.init_from("a", Some(first)).unwrap();
    coordinator.add("a", second, 0).unwrap();
    coordinator.pass(i64::from(TIMEOUT_MS));
    // The same request, late: its answer would be an epoch that was made to fence.
    let late = coordinator.init_from("a", Some(first));
    assert_eq!(late, Err(Code::ProducerFenced));
}

#[test]
fn a_producer_of_an_id_that_was_forgotten_begins_anew() {
    let mut coordinator = Coordinator::default();
    let old = coordinator.init("a").unwrap();
    coordinator.pass(TRANSACTIONAL_ID_EXPIRATION_MS);
    assert_eq!(coordinator.transactions.describe(&id("a")), None);
    assert_eq!(
        coordinator.add("a", old, 0),
        Err(Code::InvalidProducerIdMapping)
    );
    let new = coordinator.init_from("a", Some(old)).unwrap();
    assert_eq!(new, producer(old.id + 1, 0));
}

#[test]
fn epochs_that_run_out_give_a_new_producer_id() {
    for (asks, leaves_open) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut coordinator = Coordinator::default();
        let mut me = coordinator.init("a").unwrap();
        while me.epoch < i16::MAX - 1 {
            me = coordinator.init_from("a", Some(me)).unwrap();
            assert_eq!(me.id, 0);
        }
        if leaves_open {
            coordinator.add("a", me, 0).unwrap();
        }
        let next = coordinator.init_from("a", asks.then_some(me)).unwrap();
        assert_eq!(next, producer(1, 0));
        assert_eq!(
            coordinator
                .ended
                .iter()
                .map(|e| e.producer)
                .collect::<Vec<_>>(),
            if leaves_open {
                vec![producer(0, i16::MAX)]
            } else {
                vec![]
            },
        );
        if asks {
            assert_eq!(coordinator.init_from("a", Some(me)), Ok(next));
        }
    }
}

#[test]
fn a_write_or_a_commit_of_offsets_needs_a_place_in_the_open_transaction() {
    let scenario = || {
        let mut coordinator = Coordinator::default();
        let me = coordinator.init("a").unwrap();
        let mut told = vec![coordinator.may_write("a", me, 0)];
        coordinator.add("a", me, 0).unwrap();
        told.push(coordinator.may_write("a", me, 0));
        told.push(coordinator.may_write("a", me, 1));
        coordinator.end("a", me, Ending::Commit).unwrap();
        told.push(coordinator.may_write("a", me, 0));
        told
    };
    let refused = Err(Code::InvalidTxnState);
    assert_eq!(scenario(), [refused, Ok(()), refused, refused]);
    assert_eq!(with(Plant::PartitionUnverified, scenario), [Ok(()); 4]);

    let mut coordinator = Coordinator::default();
    let me = coordinator.init("a").unwrap();
    let may_commit = |coordinator: &Coordinator| {
        coordinator
            .transactions
            .verify_group(&id("a"), me, &group())
    };
    assert_eq!(may_commit(&coordinator), refused);
    coordinator.add_group("a", me).unwrap();
    assert_eq!(may_commit(&coordinator), Ok(()));
    coordinator.end("a", me, Ending::Abort).unwrap();
    assert_eq!(may_commit(&coordinator), refused);
}

#[test]
fn what_is_open_is_shown_with_its_beginning() {
    let mut coordinator = Coordinator::default();
    let me = coordinator.init("a").unwrap();
    coordinator.init("b").unwrap();
    coordinator.pass(10);
    coordinator.add("a", me, 3).unwrap();
    let listed: Vec<_> = coordinator
        .transactions
        .list()
        .map(|listed| {
            (
                listed.id.to_string(),
                listed.state.as_str(),
                listed.started_ms,
            )
        })
        .collect();
    let expected = [
        ("a".to_owned(), "Ongoing", Some(10)),
        ("b".to_owned(), "Empty", None),
    ];
    assert_eq!(listed, expected);
    let described = coordinator.transactions.describe(&id("a")).unwrap();
    assert_eq!(described.partitions, [partition(3)]);
    assert_eq!(described.timeout_ms, TIMEOUT_MS);
}

#[test]
fn the_stored_form_of_a_change_stays() {
    use crate::stored::Stored;

    let id = || id("a");
    let (me, now_ms) = (producer(1, 2), 3);
    let changes = [
        Change::ProducerIdTaken { next: 5 },
        Change::Initialized {
            id: id(),
            producer: me,
            last_producer: Some(producer(1, 1)),
            timeout_ms: 4,
            now_ms,
        },
        Change::PartitionsAdded {
            id: id(),
            partitions: vec![partition(1)],
            now_ms,
        },
        Change::GroupAdded {
            id: id(),
            group: group(),
            now_ms,
        },
        Change::Ended {
            id: id(),
            ending: Ending::Abort,
            producer: me,
            now_ms,
        },
        Change::Forgotten { id: id() },
    ];
    let stored = [
        &b"\x01\x00\x0a"[..],
        b"\x01\x01\x01a\x02\x04\x01\x02\x02\x08\x06",
        b"\x01\x02\x01a\x01\x06orders\x02\x06",
        b"\x01\x03\x01a\x0areconciler\x06",
        b"\x01\x04\x01a\x01\x02\x04\x06",
        b"\x01\x05\x01a",
    ];
    for (change, bytes) in changes.iter().zip(stored) {
        assert_eq!(change.encode().unwrap(), bytes, "{change:?}");
        assert_eq!(Change::decode(bytes).unwrap(), *change);
    }
}
