//! The mark that a replayed record carries beside its own headers, so that a record refused again
//! becomes a letter that remembers how often it was tried, since when, and of which letter it is.
//!
//! It says nothing of the record itself and is not signed: a false one miscounts tries, no more.

use trueup_domain::event::UnixMillis;

use crate::records::DeadLetter;

/// The longest mark that is read, in bytes: two numbers and a letter's id.
pub const MAX_MARK_BYTES: usize = 512;

/// What was known of the letter that was replayed. Written as `<attempts> <first seen> <letter>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayMark {
    /// How often the record had been refused, this replay not counted.
    pub attempts: i32,
    pub first_seen: UnixMillis,
    /// The id of the letter, which is the position of the refused record.
    pub letter: String,
}

impl ReplayMark {
    #[must_use]
    pub fn of(letter: &DeadLetter) -> Self {
        Self {
            attempts: letter.attempts,
            first_seen: letter.first_seen,
            letter: crate::keys::letter(&letter.topic, letter.partition, letter.offset),
        }
    }

    /// The value of the header [`crate::headers::REPLAY`].
    #[must_use]
    pub fn to_header(&self) -> Vec<u8> {
        format!("{} {} {}", self.attempts, self.first_seen, self.letter).into_bytes()
    }

    /// `None` for what no replay wrote.
    #[must_use]
    pub fn from_header(value: &[u8]) -> Option<Self> {
        if value.len() > MAX_MARK_BYTES {
            return None;
        }
        let mut words = std::str::from_utf8(value).ok()?.splitn(3, ' ');
        let attempts = words.next()?.parse().ok().filter(|tried| *tried >= 0)?;
        Some(Self {
            attempts,
            first_seen: words.next()?.parse().ok()?,
            letter: words.next()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_spelled_as_other_releases_read_it() {
        let mark = ReplayMark {
            attempts: 2,
            first_seen: 1_700_000_000_000,
            letter: "eu.payments.events/2/17".to_owned(),
        };
        let header = mark.to_header();
        assert_eq!(header, b"2 1700000000000 eu.payments.events/2/17");
        assert_eq!(ReplayMark::from_header(&header), Some(mark));
    }

    #[test]
    fn what_no_replay_wrote_is_no_mark() {
        let long = format!("1 1 {}", "x".repeat(MAX_MARK_BYTES));
        for wrong in [
            "",
            "1",
            "1 2",
            "x 2 a/0/1",
            "1 x a/0/1",
            "-1 2 a/0/1",
            &long,
        ] {
            assert_eq!(ReplayMark::from_header(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
