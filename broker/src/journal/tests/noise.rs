//! Random bytes in the place of a journal.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;

/// Runs `body` with fresh random bytes for about two seconds.
fn for_a_while(body: impl Fn(Vec<u8>, usize)) {
    let end = Instant::now() + Duration::from_secs(2);
    let strategy = (prop::collection::vec(any::<u8>(), 0..400), any::<usize>());
    while Instant::now() < end {
        let config = ProptestConfig {
            cases: 200,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        proptest::test_runner::TestRunner::new(config)
            .run(&strategy, |(bytes, at)| {
                body(bytes, at);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn random_bytes_for_a_journal_never_bring_recovery_down() {
    for_a_while(|bytes, at| {
        let disk = SimulatedDisk::new();
        let ends = three_durable_lots(&disk);
        let whole = disk.open(&file()).unwrap();
        // A good start, then noise; the noise may be of a form that gets past the first checks.
        whole
            .truncate(u64::try_from(at % (ends[2] + 1)).unwrap())
            .unwrap();
        if at % 3 == 0 {
            let salt = 0x1234_5678_9abc_def0;
            let frame = Frame::new(
                vec![Bytes::from(bytes.clone())],
                Position(2),
                Position(1),
                salt,
            );
            let mut framed = BytesMut::new();
            frame
                .unwrap()
                .parts()
                .for_each(|part| framed.extend_from_slice(part));
            let place = at / 3 % framed.len();
            framed[place] ^= 0x11;
            whole.append(&[&framed]).unwrap();
        }
        whole.append(&[&bytes]).unwrap();
        if let Ok((journal, entries)) = open(&disk) {
            assert_eq!(journal.end().get(), u64::try_from(entries.len()).unwrap());
            assert_eq!(
                open(&disk).unwrap().1,
                entries,
                "recovered twice, it reads the same"
            );
        }
    });
}
