//! The port to the log: what the gateway hands over, and what it waits for before it says yes.

use std::future::Future;
use std::pin::Pin;

use thiserror::Error;
use trueup_domain::event::UnixMillis;
use trueup_schemas::topics::Topics;

/// The topics the gateway writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    Events,
    Unlinked,
    Bodies,
    Links,
}

impl Lane {
    pub const ALL: &'static [Self] = &[Self::Events, Self::Unlinked, Self::Bodies, Self::Links];
}

/// The full names of the lanes' topics.
#[derive(Debug, Clone)]
pub struct LaneNames {
    events: String,
    unlinked: String,
    bodies: String,
    links: String,
}

impl LaneNames {
    #[must_use]
    pub fn new(topics: &Topics) -> Self {
        Self {
            events: topics.payments_events(),
            unlinked: topics.payments_unlinked(),
            bodies: topics.payments_bodies(),
            links: topics.payments_links(),
        }
    }

    #[must_use]
    pub fn of(&self, lane: Lane) -> &str {
        match lane {
            Lane::Events => &self.events,
            Lane::Unlinked => &self.unlinked,
            Lane::Bodies => &self.bodies,
            Lane::Links => &self.links,
        }
    }
}

/// One record on its way to the log.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub lane: Lane,
    pub key: Vec<u8>,
    /// Framed.
    pub value: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
    pub timestamp: UnixMillis,
}

/// Why records are not known to be in the log. None of these says that they are not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishFault {
    #[error("the topics are not known yet: is the broker up, and did `trueup topics apply` run?")]
    NotReady,
    #[error("the queue to the broker is full")]
    QueueFull,
    #[error("the broker did not acknowledge: {reason}")]
    Broker { reason: String },
}

/// Resolves when every record was acknowledged by all in-sync replicas, or one was not.
pub type Acknowledged = Pin<Box<dyn Future<Output = Result<(), PublishFault>> + Send>>;

/// Hands records to the log.
pub trait Publisher: Send + Sync + 'static {
    /// Queues `records`, without waiting. Dropping the answer does not take them back.
    ///
    /// # Errors
    /// A full queue or no broker known; some of the records may be queued all the same.
    fn publish(&self, records: Vec<Outgoing>) -> Result<Acknowledged, PublishFault>;
}
