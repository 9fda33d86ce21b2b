//! The table: a line for each measure, both servers, and by how much the embedded one is ahead.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rdkafka::util::get_rdkafka_version;

use crate::limits::{
    MEMORY_AIM, PARTITIONS, RECORD_BYTES, RECORDS_MAX, START_AIM, TRANSACTION_RECORDS,
};
use crate::options::Options;
use crate::summary::{Summary, figure};

/// What is measured, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    Produce,
    ProduceCpu,
    Consume,
    ConsumeCpu,
    Loop,
    LoopCpu,
    CommitMedian,
    CommitSlow,
    Memory,
    Start,
    StartWithData,
}

impl Line {
    fn title(self) -> &'static str {
        match self {
            Self::Produce => "produce, records/s",
            Self::ProduceCpu => "produce, server's CPU per record, µs",
            Self::Consume => "consume, records/s",
            Self::ConsumeCpu => "consume, server's CPU per record, µs",
            Self::Loop => "transactional loop, events/s",
            Self::LoopCpu => "transactional loop, server's CPU per event, µs",
            Self::CommitMedian => "commit latency, median, ms",
            Self::CommitSlow => "commit latency, 99th percentile, ms",
            Self::Memory => "most memory (RSS), MiB",
            Self::Start => "start to the first answer, ms",
            Self::StartWithData => "the same after `kill -9`, with the last round's data, ms",
        }
    }

    fn more_is_better(self) -> bool {
        match self {
            Self::Produce | Self::Consume | Self::Loop => true,
            Self::ProduceCpu
            | Self::ConsumeCpu
            | Self::LoopCpu
            | Self::CommitMedian
            | Self::CommitSlow
            | Self::Memory
            | Self::Start
            | Self::StartWithData => false,
        }
    }

    /// By how much the embedded broker is meant to be ahead.
    fn aim(self) -> f64 {
        match self {
            Self::Memory => MEMORY_AIM,
            Self::Start => START_AIM,
            Self::Produce
            | Self::ProduceCpu
            | Self::Consume
            | Self::ConsumeCpu
            | Self::Loop
            | Self::LoopCpu
            | Self::CommitMedian
            | Self::CommitSlow
            | Self::StartWithData => 1.0,
        }
    }
}

/// The figures of each line, a pair for each round: the embedded broker's and the other's.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<Line, Vec<[Option<f64>; 2]>>);

impl Figures {
    pub(crate) fn add(&mut self, line: Line, pair: [Option<f64>; 2]) {
        self.0.entry(line).or_default().push(pair);
    }
}

/// How many times better the embedded broker was in each pair; above one it is ahead.
fn ahead(line: Line, pairs: &[[Option<f64>; 2]]) -> Option<Summary> {
    let ratios = pairs.iter().filter_map(|[embedded, kafka]| {
        let (embedded, kafka) = ((*embedded)?, (*kafka)?);
        Some(if line.more_is_better() {
            embedded / kafka
        } else {
            kafka / embedded
        })
    });
    Summary::of(&ratios.collect::<Vec<_>>())
}

pub(crate) fn table(figures: &Figures) -> String {
    let mut text = String::from(
        "| | Trueup's broker | Apache Kafka | Trueup is ahead |\n|---|---:|---:|---:|\n",
    );
    for (line, pairs) in &figures.0 {
        let side = |place: usize| {
            let of_side = pairs.iter().filter_map(|pair| *pair.get(place)?);
            let summary = Summary::of(&of_side.collect::<Vec<_>>());
            summary.map_or_else(|| "–".to_owned(), |summary| summary.text(figure))
        };
        let ratio = ahead(*line, pairs).map_or_else(
            || "–".to_owned(),
            |ratio| ratio.text(|value| format!("{}×", figure(value))),
        );
        let _ = writeln!(
            text,
            "| {} | {} | {} | {ratio} |",
            line.title(),
            side(0),
            side(1)
        );
    }
    text
}

/// What was aimed at and is not so.
pub(crate) fn missed(figures: &Figures) -> Vec<String> {
    let lines = figures.0.iter().filter_map(|(line, pairs)| {
        let median = ahead(*line, pairs)?.median;
        (median < line.aim()).then(|| {
            let aim = figure(line.aim());
            format!(
                "{}: {}×, where the aim is {aim}×",
                line.title(),
                figure(median)
            )
        })
    });
    lines.collect()
}

/// What the figures hold for.
pub(crate) struct Setting {
    seconds: u64,
    rounds: u32,
    load_before: String,
}

impl Setting {
    /// As it is before anything is started.
    pub(crate) fn of(options: &Options) -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        Self {
            seconds: options.time().as_secs(),
            rounds: options.rounds,
            load_before: load.to_owned(),
        }
    }

    pub(crate) fn head(&self, kafka_version: &str) -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let (_, librdkafka) = get_rdkafka_version();
        let build = if cfg!(debug_assertions) {
            "debug build: its figures are not the product's"
        } else {
            "release build"
        };
        format!(
            "trueup-broker {} ({build}) beside Apache Kafka {kafka_version}, both on loopback \
             with their data in `{}`; librdkafka {librdkafka}; {cores} cores, load {} before the \
             start.\n\nMedian (least–most) of {} rounds in turns, after one to warm up; each \
             measure at most {} s or {RECORDS_MAX} records. Records of {RECORD_BYTES} bytes, \
             {PARTITIONS} partitions, no compression, idempotent, `acks=all`, `linger.ms=5`; \
             transactions of {TRANSACTION_RECORDS} events read, as many written and the offsets, \
             whose latency is from the last record to the commit. Trueup's broker syncs to disk \
             before it acknowledges; Kafka with its defaults does not.\n\n",
            env!("CARGO_PKG_VERSION"),
            std::env::temp_dir().display(),
            self.load_before,
            self.rounds,
            self.seconds,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ahead_is_above_one_whichever_way_the_line_counts() {
        let mut figures = Figures::default();
        figures.add(Line::Produce, [Some(300.0), Some(100.0)]);
        figures.add(Line::CommitSlow, [Some(2.0), Some(3.0)]);
        figures.add(Line::Memory, [Some(20.0), Some(100.0)]);
        figures.add(Line::ConsumeCpu, [Some(1.0), None]);
        let table = table(&figures);
        assert!(
            table.contains("| produce, records/s | 300 | 100 | 3.00× |"),
            "{table}"
        );
        assert!(table.contains("| 2.00 | 3.00 | 1.50× |"), "{table}");
        assert!(table.contains("| 1.00 | – | – |"), "{table}");
        assert_eq!(
            missed(&figures),
            ["most memory (RSS), MiB: 5.00×, where the aim is 10.0×"]
        );
    }
}
