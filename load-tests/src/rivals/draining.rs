//! One turn: a process that drains a topic, watched from outside by its group's offsets. What
//! counts begins when a part of the backlog is done, so that start and warm-up are nobody's burden,
//! and its CPU ends with the process, so that nobody leaves work undone.

use std::time::{Duration, Instant};

use super::RivalsFault;
use super::offsets::Watch;
use super::process::Process;
use crate::usage::Usage;

/// Of the backlog, before anything is measured.
const WARM_PERCENT: u64 = 30;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What is drained, and what else works for it.
pub(super) struct Turn<'a> {
    pub(super) bootstrap: &'a str,
    pub(super) group: &'a str,
    pub(super) topic: &'a str,
    pub(super) partitions: u32,
    pub(super) records: u64,
    pub(super) limit: Duration,
    /// `None` where they run elsewhere.
    pub(super) broker: Option<u32>,
    /// `None` too for whoever does not use it.
    pub(super) store: Option<u32>,
}

/// What was measured of one turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    /// That were consumed in `seconds`.
    pub(super) records: u64,
    pub(super) seconds: f64,
    /// Of the process, up to its end.
    pub(super) cpu_s: f64,
    pub(super) broker_cpu_s: Option<f64>,
    pub(super) store_cpu_s: Option<f64>,
    pub(super) peak_rss_mib: f64,
}

/// How far everything was at one moment.
struct Mark {
    at: Instant,
    consumed: u64,
    process: Usage,
    broker_cpu_s: Option<f64>,
    store_cpu_s: Option<f64>,
}

impl Mark {
    fn of(turn: &Turn<'_>, process: &Process, consumed: u64) -> Self {
        let cpu = |pid: Option<u32>| pid.map(|pid| Usage::of(pid).cpu_s);
        Self {
            at: Instant::now(),
            consumed,
            process: process.usage(),
            broker_cpu_s: cpu(turn.broker),
            store_cpu_s: cpu(turn.store),
        }
    }
}

/// Lets `process` drain it, and ends it; `None` if that went too fast to be measured.
pub(super) fn drain(turn: &Turn<'_>, mut process: Process) -> Result<Option<Figures>, RivalsFault> {
    let watch = Watch::of(turn.bootstrap, turn.group, turn.topic, turn.partitions)?;
    let started = Instant::now();
    let mut warm: Option<Mark> = None;
    let mut seen = 0;
    let drained = loop {
        process.must_run()?;
        // A broker that does not answer for the moment is asked again, up to the limit.
        if let Some(consumed) = watch.consumed() {
            seen = consumed;
            if consumed >= turn.records {
                break Mark::of(turn, &process, consumed);
            }
            if warm.is_none() && is_warm(consumed, turn.records) {
                warm = Some(Mark::of(turn, &process, consumed));
            }
        }
        if started.elapsed() > turn.limit {
            return Err(RivalsFault::Slow {
                name: process.name().to_owned(),
                consumed: seen,
                records: turn.records,
                limit_s: turn.limit.as_secs(),
                log: process.log_tail(),
            });
        }
        std::thread::sleep(LOOK_AGAIN);
    };
    let cpu_s = process.end()?;
    let Some(warm) = warm else { return Ok(None) };
    let since = |pid: Option<u32>, before: Option<f64>| Some(Usage::of(pid?).cpu_s - before?);
    Ok(Some(Figures {
        records: drained.consumed - warm.consumed,
        seconds: (drained.at - warm.at).as_secs_f64(),
        cpu_s: cpu_s - warm.process.cpu_s,
        broker_cpu_s: since(turn.broker, warm.broker_cpu_s),
        store_cpu_s: since(turn.store, warm.store_cpu_s),
        peak_rss_mib: drained.process.peak_rss_mib,
    }))
}

fn is_warm(consumed: u64, records: u64) -> bool {
    consumed.saturating_mul(100) >= records.saturating_mul(WARM_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_begins_at_thirty_percent() {
        assert!(!is_warm(0, 1_000) && !is_warm(299, 1_000));
        assert!(is_warm(300, 1_000) && is_warm(1_000, 1_000));
    }
}
