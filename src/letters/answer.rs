//! What is told of letters, on the command line and the ops API alike. Published: names must stay
//! stable.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use trueup_domain::event::UnixMillis;
use trueup_schemas::keys;
use trueup_schemas::records::{DeadLetter, LetterClass};

use super::entry::{Entry, Place};
use crate::lookup::answer::rfc3339;

/// One letter. Its key is shown as text, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterAnswer {
    pub id: String,
    pub class: String,
    pub reason: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub first_seen: String,
    pub attempts: i32,
    pub payload_base64: Option<String>,
}

/// Letters, the longest known first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub items: Vec<LetterAnswer>,
    pub next: Option<String>,
}

/// One letter with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownLetter {
    #[serde(flatten)]
    pub letter: LetterAnswer,
    pub timestamp: Option<String>,
    pub headers: Vec<HeaderAnswer>,
    pub replay: Told,
}

/// A header as it was: as text where it is some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeaderAnswer {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
}

/// What is done to letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Replay,
    Discard,
}

/// How many letters came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub selected: u64,
    /// Written anew and taken away; of a replay alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<u64>,
    /// Taken away; of a discarding alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discarded: Option<u64>,
    pub skipped: u64,
    pub failed: u64,
}

/// What became of letters. Of a dry run nothing is replayed, and what would be is told by
/// `letters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub dry_run: bool,
    #[serde(flatten)]
    pub all: Counts,
    pub by_class: BTreeMap<String, Counts>,
    /// Letters that were selected beside these and wait for the next request.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub remaining: u64,
    /// Of a dry run what each would do, else those to which something else than wished happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub letters: Vec<Told>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What became, or would become, of one letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub id: String,
    pub class: String,
    pub outcome: Outcome,
    /// Where the record goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    WouldReplay,
    WouldDiscard,
    /// It would be replayed and become a letter again.
    WouldFail,
    Replayed,
    Discarded,
    Skipped,
    Failed,
}

impl LetterAnswer {
    pub fn of(letter: &DeadLetter) -> Self {
        let key = letter.key.as_deref();
        Self {
            id: keys::letter(&letter.topic, letter.partition, letter.offset),
            class: letter.class.as_str().to_owned(),
            reason: letter.reason.clone(),
            topic: letter.topic.clone(),
            partition: letter.partition,
            offset: letter.offset,
            key: key.map(|key| String::from_utf8_lossy(key).into_owned()),
            first_seen: rfc3339(letter.first_seen),
            attempts: letter.attempts,
            payload_base64: letter.payload.as_ref().map(|it| STANDARD.encode(it)),
        }
    }

    /// What planning needs of it; `None` for an answer of another release.
    pub fn entry(&self) -> Option<Entry> {
        let seen: jiff::Timestamp = self.first_seen.parse().ok()?;
        let payload = self.payload_base64.as_ref().map_or(0, String::len);
        Some(Entry {
            id: self.id.clone(),
            class: LetterClass::from_name(&self.class)?,
            topic: self.topic.clone(),
            partition: self.partition,
            offset: self.offset,
            key: self.key.clone().map(String::into_bytes),
            first_seen: seen.as_millisecond(),
            attempts: self.attempts,
            bytes: payload,
            place: Place {
                partition: 0,
                offset: 0,
            },
        })
    }
}

impl HeaderAnswer {
    pub fn of((name, value): &(String, Option<Vec<u8>>)) -> Self {
        let text = value.as_deref().map(std::str::from_utf8);
        let (text, bytes) = match text {
            Some(Ok(text)) => (Some(text.to_owned()), None),
            Some(Err(_)) => (None, value.as_ref().map(|it| STANDARD.encode(it))),
            None => (None, None),
        };
        Self {
            name: name.clone(),
            value: text,
            value_base64: bytes,
        }
    }
}

impl Deed {
    fn none_yet(self) -> Counts {
        Counts {
            replayed: (self == Self::Replay).then_some(0),
            discarded: (self == Self::Discard).then_some(0),
            ..Counts::default()
        }
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        };
        self.selected = self.selected.saturating_add(other.selected);
        self.replayed = sum(self.replayed, other.replayed);
        self.discarded = sum(self.discarded, other.discarded);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.failed = self.failed.saturating_add(other.failed);
    }

    fn of(outcome: Outcome) -> Self {
        let mut counts = Self {
            selected: 1,
            ..Self::default()
        };
        match outcome {
            Outcome::WouldReplay | Outcome::WouldDiscard | Outcome::WouldFail => {}
            Outcome::Replayed => counts.replayed = Some(1),
            Outcome::Discarded => counts.discarded = Some(1),
            Outcome::Skipped => counts.skipped = 1,
            Outcome::Failed => counts.failed = 1,
        }
        counts
    }
}

