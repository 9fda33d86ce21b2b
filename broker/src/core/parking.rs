//! What waits in the core: fetches for data, joins and syncs for their group.

use std::collections::HashSet;

use uuid::Uuid;

use super::Core;
use crate::api::{Fetch, GroupReply, joined, synced};
use crate::call::{Answer, Reply};
use crate::groups::{self, Released};

#[derive(Debug)]
pub(super) struct ParkedFetch {
    fetch: Fetch,
    reply: Reply,
}

impl Core {
    /// Answers a fetch that finds enough, or has no time; any other waits for more.
    pub(crate) fn fetch_or_park(&mut self, fetch: Fetch, reply: Reply, now_ms: i64) {
        let found = fetch.find(&self.state);
        if found.enough || fetch.until_ms <= now_ms {
            let _ = reply.send(Answer::of(found.response));
            return;
        }
        let ticket = self.fresh_ticket();
        self.fetch_deadlines.insert((fetch.until_ms, ticket));
        self.fetches.insert(ticket, ParkedFetch { fetch, reply });
    }

    /// Looks again at the fetches that wait for one of these partitions.
    pub(super) fn wake_fetches(&mut self, advanced: &HashSet<(Uuid, i32)>, now_ms: i64) {
        let state = &self.state;
        let concerned = self.fetches.iter().filter(|(_, parked)| {
            parked.reply.is_closed()
                || parked
                    .fetch
                    .wants(state)
                    .any(|place| advanced.contains(&place))
        });
        let tickets: Vec<u64> = concerned.map(|(ticket, _)| *ticket).collect();
        for ticket in tickets {
            self.wake_fetch(ticket, now_ms);
        }
    }

    /// Answers the fetches whose time has come with what there is.
    pub(super) fn end_fetches(&mut self, now_ms: i64) {
        while let Some((until_ms, ticket)) = self.fetch_deadlines.first().copied() {
            if until_ms > now_ms {
                return;
            }
            self.wake_fetch(ticket, now_ms);
        }
    }

    fn wake_fetch(&mut self, ticket: u64, now_ms: i64) {
        let Some(parked) = self.fetches.remove(&ticket) else {
            return;
        };
        let until_ms = parked.fetch.until_ms;
        self.fetch_deadlines.remove(&(until_ms, ticket));
        if parked.reply.is_closed() {
            return;
        }
        let found = parked.fetch.find(&self.state);
        if found.enough || until_ms <= now_ms {
            let _ = parked.reply.send(Answer::of(found.response));
            return;
        }
        self.fetch_deadlines.insert((until_ms, ticket));
        self.fetches.insert(ticket, parked);
    }

    pub(crate) fn park_group(&mut self, ticket: u64, reply: GroupReply) {
        self.group_replies.insert(ticket, reply);
    }

    /// Answers the joins and syncs that a group has let go.
    pub(crate) fn release(&mut self, released: Vec<Released>) {
        for Released { ticket, answer } in released {
            let Some(GroupReply { reply, version }) = self.group_replies.remove(&ticket) else {
                continue;
            };
            let response = match answer {
                groups::Answer::Join(answer) => joined(version, answer),
                groups::Answer::Sync(answer) => synced(answer),
            };
            let _ = reply.send(Answer::of(response));
        }
    }

    pub(super) fn fetch_deadline_ms(&self) -> Option<i64> {
        self.fetch_deadlines.first().map(|(until_ms, _)| *until_ms)
    }
}
