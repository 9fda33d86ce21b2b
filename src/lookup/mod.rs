//! Looks one order or event up: the store says where, the log says what.

pub mod answer;

pub mod limits;

mod index;

pub mod log;

mod timeline;

mod order;

mod event;

mod payment;

use std::fmt::{self, Display};

use thiserror::Error;
use trueup_domain::event::UnixMillis;
use trueup_schemas::codec::Codec;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

pub use self::index::{Index, Indexed};
use self::log::LogReader;
use crate::config::KafkaTarget;
use crate::letters::Letters;

/// The store or the log could not be asked. Says nothing about what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} could not be read: {reason}")]
pub struct LookupFault {
    pub what: String,
    pub reason: String,
}

impl LookupFault {
    fn new(what: &str, reason: impl Display) -> Self {
        Self {
            what: what.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Where the answers come from. Reads only; keeps nothing between two questions.
pub struct Lookup {
    store: Box<dyn Index>,
    log: LogReader,
    topics: Topics,
    codec: Codec,
    /// Without keys a signature cannot be told valid or not.
    keys: Option<SigningKeys>,
    clock: fn() -> UnixMillis,
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

impl Lookup {
    pub fn new(
        store: Box<dyn Index>,
        kafka: &KafkaTarget,
        codec: Codec,
        keys: Option<SigningKeys>,
        clock: fn() -> UnixMillis,
    ) -> Self {
        let topics = Topics::new(&kafka.prefix);
        Self {
            store,
            log: LogReader::new(kafka.clone()),
            topics,
            codec,
            keys,
            clock,
        }
    }

    /// The dead letters of the same system.
    pub fn letters(&self) -> Letters {
        Letters::new(self.log.kafka(), self.codec.clone(), self.keys.clone())
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> UnixMillis {
        (self.clock)()
    }
}

impl From<trueup_engine::ports::store::StoreFault> for LookupFault {
    fn from(fault: trueup_engine::ports::store::StoreFault) -> Self {
        Self::new("the store", fault)
    }
}
