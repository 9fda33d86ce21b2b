//! What a run prints: figures, what was done, then every fault with its evidence.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::conduct::Conducted;
use crate::audit::{Fault, Figures, verdict};
use crate::gauges::Gauges;
use crate::sender::Sent;

#[derive(Debug, Default)]
pub struct DevReport {
    pub seed: u64,
    pub orders: u64,
    pub deliveries: usize,
    pub snapshots: u64,
    pub sent: Sent,
    pub kills: u32,
    pub kills_before_ready: u32,
    /// Injected at the broker, by API and by what was done, as the broker told it.
    pub injected: BTreeMap<(String, String), u64>,
    pub figures: Figures,
    pub gauge: Option<Gauges>,
    /// From the last delivery to rest.
    pub settled: Duration,
    pub elapsed: Duration,
    pub logs: PathBuf,
    pub faults: Vec<Fault>,
}

impl DevReport {
    pub(super) fn conducted(&mut self, conducted: Conducted) {
        self.kills = conducted.kills;
        self.kills_before_ready = conducted.kills_before_ready;
        self.faults.extend(conducted.faults);
    }

    #[must_use]
    pub fn injected(&self) -> u64 {
        self.injected.values().sum()
    }

    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for DevReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, figures) = (&self.sent, &self.figures);
        writeln!(f, "seed {}, {} orders, one process", self.seed, self.orders)?;
        writeln!(
            f,
            "deliveries  {} of {} events in {:.1?}; attempts by answer {:?}",
            self.deliveries,
            sent.acknowledged.len(),
            sent.elapsed,
            sent.attempts,
        )?;
        writeln!(f, "snapshots   {}", self.snapshots)?;
        writeln!(
            f,
            "log         {} records, {} of them repeats",
            figures.events_in_log, figures.repeats_in_log
        )?;
        writeln!(
            f,
            "statuses    {} records of {} orders",
            figures.status_records, figures.orders_with_status
        )?;
        writeln!(
            f,
            "gaps        {} by the oracle; gauges: {}",
            figures.gaps,
            self.gauge
                .as_ref()
                .map_or_else(String::new, Gauges::to_string),
        )?;
        writeln!(
            f,
            "time        {:.1?} in all; at rest {:.1?} after the last life began",
            self.elapsed, self.settled,
        )?;
        writeln!(
            f,
            "kill -9     {} of the whole process, {} of them before it served",
            self.kills, self.kills_before_ready
        )?;
        writeln!(f, "injected    {} protocol faults", self.injected())?;
        let mut by_api: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((api, what), count) in &self.injected {
            let told = format!("{what} {count}");
            by_api.entry(api).or_default().push(told);
        }
        for (api, told) in by_api {
            writeln!(f, "  {api:<18} {}", told.join(", "))?;
        }
        verdict(f, self.faults.iter(), &self.logs)
    }
}
