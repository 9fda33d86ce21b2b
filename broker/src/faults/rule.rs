//! One rule: which requests it is for, and what it does to them.

use std::fmt;
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use thiserror::Error;

use crate::code::Code;
use crate::wire::SERVED;

/// What is done to a request or to its reply.
///
/// Each shows only what a client of a real broker may come to see, on a stream that keeps its
/// order: what no network brings about would be found as a bug where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request reaches the core when the rule is released, even if its connection is gone by
    /// then: its client has hung up, and the broker has yet to read it. What comes behind it on its
    /// connection waits for it; what comes on others overtakes it. A server that ends forgets it.
    Hold,
    /// The same, and it is released by itself after this time.
    HoldFor(Duration),
    /// The request never reaches the core, and neither does what comes behind it on its connection,
    /// which is silent until its client gives up. Replies to what came before still arrive.
    DropRequest,
    /// The request is worked out, and its reply is lost with all that would follow on its
    /// connection; requests are worked out on: the way there is another than the way back.
    DropReply,
    /// The request reaches the core twice, and the second answer is the one that is heard: as with
    /// a client that gave up on the first and sent it again, on another connection, without the
    /// wait and the other connection. Nothing is done to a produce that asks for no answer: its
    /// client never repeats it.
    Duplicate,
    /// The request reaches the core later, and what comes behind it on its connection later still.
    Delay(Duration),
    /// The request is answered with an error, and never reaches the core. Which errors a broker
    /// gives to which request is the rule's author's to know.
    Refuse(Code),
    /// The connection is closed instead.
    Close,
    /// The request is worked out, and the connection is closed instead of the reply. What came
    /// behind it may have been worked out too: a reply can be lost between two machines.
    CloseAfter,
}

/// As a script says it, without its number.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hold | Self::HoldFor(_) => "hold",
            Self::DropRequest => "drop-request",
            Self::DropReply => "drop-reply",
            Self::Duplicate => "duplicate",
            Self::Delay(_) => "delay",
            Self::Refuse(_) => "error",
            Self::Close => "close",
            Self::CloseAfter => "close-after",
        })
    }
}

/// Which requests, and what is done to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    api: Option<i16>,
    client: Option<String>,
    after: u64,
    times: u64,
    every: u64,
    pub(super) fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no API of this broker")]
pub struct UnknownApi(pub String);

impl Rule {
    /// A rule for every request of every client.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            api: None,
            client: None,
            after: 0,
            times: u64::MAX,
            every: 1,
            fault,
        }
    }

    /// A rule for one API, under Kafka's name for it: `Produce`, `EndTxn`.
    ///
    /// # Errors
    /// When this broker serves no such API.
    pub fn on(api: &str, fault: Fault) -> Result<Self, UnknownApi> {
        let found = SERVED
            .iter()
            .find(|served| format!("{:?}", served.key) == api)
            .ok_or_else(|| UnknownApi(api.to_owned()))?;
        Ok(Self {
            api: Some(found.key as i16),
            ..Self::new(fault)
        })
    }

    /// Only for clients whose id begins so.
    #[must_use]
    pub fn of_client(self, prefix: &str) -> Self {
        Self {
            client: Some(prefix.to_owned()),
            ..self
        }
    }

    /// Not for the first so many.
    #[must_use]
    pub fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    /// No more often than this.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Only for each so-manieth.
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self {
            every: every.max(1),
            ..self
        }
    }

    pub(super) fn fits(&self, key: ApiKey, client: &str) -> bool {
        self.api.is_none_or(|api| api == key as i16)
            && self
                .client
                .as_ref()
                .is_none_or(|prefix| client.starts_with(prefix.as_str()))
    }

    /// Whether it acts on the `seen`th request that fits, counted from one.
    pub(super) fn acts_on(&self, seen: u64) -> bool {
        let Some(place) = seen.checked_sub(self.after + 1) else {
            return false;
        };
        place.is_multiple_of(self.every) && place / self.every < self.times
    }
}
