//! Follows state topics in the background, a thread for each, and shows what they hold now.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use trueup_domain::event::UnixMillis;
use trueup_reconciler::StopFlag;
use trueup_schemas::codec::Codec;
use trueup_schemas::topics::Topics;

use super::held::{Followed, Held};
use super::open_gaps::GapQuery;
use super::{SummaryFault, limits, tail};
use crate::config::KafkaTarget;
use crate::lookup::answer::{self, GapAnswer};

/// What is followed, filled by the threads.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) held: Held,
    /// Topics whose every partition has been read to its end once.
    pub(super) read: BTreeSet<Followed>,
    /// Records taken so far.
    pub(super) taken: u64,
    /// What last kept a topic from being read.
    pub(super) fault: Option<String>,
}

#[derive(Debug)]
pub struct Follower {
    shared: Arc<Mutex<Shared>>,
}

/// A page of open gaps. Published: names must stay stable.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct GapPage {
    pub items: Vec<GapAnswer>,
    pub next: Option<String>,
}

impl Follower {
    /// Starts to follow `followed`, until `stop`.
    ///
    /// # Errors
    /// When a thread cannot be made.
    pub fn start(
        kafka: &KafkaTarget,
        codec: &Codec,
        stop: &StopFlag,
        followed: &[Followed],
    ) -> std::io::Result<Self> {
        let topics = Topics::new(&kafka.prefix);
        let shared = Arc::<Mutex<Shared>>::default();
        for followed in followed.iter().copied() {
            let topic = match followed {
                Followed::Windows => topics.payments_windows(),
                Followed::Gaps => topics.payments_gaps(),
                Followed::Letters => topics.dead_letters(),
            };
            let tail = tail::Tail {
                kafka: kafka.clone(),
                topic,
                followed,
                codec: codec.clone(),
                shared: Arc::clone(&shared),
                stop: stop.clone(),
            };
            std::thread::Builder::new()
                .name("summary".into())
                .spawn(move || tail.follow())?;
        }
        Ok(Self { shared })
    }

    /// Shows what is held, once all of `needed` has been read to its end.
    ///
    /// # Errors
    /// Until then.
    pub(super) fn show<T>(
        &self,
        needed: &[Followed],
        see: impl FnOnce(&Held) -> T,
    ) -> Result<T, SummaryFault> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if needed.iter().all(|needed| shared.read.contains(needed)) {
            Ok(see(&shared.held))
        } else {
            Err(SummaryFault::Reading)
        }
    }

    /// A page of the open gaps, oldest first.
    ///
    /// # Errors
    /// Until they have been read.
    pub fn gaps(&self, query: &GapQuery, now: UnixMillis) -> Result<GapPage, SummaryFault> {
        self.show(&[Followed::Gaps], |held| {
            let (listed, next) = held.gaps.page(query);
            let items = listed
                .into_iter()
                .map(|(order, gap)| answer::gap(order, gap, now));
            GapPage {
                items: items.collect(),
                next: next.map(|place| place.cursor()),
            }
        })
    }

    /// Whether more gaps are open than are kept.
    pub fn leaves_gaps_out(&self) -> bool {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.held.gaps.left_out
    }

    /// Waits until all of `needed` has been read to its end once; false when stopped before.
    ///
    /// # Errors
    /// What keeps it from being read, when nothing has come for [`limits::NOTHING_CAME`].
    pub fn await_read(&self, needed: &[Followed], stop: &StopFlag) -> Result<bool, String> {
        let mut last = (Instant::now(), 0);
        while !stop.is_stopped() {
            if self.show(needed, |_| ()).is_ok() {
                return Ok(true);
            }
            let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (taken, fault) = (shared.taken, shared.fault.clone());
            drop(shared);
            if taken > last.1 {
                last = (Instant::now(), taken);
            } else if last.0.elapsed() > limits::NOTHING_CAME {
                return Err(fault.unwrap_or_else(|| "the brokers do not answer".to_owned()));
            }
            stop.wait(limits::LOOK_AGAIN);
        }
        Ok(false)
    }
}
