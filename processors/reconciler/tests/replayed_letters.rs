//! What a record that is refused again after a replay remembers of the letter it was.
#![cfg(test)]

use trueup_domain::gap::Grace;
use trueup_engine::ports::log::{Input, Record, Source};
use trueup_engine::processor::{Opened, Processor as _};
use trueup_reconciler::topology::{OrdersFeed, Reconciler};
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::records::{DeadLetter, LetterClass};
use trueup_schemas::replay::ReplayMark;
use trueup_schemas::seal::SigningKeys;

/// The letter that a snapshot which cannot be read becomes at `offset`.
fn refused(offset: i64, mark: Option<&[u8]>) -> DeadLetter {
    let reconciler = Reconciler {
        codec: Codec::SingleObject,
        keys: SigningKeys::parse("k1:c2l4dGVlbiBieXRlcyBhdCBsZWFzdA==").unwrap(),
        events_topic: "payments.events".to_owned(),
        orders_topic: "orders".to_owned(),
        partitions: 1,
        grace: Grace::STANDARD,
        orders_feed: OrdersFeed::On,
    };
    let mut own = vec![("shop".to_owned(), Some(b"north".to_vec()))];
    own.extend(mark.map(|mark| (headers::REPLAY.to_owned(), Some(mark.to_vec()))));
    let record = Record {
        source: Source::Input(Input::Orders),
        partition: 0,
        offset,
        timestamp: Some(2_000),
        key: Some(b"o-1".to_vec()),
        value: Some(b"no snapshot".to_vec()),
        headers: own,
    };
    let Opened::Refused(output) = reconciler.open(&record) else {
        panic!("it was taken");
    };
    let letter = output.value.unwrap();
    Codec::SingleObject.decode(&letter).unwrap()
}

#[test]
fn a_record_refused_again_counts_one_more_try_and_keeps_when_it_was_first_seen() {
    let first = refused(7, None);
    assert_eq!((first.attempts, first.first_seen), (1, 2_000));
    let mut replayed = first;
    replayed.first_seen = 1_000;
    let mark = ReplayMark::of(&replayed);
    assert_eq!(mark.letter, "orders/0/7");
    let again = refused(9, Some(&mark.to_header()));
    assert_eq!((again.attempts, again.first_seen), (2, 1_000));
    // Its id is its own position, and the mark it carries names the letter it was.
    assert_eq!((again.class, again.offset), (LetterClass::Malformed, 9));
    assert!(again.headers.iter().any(|(name, _)| name == "shop"));
    let kept = again
        .headers
        .iter()
        .find(|(name, _)| name == headers::REPLAY);
    let kept = kept.and_then(|(_, value)| value.as_deref());
    assert_eq!(kept.and_then(ReplayMark::from_header), Some(mark));
}

#[test]
fn a_mark_that_no_replay_wrote_changes_nothing() {
    let letter = refused(7, Some(b"many 0 orders/0/1"));
    assert_eq!((letter.attempts, letter.first_seen), (1, 2_000));
}
