//! What a run of gaps found.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::audit::{Fault, Figures, verdict};
use crate::gauges::Gauges;

#[derive(Debug, Default)]
pub struct GapsReport {
    pub seed: u64,
    pub orders: u64,
    pub deliveries: usize,
    pub kills: u32,
    pub kills_while_sending: u32,
    /// What lay in the topics when all was delivered.
    pub figures: Figures,
    /// Gaps that were reported after the webhooks, by kind: all of them, and no other.
    pub reported: Gauges,
    /// Gaps that the sweep closed, that only it made known, and that the probe closed.
    pub closed_by_sweep: usize,
    pub found_by_sweep: usize,
    pub closed_by_probe: usize,
    pub still_open: Gauges,
    /// Events that the sweep fed, in both of its passes.
    pub fed: u64,
    /// Payments that the probe asked about.
    pub probed: u64,
    /// From the last delivery, the end of the sweep and of the probe to what must be reported.
    pub settled: Vec<Duration>,
    /// What the audit named after the tampering: fault, subject and id.
    pub named: Vec<String>,
    pub elapsed: Duration,
    pub logs: PathBuf,
    pub faults: Vec<Fault>,
}

impl GapsReport {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for GapsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}, {} orders, {} deliveries, {} status records",
            self.seed, self.orders, self.deliveries, self.figures.status_records
        )?;
        writeln!(
            f,
            "kill -9     {}, {} of them while events came in",
            self.kills, self.kills_while_sending
        )?;
        writeln!(f, "reported    {}", self.reported)?;
        writeln!(
            f,
            "sweep       fed {} events: {} gaps closed, {} found",
            self.fed, self.closed_by_sweep, self.found_by_sweep
        )?;
        writeln!(
            f,
            "probe       asked about {} payments: {} gaps closed",
            self.probed, self.closed_by_probe
        )?;
        writeln!(f, "still open  {}", self.still_open)?;
        writeln!(f, "settled     {:.1?}", self.settled)?;
        writeln!(f, "tampered    the audit names {}", self.named.join(", "))?;
        writeln!(f, "time        {:.1?} in all", self.elapsed)?;
        verdict(f, self.faults.iter(), &self.logs)
    }
}
