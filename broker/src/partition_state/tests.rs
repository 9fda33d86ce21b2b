//! Scenarios of one partition, told batch by batch.

use trueup_plants::{Plant, with};

use super::*;
use crate::code::Code;

/// A log that assigns offsets, as the core does.
struct Log {
    state: PartitionState,
    end: i64,
}

const FIRST: Producer = Producer { id: 7, epoch: 0 };
const SECOND: Producer = Producer { id: 8, epoch: 0 };

impl Log {
    fn new() -> Self {
        Self {
            state: PartitionState::default(),
            end: 0,
        }
    }

    fn offer(&mut self, producer: Producer, sequence: i32, count: i32, open: bool) -> Verdict {
        let batch = ProducerBatch {
            producer,
            base_sequence: sequence,
            base_offset: self.end,
            last_offset_delta: count - 1,
            transactional: open,
            append_time_ms: -1,
            marker: None,
        };
        let verdict = self.state.check(&batch);
        if verdict == Verdict::Fresh {
            self.state.apply(&batch, 1_000);
            self.end += i64::from(count);
        }
        verdict
    }

    fn plain(&mut self, producer: Producer, sequence: i32, count: i32) -> Verdict {
        self.offer(producer, sequence, count, false)
    }

    fn open(&mut self, producer: Producer, sequence: i32, count: i32) -> Verdict {
        self.offer(producer, sequence, count, true)
    }

    fn end(&mut self, producer: Producer, ending: Ending) -> i64 {
        let offset = self.end;
        self.state.apply(
            &ProducerBatch {
                producer,
                base_sequence: -1,
                base_offset: offset,
                last_offset_delta: 0,
                transactional: true,
                append_time_ms: -1,
                marker: Some(ending),
            },
            1_000,
        );
        self.end += 1;
        offset
    }

    fn stable(&self) -> i64 {
        self.state.last_stable_offset(0, self.end)
    }

    fn aborted(&self, from: i64, below: i64) -> Vec<(i64, i64)> {
        let found = self.state.aborted_between(from, below);
        found
            .iter()
            .map(|a| (a.producer_id, a.first_offset))
            .collect()
    }
}

fn duplicate(base_offset: i64) -> Verdict {
    Verdict::Duplicate {
        base_offset,
        append_time_ms: -1,
    }
}

fn gap(expected: i32) -> Verdict {
    Verdict::OutOfOrderSequence { expected }
}

fn bumped(producer: Producer) -> Producer {
    Producer {
        epoch: producer.epoch + 1,
        ..producer
    }
}

#[test]
fn a_batch_sent_again_is_answered_with_its_first_offset() {
    let scenario = || {
        let mut log = Log::new();
        assert_eq!(log.plain(FIRST, 0, 3), Verdict::Fresh);
        assert_eq!(log.plain(FIRST, 3, 2), Verdict::Fresh);
        [log.plain(FIRST, 0, 3), log.plain(FIRST, 3, 2)]
    };
    assert_eq!(scenario(), [duplicate(0), duplicate(3)]);
    let planted = with(Plant::DuplicateAppended, scenario);
    assert_eq!(planted[0], Verdict::Fresh);
}

#[test]
fn the_last_five_batches_are_known_again_and_older_ones_are_out_of_order() {
    let mut log = Log::new();
    for sequence in 0..6 {
        assert_eq!(log.plain(FIRST, sequence, 1), Verdict::Fresh);
    }
    assert_eq!(log.plain(FIRST, 1, 1), duplicate(1));
    assert_eq!(log.plain(FIRST, 0, 1), gap(6));
}

#[test]
fn a_batch_of_which_one_before_is_missing_is_refused() {
    let scenario = || {
        let mut log = Log::new();
        log.plain(FIRST, 0, 2);
        log.plain(FIRST, 3, 1)
    };
    assert_eq!(scenario(), gap(2));
    assert_eq!(with(Plant::SequenceGapAccepted, scenario), Verdict::Fresh);
}

