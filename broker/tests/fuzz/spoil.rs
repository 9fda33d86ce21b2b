//! A seeded generator, and what it does to bytes.

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// Of this test, by its name, and of the seed that was asked for.
    pub(crate) fn of(test: &str) -> Self {
        let seed = asked("TRUEUP_FUZZ_SEED").unwrap_or(1);
        let name = test.bytes().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Self(seed ^ name.rotate_left(32))
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `0..limit`; 0 for an empty range.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap().max(1);
        usize::try_from(self.draw() % limit).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// How many rounds a test makes: its own number, unless somebody asks for another.
pub(crate) fn rounds(own: u64) -> u64 {
    asked("TRUEUP_FUZZ_ROUNDS").unwrap_or(own)
}

fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Numbers at which lengths, counts and versions go wrong.
const EDGES: [u8; 6] = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

/// Spoils bytes in one to four ways.
pub(crate) fn spoil(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => flip(random, bytes, at),
            1 => fill(bytes, at, 1, EDGES[random.below(EDGES.len())]),
            2 => fill(bytes, at, 4, EDGES[random.below(EDGES.len())]),
            3 => bytes.truncate(at),
            4 => bytes.extend(std::iter::repeat_n(0, random.below(64))),
            5 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            6 => {
                let from = random.below(other.len());
                let length = random.below(64);
                let part = other.iter().skip(from).take(length).copied();
                bytes.splice(at..at, part);
            }
            _ => {
                let end = (at + random.below(64)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

fn flip(random: &mut Random, bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn fill(bytes: &mut [u8], at: usize, count: usize, value: u8) {
    bytes
        .iter_mut()
        .skip(at)
        .take(count)
        .for_each(|byte| *byte = value);
}
