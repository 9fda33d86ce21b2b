//! Ledgers the store has acknowledged, kept near up to a limit in bytes.
//!
//! An entry is good for one tenure of its partition: what another worker wrote in between must not
//! be hidden by what this one remembers.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::unsync::Cache as Inner;
use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;

/// What an entry costs beside its events and objects, about.
const BASE_BYTES: u64 = 400;
/// What one event or object of a ledger costs, about.
const CELL_BYTES: u64 = 160;

type Key = (u64, OrderId);

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Arc<Ledger>> for Bytes {
    fn weight(&self, _key: &Key, ledger: &Arc<Ledger>) -> u64 {
        let cells = [
            ledger.events.len(),
            ledger.payments.len(),
            ledger.charges.len(),
            ledger.sessions.len(),
            ledger.refunds.len(),
            ledger.disputes.len(),
        ];
        let cells: usize = cells
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count));
        let cells = u64::try_from(cells).unwrap_or(u64::MAX);
        BASE_BYTES.saturating_add(CELL_BYTES.saturating_mul(cells))
    }
}

pub(crate) struct Cache {
    inner: Inner<Key, Arc<Ledger>, Bytes>,
    counts: CacheCounts,
    inserted: u64,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({} ledgers)", self.inner.len())
    }
}

/// Since the start of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CacheCounts {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evictions: u64,
}

impl Cache {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        let entries = usize::try_from(limit_bytes / (BASE_BYTES + 5 * CELL_BYTES)).unwrap_or(1);
        let inner = Inner::with_weighter(entries.max(1), limit_bytes, Bytes);
        Self {
            inner,
            counts: CacheCounts::default(),
            inserted: 0,
        }
    }

    pub(crate) fn get(&mut self, tenure: u64, order: &OrderId) -> Option<Arc<Ledger>> {
        // The pair is built for the look-up because the key owns its order.
        let found = self.inner.get(&(tenure, order.clone())).cloned();
        let count = if found.is_some() {
            &mut self.counts.hits
        } else {
            &mut self.counts.misses
        };
        *count = count.saturating_add(1);
        found
    }

    pub(crate) fn insert(&mut self, tenure: u64, order: OrderId, ledger: Arc<Ledger>) {
        let key = (tenure, order);
        if self.inner.peek(&key).is_none() {
            self.inserted = self.inserted.saturating_add(1);
        }
        self.inner.insert(key, ledger);
    }

    pub(crate) fn counts(&self) -> CacheCounts {
        let held = u64::try_from(self.inner.len()).unwrap_or(u64::MAX);
        CacheCounts {
            evictions: self.inserted.saturating_sub(held),
            ..self.counts
        }
    }
}
