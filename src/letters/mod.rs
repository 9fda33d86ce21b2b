//! Dead letters: finds them, shows them, replays or discards them.
//!
//! The topic is the only store: nothing is kept between two questions, and whatever breaks off may
//! be asked for again. A letter is taken away only once its record is safe.

pub mod limits;

pub mod entry;

pub mod plan;

pub mod answer;

mod reader;

mod target;

mod writer;

mod work;

mod pace;

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use thiserror::Error;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::DeadLetter;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

use self::answer::{HeaderAnswer, LetterAnswer, Page, ShownLetter, cursor};
use self::entry::{Entry, Selection};
pub use self::pace::Pace;
use self::reader::Reader;
pub use self::work::Work;
use crate::config::KafkaTarget;
use crate::lookup::answer::rfc3339;

/// Kafka could not be asked, or told. Says nothing about any one letter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LetterFault {
    #[error("`{topic}` could not be read: {reason}")]
    Read { topic: String, reason: String },
    #[error("`{topic}` could not be written: {reason}")]
    Write { topic: String, reason: String },
}

impl LetterFault {
    fn read(topic: &str, reason: impl Display) -> Self {
        Self::Read {
            topic: topic.to_owned(),
            reason: reason.to_string(),
        }
    }

    fn write(topic: &str, reason: impl Display) -> Self {
        Self::Write {
            topic: topic.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// A client of the topic of dead letters, and of the inputs they came from.
#[derive(Clone)]
pub struct Letters {
    kafka: KafkaTarget,
    topics: Topics,
    codec: Codec,
    /// Without keys nobody can tell what would become of a signed record.
    keys: Option<SigningKeys>,
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

impl Letters {
    pub fn new(kafka: &KafkaTarget, codec: Codec, keys: Option<SigningKeys>) -> Self {
        Self {
            kafka: kafka.clone(),
            topics: Topics::new(&kafka.prefix),
            codec,
            keys,
        }
    }

    fn reader(&self) -> Result<Reader, LetterFault> {
        Reader::open(&self.kafka, self.topics.dead_letters(), self.codec.clone())
    }

    /// The letters that `selection` takes, by id.
    ///
    /// # Errors
    /// When the topic could not be read, or more than [`limits::MAX_LETTERS`] are selected.
    pub fn select(&self, selection: &Selection) -> Result<BTreeMap<String, Entry>, LetterFault> {
        self.reader()?.select(selection)
    }

    /// Those after `cursor`, `limit` at most, the longest known first.
    ///
    /// # Errors
    /// As [`Letters::select`].
    pub fn page(
        &self,
        selection: &Selection,
        limit: usize,
        after: Option<&(i64, String)>,
    ) -> Result<Page, LetterFault> {
        let reader = self.reader()?;
        let mut entries: Vec<Entry> = reader.select(selection)?.into_values().collect();
        let order = |entry: &Entry| (entry.first_seen, entry.id.clone());
        entries.retain(|entry| after.is_none_or(|after| order(entry) > *after));
        entries.sort_by_cached_key(order);
        let (mut taken, mut bytes) = (0_usize, 0_usize);
        for entry in entries.iter().take(limit.min(limits::MAX_PAGE)) {
            bytes = bytes.saturating_add(entry.bytes);
            if taken > 0 && bytes > limits::MAX_PAGE_BYTES {
                break;
            }
            taken += 1;
        }
        let more = entries.len() > taken;
        entries.truncate(taken);
        let mut found = reader.fetch(&entries)?;
        let next = entries.last().filter(|_| more).map(cursor::after);
        // What was compacted away between the two readings is a letter no more.
        let items = entries
            .iter()
            .filter_map(|entry| found.remove(&entry.place));
        Ok(Page {
            items: items.map(|letter| LetterAnswer::of(&letter)).collect(),
            next,
        })
    }

    /// One letter with all that is known of it; `None` where there is no such letter.
    ///
    /// # Errors
    /// As [`Letters::select`].
    pub fn show(&self, id: &str) -> Result<Option<ShownLetter>, LetterFault> {
        let reader = self.reader()?;
        let entries = reader.select(&Selection::of_ids([id.to_owned()]))?;
        let entries: Vec<Entry> = entries.into_values().collect();
        let letter: Option<DeadLetter> = reader.fetch(&entries)?.into_values().next();
        let Some((letter, entry)) = letter.zip(entries.first()) else {
            return Ok(None);
        };
        let targets = target::Targets::ask(self, &reader.consumer)?;
        Ok(Some(ShownLetter {
            replay: work::foretold(&targets, entry, &letter),
            timestamp: letter.timestamp.map(rfc3339),
            headers: letter.headers.iter().map(HeaderAnswer::of).collect(),
            letter: LetterAnswer::of(&letter),
        }))
    }
}
