//! One member of a group.

use bytes::Bytes;

use super::messages::{Join, Released};
use crate::code::Code;
use crate::limits::MAX_REBALANCE_TIMEOUT_MS;
use crate::names::{InstanceId, MemberId};

#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Option<InstanceId>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) session_timeout_ms: i64,
    pub(super) rebalance_timeout_ms: i64,
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) assignment: Bytes,
    /// The `JoinGroup` that waits for the next generation.
    pub(super) join_ticket: Option<u64>,
    /// The `SyncGroup` that waits for the leader's.
    pub(super) sync_ticket: Option<u64>,
    /// It has not seen a generation yet, and so cannot send heartbeats.
    pub(super) is_new: bool,
    /// It has asked for its part of this generation.
    pub(super) has_synced: bool,
    /// Silent until then, it is removed; see [`Self::expires_ms`].
    pub(super) deadline_ms: i64,
}

impl Member {
    pub(super) fn new(join: Join) -> Self {
        Self {
            session_timeout_ms: i64::from(join.session_timeout_ms),
            rebalance_timeout_ms: bounded(join.rebalance_timeout_ms),
            instance: join.instance,
            client_id: join.client_id,
            client_host: join.client_host,
            protocols: join.protocols,
            assignment: Bytes::new(),
            join_ticket: Some(join.ticket),
            sync_ticket: None,
            is_new: true,
            has_synced: false,
            deadline_ms: i64::MAX,
        }
    }

    /// Joins again. The request that waited before is told to do as its client has done.
    pub(super) fn rejoin(&mut self, join: Join, released: &mut Vec<Released>) {
        if let Some(ticket) = self.join_ticket.replace(join.ticket) {
            let none = MemberId::none();
            released.push(Released::refused(ticket, Code::RebalanceInProgress, none));
        }
        self.session_timeout_ms = i64::from(join.session_timeout_ms);
        self.rebalance_timeout_ms = bounded(join.rebalance_timeout_ms);
        self.client_id = join.client_id;
        self.client_host = join.client_host;
        self.protocols = join.protocols;
    }

    /// Its requests that wait are answered with an error.
    pub(super) fn dismiss(&mut self, code: Code, id: &MemberId, released: &mut Vec<Released>) {
        if let Some(ticket) = self.join_ticket.take() {
            released.push(Released::refused(ticket, code, id.clone()));
        }
        self.refuse_sync(code, released);
    }

    pub(super) fn refuse_sync(&mut self, code: Code, released: &mut Vec<Released>) {
        if let Some(ticket) = self.sync_ticket.take() {
            released.push(Released::unsynced(ticket, code));
        }
    }

    pub(super) fn is_alive(&mut self, now_ms: i64) {
        self.deadline_ms = now_ms.saturating_add(self.session_timeout_ms);
    }

    /// One that waits for the group's answer cannot send heartbeats, and is not silent. A new one
    /// may be gone for good all the same, since it has no id to leave with.
    pub(super) fn expires_ms(&self) -> Option<i64> {
        let waits = self.join_ticket.is_some() || self.sync_ticket.is_some();
        (self.is_new || !waits).then_some(self.deadline_ms)
    }

    pub(super) fn is_static(&self) -> bool {
        self.instance.is_some()
    }

    pub(super) fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata)
    }
}

fn bounded(rebalance_timeout_ms: i32) -> i64 {
    i64::from(rebalance_timeout_ms.clamp(1, MAX_REBALANCE_TIMEOUT_MS))
}
