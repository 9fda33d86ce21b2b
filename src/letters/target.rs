//! Where a letter's record goes back to, as it was, and what would become of it there.
//!
//! Refuses every topic but the inputs: whoever can write letters chooses the topic they name.

use rdkafka::consumer::BaseConsumer;
use trueup_domain::gap::Grace;
use trueup_engine::ports::log as reconciled;
use trueup_linker::opening as linked;
use trueup_reconciler::topology::OrdersFeed;
use trueup_reconciler::{Judged, Reconciler};
use trueup_schemas::headers;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{DeadLetter, LetterClass};
use trueup_schemas::replay::ReplayMark;
use trueup_schemas::seal::SigningKeys;

use super::reader::partitions;
use super::{LetterFault, Letters};

/// One record as a replay writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    pub topic: String,
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// `None` for now: history is deleted by the time of its records, and a record that is old
    /// when it is written may be gone before it is read.
    pub timestamp: Option<i64>,
}

/// What a replay of one letter would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prospect {
    /// It would be taken.
    Taken,
    /// It would be read and say nothing.
    Ignored,
    /// It would become a letter again.
    RefusedAgain(String),
    /// Nobody can tell, for this reason.
    Unknown(&'static str),
}

/// An input, by its place in [`Targets::topics`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Events,
    Orders,
    Unlinked,
    Links,
}

/// The inputs, and who judges what is written to them.
#[derive(Debug)]
pub struct Targets {
    topics: Vec<(Input, String, i32)>,
    reconciler: Reconciler,
    opener: linked::Opener,
    /// Without keys only what nobody signs can be judged.
    has_keys: bool,
}

/// Stands for keys where there are none: it judges no signature.
const NO_KEYS: &str = "none:AAAAAAAAAAAAAAAAAAAAAA==";

/// Why a letter is never replayed; `None` where it may be.
pub fn never(class: LetterClass) -> Option<&'static str> {
    match class {
        LetterClass::Forged => Some("nobody known signed it: it can only be discarded"),
        LetterClass::Contract => Some(
            "it breaks a promise of its writer, who must send it anew: it can only be discarded",
        ),
        LetterClass::Malformed
        | LetterClass::Misplaced
        | LetterClass::Oversize
        | LetterClass::OrderFull => None,
    }
}

impl Targets {
    pub fn ask(letters: &Letters, consumer: &BaseConsumer) -> Result<Self, LetterFault> {
        let names = &letters.topics;
        let mut topics = Vec::new();
        for (input, topic) in [
            (Input::Events, names.payments_events()),
            (Input::Orders, names.orders()),
            (Input::Unlinked, names.payments_unlinked()),
            (Input::Links, names.payments_links()),
        ] {
            let count = partitions(consumer, &topic)?;
            topics.push((input, topic, count));
        }
        let count = |wanted: Input| {
            let found = topics.iter().find(|(input, ..)| *input == wanted);
            found.map_or(0, |(.., count)| *count)
        };
        let keys = match &letters.keys {
            Some(keys) => keys.clone(),
            None => SigningKeys::parse(NO_KEYS).map_err(|fault| {
                LetterFault::read(&names.dead_letters(), format!("no keys: {fault}"))
            })?,
        };
        let reconciler = Reconciler {
            codec: letters.codec.clone(),
            keys: keys.clone(),
            events_topic: names.payments_events(),
            orders_topic: names.orders(),
            partitions: count(Input::Events),
            grace: Grace::of_all(0),
            orders_feed: OrdersFeed::On,
        };
        let opener = linked::Opener {
            codec: letters.codec.clone(),
            keys,
            unlinked_topic: names.payments_unlinked(),
            links_topic: names.payments_links(),
            unlinked_partitions: count(Input::Unlinked),
            links_partitions: count(Input::Links),
        };
        Ok(Self {
            topics,
            reconciler,
            opener,
            has_keys: letters.keys.is_some(),
        })
    }

    fn find(&self, letter: &DeadLetter) -> Option<(Input, i32)> {
        let mut topics = self.topics.iter();
        let (input, _, count) = topics.find(|(_, topic, _)| *topic == letter.topic)?;
        Some((*input, *count))
    }

    /// The record as it was, in the partition of its key, with the mark of this replay in the
    /// place of an earlier one's. `None` where its topic is no input.
    pub fn back(&self, letter: &DeadLetter) -> Option<Back> {
        let (input, count) = self.find(letter)?;
        let earlier = |name: &str| name == headers::REPLAY;
        let own = letter.headers.iter().filter(|(name, _)| !earlier(name));
        let mut headers: Vec<_> = own.cloned().collect();
        let mark = ReplayMark::of(letter).to_header();
        headers.push((headers::REPLAY.to_owned(), Some(mark)));
        Some(Back {
            topic: letter.topic.clone(),
            partition: match &letter.key {
                Some(key) => partition_for(key, count),
                None => letter.partition,
            },
            key: letter.key.clone(),
            value: letter.payload.clone(),
            headers,
            // A link's time says which claim of an object was the first.
            timestamp: letter.timestamp.filter(|_| input == Input::Links),
        })
    }

    /// What the processors would make of `back`, by their own code.
    pub fn judge(&self, letter: &DeadLetter, back: &Back) -> Prospect {
        let Some((input, _)) = self.find(letter) else {
            return Prospect::Unknown("its topic is no input");
        };
        if !self.has_keys && input != Input::Orders {
            return Prospect::Unknown("without the signing keys nobody can tell");
        }
        let opener = &self.opener;
        let source = match input {
            Input::Events => reconciled::Source::Input(reconciled::Input::Events),
            Input::Orders => reconciled::Source::Input(reconciled::Input::Orders),
            Input::Unlinked => return judge_linked(opener, linked::Input::Unlinked, back),
            Input::Links => return judge_linked(opener, linked::Input::Links, back),
        };
        let judged = self.reconciler.judge(&reconciled::Record {
            source,
            partition: back.partition,
            offset: 0,
            timestamp: back.timestamp,
            key: back.key.clone(),
            value: back.value.clone(),
            headers: back.headers.clone(),
        });
        match judged {
            Judged::Taken => Prospect::Taken,
            Judged::Ignored => Prospect::Ignored,
            Judged::Refused { class, reason } => again(class, &reason),
        }
    }
}

fn judge_linked(opener: &linked::Opener, input: linked::Input, back: &Back) -> Prospect {
    let opened = opener.open(&linked::Record {
        input,
        partition: back.partition,
        offset: 0,
        timestamp: back.timestamp,
        key: back.key.clone(),
        value: back.value.clone(),
        headers: back.headers.clone(),
    });
    match opened {
        Ok(Some(_)) => Prospect::Taken,
        Ok(None) => Prospect::Ignored,
        Err(refused) => again(refused.class, &refused.reason),
    }
}

fn again(class: LetterClass, reason: &str) -> Prospect {
    Prospect::RefusedAgain(format!("refused again as {}: {reason}", class.as_str()))
}
