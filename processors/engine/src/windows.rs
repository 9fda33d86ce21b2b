//! The windows of each partition: its minutes' totals, changed by transactions and by nothing else,
//! written in them, restored from their topic, and shown as they roll on.

use trueup_domain::rolling::{Corrections, Span};
use trueup_domain::window::{MINUTE_MS, Minute, Totals};
use trueup_schemas::codec::Codec;
use trueup_schemas::keys;
use trueup_schemas::records::ReconcileWindow;

use crate::limits;
use crate::metrics;
use crate::ports::clock::Clock;
use crate::ports::log::{Destination, Log, Output, Record};
use crate::ports::store::LedgerStore;
use crate::processor::Processor;
use crate::worker::Worker;

/// The records that make the topic hold what a transaction makes of the minutes.
pub(crate) fn records(
    codec: &Codec,
    partition: i32,
    corrections: &Corrections,
) -> impl Iterator<Item = Output> {
    corrections.iter().map(move |(minute, totals)| Output {
        to: Destination::Windows,
        partition: Some(partition),
        key: keys::window(partition, minute.start_ms(), MINUTE_MS).into_bytes(),
        value: totals
            .as_ref()
            .map(|totals| codec.encode(&ReconcileWindow::of(partition, *minute, totals))),
        headers: Vec::new(),
    })
}

/// The minute that a record of the windows topic tells, with zeros where it ended; `None` for any
/// other record.
pub(crate) fn read(codec: &Codec, record: &Record) -> Result<Option<(Minute, Totals)>, String> {
    let at = record.offset;
    let named = record.key.as_deref().and_then(keys::read_window);
    let Some((_, start_ms, width_ms)) = named else {
        return Ok(None);
    };
    let foreign = || {
        format!("window record at offset {at} is not of one minute; run the release that wrote it")
    };
    let minute = Minute::of(start_ms);
    if width_ms != MINUTE_MS || minute.start_ms() != start_ms {
        return Err(foreign());
    }
    let Some(value) = record.value.as_deref() else {
        return Ok(Some((minute, Totals::ZERO)));
    };
    let told: ReconcileWindow = codec
        .decode(value)
        .map_err(|fault| format!("window record at offset {at} cannot be read: {fault}"))?;
    match told.totals() {
        Some((told, totals)) if told == minute => Ok(Some((minute, totals))),
        Some(_) | None => Err(foreign()),
    }
}

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    /// Lets the windows of partitions that are read to their end roll on with the wall clock, as
    /// their gaps do; those of a partition that catches up go by what it has read.
    pub(crate) fn roll_windows(&mut self) {
        let now_ms = self.clock.elapsed_ms();
        if now_ms < self.next_roll_ms {
            return;
        }
        self.next_roll_ms = now_ms.saturating_add(limits::ROLL_WINDOWS_EVERY_MS);
        let wall = self.clock.wall_ms();
        for partition in self.live_partitions() {
            let Some(held) = self.partitions.get(&partition) else {
                continue;
            };
            let passed = held.windows.now() < Minute::of(wall);
            let idle = !self.batch.holds(partition);
            let position = held.progress.position;
            if passed && idle && self.at_end(partition, position) {
                self.show_windows(partition, wall);
            }
        }
    }

    /// Moves a partition's windows on, and the gauges with them.
    pub(crate) fn show_windows(&mut self, partition: i32, clock_ms: i64) {
        let Some(held) = self.partitions.get_mut(&partition) else {
            return;
        };
        held.windows.advance(clock_ms);
        for (span, shown) in Span::ALL.into_iter().zip(&mut held.windows_shown) {
            let sum = held.windows.sum(span);
            if shown != sum {
                metrics::window(span, shown, sum);
                *shown = sum.clone();
            }
        }
    }
}
