//! What a run prints: figures first, then what was done, then every fault with its evidence.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::ChaosOptions;
use super::director::Conducted;
use crate::audit::{Fault, Figures, verdict};
use crate::gauges::Gauges;
use crate::sender::Sent;

#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub orders: u64,
    pub deliveries: usize,
    pub snapshots: u64,
    pub sent: Sent,
    pub conducted: Conducted,
    pub figures: Figures,
    /// The gauge at the end, summed over the processors.
    pub gauge: Option<Gauges>,
    /// From the last delivery to rest.
    pub settled: Duration,
    pub elapsed: Duration,
    pub logs: PathBuf,
    pub faults: Vec<Fault>,
}

impl Report {
    pub(super) fn new(options: &ChaosOptions, deliveries: usize, logs: PathBuf) -> Self {
        Self {
            seed: options.seed,
            orders: options.orders,
            deliveries,
            snapshots: 0,
            sent: Sent::default(),
            conducted: Conducted::default(),
            figures: Figures::default(),
            gauge: None,
            settled: Duration::ZERO,
            elapsed: Duration::ZERO,
            logs,
            faults: Vec::new(),
        }
    }

    /// Every fault, those of the processes among them.
    pub fn all_faults(&self) -> impl Iterator<Item = &Fault> + Clone {
        self.conducted.faults.iter().chain(&self.faults)
    }

    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.all_faults().next().is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            events_in_log,
            repeats_in_log,
            status_records,
            orders_with_status,
            gaps,
        } = self.figures;
        let sending_ms = self.sent.elapsed.as_millis().max(1);
        let rate = u128::try_from(self.deliveries).unwrap_or(0) * 1_000 / sending_ms;
        writeln!(f, "seed {}, {} orders", self.seed, self.orders)?;
        writeln!(
            f,
            "deliveries  {} of {} events in {:.1?}, {rate}/s; attempts by answer {:?}",
            self.deliveries,
            self.sent.acknowledged.len(),
            self.sent.elapsed,
            self.sent.attempts,
        )?;
        writeln!(f, "snapshots   {}", self.snapshots)?;
        writeln!(
            f,
            "log         {events_in_log} records, {repeats_in_log} of them repeats"
        )?;
        writeln!(
            f,
            "statuses    {status_records} records of {orders_with_status} orders"
        )?;
        writeln!(
            f,
            "gaps        {gaps} by the oracle; gauges: {}",
            self.gauge
                .as_ref()
                .map_or_else(String::new, Gauges::to_string),
        )?;
        writeln!(
            f,
            "time        {:.1?} in all; at rest {:.1?} after the last delivery",
            self.elapsed, self.settled,
        )?;
        let (processors, gateway) = (self.conducted.processor_kills, self.conducted.gateway_kills);
        writeln!(
            f,
            "kill -9     {processors} of a processor, {gateway} of the gateway"
        )?;
        for (at, act) in &self.conducted.acts {
            writeln!(f, "  {:>7.1?}  {act}", at)?;
        }
        verdict(f, self.all_faults(), &self.logs)
    }
}
