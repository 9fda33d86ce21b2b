//! Which partition a key belongs to: Kafka's murmur2, as every Java client computes it.
//!
//! It must never differ by a bit from theirs: a key that lands elsewhere is another order.

use trueup_plants::{Plant, planted};

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const ROTATION: u32 = 24;
/// Java's `toPositive`: the sign bit is cleared, not negated.
const POSITIVE_MASK: u32 = 0x7fff_ffff;

/// The partition of `key` among `partitions`; 0 where there are none.
#[must_use]
pub fn partition_for(key: &[u8], partitions: i32) -> i32 {
    let hash = if planted(Plant::DefaultPartitioner) {
        crc32(key)
    } else {
        murmur2(key)
    };
    i32::try_from(hash & POSITIVE_MASK)
        .ok()
        .and_then(|hash| hash.checked_rem(partitions))
        .filter(|_| partitions > 0)
        .unwrap_or(0)
}

/// The 32-bit murmur2 of Kafka's `Utils.murmur2`.
#[must_use]
pub fn murmur2(data: &[u8]) -> u32 {
    // A key longer than 4 GiB does not exist: the length only seeds the hash.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let (words, tail) = data.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mixed = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        let mixed = (mixed ^ (mixed >> ROTATION)).wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed;
    }
    if !tail.is_empty() {
        for (byte, shift) in tail.iter().zip([0_u32, 8, 16]) {
            hash ^= u32::from(*byte) << shift;
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

/// What librdkafka uses unless told otherwise; here for the planted bug alone.
fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Kafka's own `UtilsTest.testMurmur2`.
    const KAFKA: &[(&str, i32)] = &[
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        (
            "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58_897_971,
        ),
        ("abc", 479_470_107),
    ];

    #[test]
    fn hashes_are_those_of_kafkas_own_tests() {
        for (key, hash) in KAFKA {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), *hash, "{key}");
        }
    }

    #[test]
    fn a_key_goes_where_java_sends_it() {
        for (key, hash) in KAFKA {
            assert_eq!(
                partition_for(key.as_bytes(), 12),
                (hash & 0x7fff_ffff) % 12,
                "{key}"
            );
        }
    }

    #[test]
    fn the_default_partitioner_of_librdkafka_sends_keys_elsewhere() {
        let right = |(key, hash): &(&str, i32)| {
            partition_for(key.as_bytes(), 12) == (hash & 0x7fff_ffff) % 12
        };
        trueup_plants::with(Plant::DefaultPartitioner, || {
            assert!(!KAFKA.iter().all(right), "the planted bug goes unseen");
        });
    }

    #[test]
    fn without_partitions_there_is_only_zero() {
        assert_eq!(partition_for(b"order", 0), 0);
        assert_eq!(partition_for(b"order", -1), 0);
        assert_eq!(partition_for(b"order", 1), 0);
    }
}
