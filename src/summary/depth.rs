//! How many dead letters there are, by class: the live keys of their topic.
//!
//! Every process follows the whole topic and shows the same numbers, so they are taken once, by
//! `max by (class)`, and never summed. Nothing is shown before the topic was read to its end.

use std::collections::HashMap;

use trueup_schemas::keys;
use trueup_schemas::records::{DeadLetter, LetterClass};

use super::held::{KeyDigest, digest};
use super::limits::MAX_LETTERS;
use super::metrics;

/// About 40 bytes for each letter; beyond the limit letters are not counted.
#[derive(Debug, Default)]
pub struct LiveLetters {
    classes: HashMap<KeyDigest, LetterClass>,
    /// Of those, by the place of their class in [`LetterClass::ALL`].
    depths: [u64; LetterClass::ALL.len()],
}

impl LiveLetters {
    /// Takes in the latest value of a key; what cannot be read is no letter.
    pub fn take(&mut self, key: &[u8], letter: Option<&DeadLetter>) {
        let own = |letter: &&DeadLetter| {
            keys::letter(&letter.topic, letter.partition, letter.offset).as_bytes() == key
        };
        let digest = digest(key);
        let before = self.classes.remove(&digest);
        let room = self.classes.len() < MAX_LETTERS;
        let after = letter.filter(own).filter(|_| room).map(|it| it.class);
        if let Some(class) = after {
            self.classes.insert(digest, class);
        }
        for (class, depth) in LetterClass::ALL.iter().zip(&mut self.depths) {
            let (gone, come) = (before == Some(*class), after == Some(*class));
            *depth = depth
                .saturating_add(come.into())
                .saturating_sub(gone.into());
        }
    }

    /// Every class, at 0 too.
    pub fn depths(&self) -> impl Iterator<Item = (LetterClass, u64)> {
        LetterClass::ALL.iter().copied().zip(self.depths)
    }

    /// Shows the depths, once they are known.
    pub fn show(&self) {
        metrics::show_depths(self.depths());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(class: LetterClass, offset: i64) -> DeadLetter {
        DeadLetter {
            class,
            reason: String::new(),
            topic: "e".to_owned(),
            partition: 0,
            offset,
            key: None,
            headers: Vec::new(),
            timestamp: None,
            payload: None,
            first_seen: 0,
            attempts: 1,
        }
    }

    fn depth(live: &LiveLetters, class: LetterClass) -> u64 {
        live.depths().find(|(held, _)| *held == class).unwrap().1
    }

    #[test]
    fn a_letter_counts_once_until_its_tombstone_and_every_class_is_told() {
        let mut live = LiveLetters::default();
        let forged = letter(LetterClass::Forged, 1);
        for _ in 0..3 {
            live.take(b"e/0/1", Some(&forged));
        }
        live.take(b"e/0/2", Some(&letter(LetterClass::Forged, 2)));
        live.take(b"somebody else's key", Some(&forged));
        assert_eq!(live.depths().count(), LetterClass::ALL.len());
        assert_eq!(depth(&live, LetterClass::Forged), 2);
        live.take(b"e/0/2", Some(&letter(LetterClass::Malformed, 2)));
        live.take(b"e/0/1", None);
        live.take(b"e/0/9", None);
        assert_eq!(depth(&live, LetterClass::Forged), 0);
        assert_eq!(depth(&live, LetterClass::Malformed), 1);
    }
}
