//! Bytes that no writer of ours made: they are refused, and nothing worse.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::Record;

use crate::support::any::Any;
use crate::support::for_each_record;

/// What decodes at all must be a value that can be written and read again.
fn no_worse_than_refused<R: Record + PartialEq + std::fmt::Debug>(value: &[u8]) {
    if let Ok(record) = Codec::SingleObject.decode::<R>(value) {
        let written = Codec::SingleObject.encode(&record);
        assert_eq!(Codec::SingleObject.decode::<R>(&written).unwrap(), record);
    }
}

fn noise<R: Record + PartialEq + std::fmt::Debug>() {
    let mut runner = TestRunner::new(Config::with_cases(400));
    // Small bytes are short lengths and low choices: they get deeper than any others.
    let bytes = prop_oneof![vec(any::<u8>(), 0..300), vec(0..12_u8, 0..300)];
    runner
        .run(&bytes, |bytes| {
            no_worse_than_refused::<R>(&bytes);
            no_worse_than_refused::<R>(&Codec::SingleObject.frame::<R>(&bytes));
            Ok(())
        })
        .unwrap();
}

fn flipped_bits<R: Record + Any + PartialEq>() {
    let mut runner = TestRunner::new(Config::with_cases(200));
    let flips = vec((any::<Index>(), 0..8_u32), 1..4);
    runner
        .run(&(R::any(), flips), |(record, flips)| {
            let mut value = Codec::SingleObject.encode(&record);
            for (place, bit) in flips {
                let at = place.index(value.len());
                value[at] ^= 1 << bit;
            }
            no_worse_than_refused::<R>(&value);
            Ok(())
        })
        .unwrap();
}

#[test]
fn noise_is_refused_without_a_panic() {
    for_each_record!(noise);
}

#[test]
fn values_with_flipped_bits_are_refused_or_read_without_a_panic() {
    for_each_record!(flipped_bits);
}