#[test]
fn a_producer_nobody_knows_begins_at_zero() {
    let scenario = || Log::new().plain(FIRST, 41, 1);
    assert_eq!(scenario(), gap(0));
    assert_eq!(with(Plant::SequenceGapAccepted, scenario), Verdict::Fresh);
}

#[test]
fn a_producer_that_was_forgotten_is_told_to_begin_anew() {
    let mut log = Log::new();
    assert_eq!(log.plain(FIRST, 0, 1), Verdict::Fresh);
    log.state.expire(1_000 + PRODUCER_EXPIRATION_MS);
    assert_eq!(log.plain(FIRST, 1, 1), Verdict::Forgotten);
    assert_eq!(log.plain(FIRST, 0, 1), Verdict::Fresh);
}

#[test]
fn sequences_go_round_to_zero() {
    let mut log = Log::new();
    assert_eq!(log.plain(FIRST, 0, i32::MAX), Verdict::Fresh);
    assert_eq!(log.plain(FIRST, i32::MAX, 3), Verdict::Fresh);
    assert_eq!(log.plain(FIRST, 3, 1), gap(2));
    assert_eq!(log.plain(FIRST, 2, 1), Verdict::Fresh);
    assert_eq!(
        log.plain(FIRST, i32::MAX, 3),
        duplicate(i64::from(i32::MAX))
    );
}

#[test]
fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
    let scenario = || {
        let mut log = Log::new();
        log.plain(FIRST, 0, 5);
        assert_eq!(log.plain(bumped(FIRST), 5, 1), gap(0));
        assert_eq!(log.plain(bumped(FIRST), 0, 1), Verdict::Fresh);
        log.plain(FIRST, 5, 1)
    };
    assert_eq!(scenario(), Verdict::Fenced { epoch: 1 });
    assert_eq!(scenario().code(), Code::InvalidProducerEpoch);
}

#[test]
fn a_marker_of_a_higher_epoch_fences_the_producer_that_was_timed_out() {
    let scenario = || {
        let mut log = Log::new();
        log.open(FIRST, 0, 1);
        log.end(bumped(FIRST), Ending::Abort);
        log.open(FIRST, 0, 1)
    };
    assert_eq!(scenario(), Verdict::Fenced { epoch: 1 });
    assert_eq!(with(Plant::FencingSkipped, scenario), Verdict::Fresh);
}

#[test]
fn a_producer_goes_on_counting_after_the_end_of_its_transaction() {
    let mut log = Log::new();
    log.open(FIRST, 0, 2);
    log.end(FIRST, Ending::Commit);
    assert_eq!(log.open(FIRST, 2, 1), Verdict::Fresh);
    assert_eq!(log.open(FIRST, 0, 2), duplicate(0));
}

#[test]
fn a_write_beside_the_own_open_transaction_is_refused() {
    let mut log = Log::new();
    log.open(FIRST, 0, 1);
    assert_eq!(log.plain(FIRST, 1, 1), Verdict::NotTransactional);
    assert_eq!(log.plain(SECOND, 0, 1), Verdict::Fresh);
}

#[test]
fn a_header_that_contradicts_itself_is_refused() {
    let mut log = Log::new();
    assert_eq!(log.plain(Producer::NONE, -1, 1), Verdict::Fresh);
    assert_eq!(log.open(Producer::NONE, -1, 1), Verdict::Malformed);
    assert_eq!(log.plain(FIRST, -1, 1), Verdict::Malformed);
    let no_epoch = Producer { id: 7, epoch: -1 };
    assert_eq!(log.plain(no_epoch, 0, 1), Verdict::Malformed);
}