impl Report {
    pub fn new(deed: Deed, dry_run: bool) -> Self {
        Self {
            dry_run,
            all: deed.none_yet(),
            by_class: BTreeMap::new(),
            remaining: 0,
            letters: Vec::new(),
        }
    }

    /// Counts what became of one letter, and keeps what is worth telling of it.
    pub fn tell(&mut self, deed: Deed, told: Told) {
        let counts = Counts::of(told.outcome);
        self.all.add(counts);
        let class = self.by_class.entry(told.class.clone());
        class.or_insert(deed.none_yet()).add(counts);
        match told.outcome {
            Outcome::Replayed | Outcome::Discarded => {}
            Outcome::WouldReplay
            | Outcome::WouldDiscard
            | Outcome::WouldFail
            | Outcome::Skipped
            | Outcome::Failed => self.letters.push(told),
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.all.add(other.all);
        for (class, counts) in other.by_class {
            self.by_class.entry(class).or_default().add(counts);
        }
        self.letters.extend(other.letters);
    }

    /// Letters that are done with, one way or another.
    pub fn done(&self) -> u64 {
        let Counts {
            selected: _,
            replayed,
            discarded,
            skipped,
            failed,
        } = self.all;
        let done = replayed.unwrap_or(0).saturating_add(discarded.unwrap_or(0));
        done.saturating_add(skipped).saturating_add(failed)
    }
}

/// When a letter was first seen and its id: whence the next page goes on.
pub mod cursor {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{Entry, UnixMillis};

    pub fn after(entry: &Entry) -> String {
        URL_SAFE_NO_PAD.encode(format!("{} {}", entry.first_seen, entry.id))
    }

    /// `None` for what is no cursor.
    pub fn read(text: &str) -> Option<(UnixMillis, String)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (seen, id) = text.split_once(' ')?;
        Some((seen.parse().ok()?, id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(class: &str, outcome: Outcome) -> Told {
        Told {
            id: format!("e/0/{class}"),
            class: class.to_owned(),
            outcome,
            to: None,
            reason: None,
        }
    }

    #[test]
    fn a_report_has_the_names_that_were_agreed_and_counts_each_class() {
        let mut report = Report::new(Deed::Replay, false);
        for (class, outcome) in [
            ("misplaced", Outcome::Replayed),
            ("misplaced", Outcome::Replayed),
            ("malformed", Outcome::Failed),
            ("forged", Outcome::Skipped),
        ] {
            report.tell(Deed::Replay, told(class, outcome));
        }
        let json = serde_json::to_value(&report).unwrap();
        let class = |selected, replayed, skipped, failed| {
            serde_json::json!({"selected": selected, "replayed": replayed, "skipped": skipped,
                "failed": failed})
        };
        assert_eq!(
            json,
            serde_json::json!({
                "dry_run": false, "selected": 4, "replayed": 2, "skipped": 1, "failed": 1,
                "by_class": {"misplaced": class(2, 2, 0, 0), "malformed": class(1, 0, 0, 1),
                    "forged": class(1, 0, 1, 0)},
                "letters": [
                    {"id": "e/0/malformed", "class": "malformed", "outcome": "failed"},
                    {"id": "e/0/forged", "class": "forged", "outcome": "skipped"},
                ],
            })
        );
        let mut twice: Report = serde_json::from_value(json).unwrap();
        twice.merge(report);
        assert_eq!((twice.all.replayed, twice.done()), (Some(4), 8));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let entry = LetterAnswer {
            id: "eu.e/0/7".to_owned(),
            class: "forged".to_owned(),
            reason: String::new(),
            topic: "eu.e".to_owned(),
            partition: 0,
            offset: 7,
            key: None,
            first_seen: rfc3339(1_700_000_000_042),
            attempts: 1,
            payload_base64: None,
        };
        let cursor = cursor::after(&entry.entry().unwrap());
        let expected = (1_700_000_000_042, "eu.e/0/7".to_owned());
        assert_eq!(cursor::read(&cursor), Some(expected));
        for wrong in ["", "!", "MTcwMA"] {
            assert_eq!(cursor::read(wrong), None, "{wrong}");
        }
    }
}
