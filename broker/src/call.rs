//! A request on its way to the core, and the answer on its way back.

use std::sync::Arc;

use kafka_protocol::messages::{RequestKind, ResponseKind};
use tokio::sync::oneshot;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: Arc<str>,
    pub(crate) host: Arc<str>,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) client: Client,
    pub(crate) version: i16,
    pub(crate) request: RequestKind,
    pub(crate) reply: Reply,
}

/// Where the answer goes. Dropped unanswered, it closes the connection.
pub(crate) type Reply = oneshot::Sender<Answer>;

#[derive(Debug)]
pub(crate) enum Answer {
    Response(Box<ResponseKind>),
    /// The client does not wait for one.
    Nothing,
}

impl Answer {
    pub(crate) fn of(response: ResponseKind) -> Self {
        Self::Response(Box::new(response))
    }
}