#[test]
fn the_stable_offset_stops_at_the_oldest_open_transaction() {
    let scenario = || {
        let mut log = Log::new();
        log.plain(Producer::NONE, -1, 2);
        log.open(FIRST, 0, 1); // 2
        log.open(SECOND, 0, 1); // 3
        log.plain(Producer::NONE, -1, 1);
        let mut seen = vec![log.stable()];
        log.end(FIRST, Ending::Commit);
        seen.push(log.stable());
        log.end(SECOND, Ending::Abort);
        seen.push(log.stable());
        seen
    };
    assert_eq!(scenario(), [2, 3, 7]);
    assert_ne!(with(Plant::StableOffsetIgnored, scenario), [2, 3, 7]);
}

#[test]
fn an_end_that_is_not_synced_is_no_end_for_readers() {
    let scenario = || {
        let mut log = Log::new();
        log.open(FIRST, 0, 1);
        let marker = log.end(FIRST, Ending::Commit);
        log.plain(SECOND, 0, 1);
        log.state.synced(marker);
        let before = log.state.last_stable_offset(0, marker);
        log.state.synced(marker + 1);
        (before, log.state.last_stable_offset(0, marker + 1))
    };
    assert_eq!(scenario(), (0, 2));
    assert_ne!(with(Plant::StableBeforeSync, scenario), (0, 2));
}

#[test]
fn the_stable_offset_never_lies_below_the_log() {
    let mut log = Log::new();
    log.open(FIRST, 0, 1);
    log.plain(SECOND, 0, 4);
    assert_eq!(log.state.last_stable_offset(3, 5), 3);
}

#[test]
fn a_reader_is_told_the_aborted_transactions_that_its_range_touches() {
    let scenario = || {
        let mut log = Log::new();
        log.open(FIRST, 0, 1); // 0
        log.open(SECOND, 0, 1); // 1
        log.end(SECOND, Ending::Abort); // 2
        log.open(SECOND, 1, 1); // 3
        log.end(FIRST, Ending::Abort); // 4
        log.end(SECOND, Ending::Commit); // 5
        [
            log.aborted(0, 6),
            log.aborted(3, 6),
            log.aborted(0, 1),
            log.aborted(5, 6),
        ]
    };
    let told = [vec![(8, 1), (7, 0)], vec![(7, 0)], vec![(7, 0)], vec![]];
    assert_eq!(scenario(), told);
    assert_ne!(with(Plant::AbortedIndexOffByOne, scenario), told);
}

#[test]
fn an_abort_that_wrote_nothing_here_is_not_told() {
    let mut log = Log::new();
    log.end(FIRST, Ending::Abort);
    assert_eq!(log.aborted(0, 1), []);
    assert_eq!(log.stable(), 1);
}

#[test]
fn aborts_below_the_log_are_let_go() {
    let mut log = Log::new();
    log.open(FIRST, 0, 1);
    log.end(FIRST, Ending::Abort);
    log.open(FIRST, 1, 1);
    log.end(FIRST, Ending::Abort);
    log.state.truncate_before(2);
    assert_eq!(log.aborted(0, 4), [(7, 2)]);
}

#[test]
fn a_silent_producer_is_forgotten_and_one_with_an_open_transaction_never() {
    let mut log = Log::new();
    log.plain(FIRST, 0, 1);
    log.open(SECOND, 0, 1);
    assert_eq!(log.state.expire(1_000 + PRODUCER_EXPIRATION_MS - 1), 0);
    assert_eq!(log.state.expire(1_000 + PRODUCER_EXPIRATION_MS), 1);
    let left: Vec<Producer> = log.state.producers().map(|p| p.producer).collect();
    assert_eq!(left, [SECOND]);
    assert!(log.state.is_open(SECOND) && !log.state.is_open(bumped(SECOND)));
}

#[test]
fn a_full_house_makes_room_for_a_new_producer() {
    let mut log = Log::new();
    log.open(FIRST, 0, 1);
    for id in 0..MAX_PRODUCERS_PER_PARTITION {
        let id = 1_000 + i64::try_from(id).unwrap();
        log.plain(Producer { id, epoch: 0 }, 0, 1);
    }
    assert_eq!(log.state.producers().count(), MAX_PRODUCERS_PER_PARTITION);
    assert!(log.state.is_open(FIRST));
}
