//! The contestants: how each is started on topics of its own, and how its answer is checked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::RivalsFault;
use super::admin::Admin;
use super::backlog::{Amount, Backlog};
use super::draining::{self, Figures, Turn};
use super::fold::Expected;
use super::pass;
use super::process::Process;
use super::streams::StreamsOptions;
use super::table::float;
use crate::audit;
use crate::chaos::Services;
use crate::kafka::{self, LogRecord};

/// How long one topic may take to be read.
const READ: Duration = Duration::from_secs(900);
/// What a processor writes; made anew for each of its turns.
const OUTPUTS: [&str; 4] = [
    "orders.status",
    "payments.gaps",
    "payments.windows",
    "payments.dead-letters",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contestant {
    Ours,
    Streams,
    PassSigned,
    PassRaw,
}

impl Contestant {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "`trueup process`, CQL ledger",
            Self::Streams => "Kafka Streams `exactly_once_v2`",
            Self::PassSigned => "pass-through of the signed facts",
            Self::PassRaw => "pass-through of the raw events",
        }
    }
}

/// One turn of one contestant.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) contestant: Contestant,
    pub(super) round: u32,
    /// `None` if it went too fast to be measured.
    pub(super) figures: Option<Figures>,
    /// What is wrong with its answer.
    pub(super) wrong: Option<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.contestant.name();
        match (&self.wrong, &self.figures) {
            (Some(wrong), _) => write!(f, "{name}: VOID, {wrong}"),
            (None, None) => write!(f, "{name}: right, and too fast to be measured"),
            (None, Some(figures)) => {
                let records = float(figures.records);
                let (rate, per_cpu) = (records / figures.seconds, records / figures.cpu_s);
                write!(f, "{name}: {rate:.0} events/s, {per_cpu:.0} per CPU-second")
            }
        }
    }
}

/// The keys of each partition in their order: how many, and a digest of all.
type Keys = BTreeMap<i32, (u64, u64)>;

pub(super) struct Contest<'a> {
    options: &'a StreamsOptions,
    bootstrap: String,
    pids: Option<(u32, u32)>,
    admin: &'a Admin,
    backlog: &'a Backlog,
    rival: &'a Path,
    myself: PathBuf,
    expected: Expected,
    raw_keys: Keys,
    signed: Amount,
    signed_keys: Keys,
}

impl<'a> Contest<'a> {
    /// Reads the backlog and works out what must come of it.
    pub(super) fn new(
        options: &'a StreamsOptions,
        services: &dyn Services,
        admin: &'a Admin,
        backlog: &'a Backlog,
        rival: &'a Path,
    ) -> Result<Self, RivalsFault> {
        let bootstrap = services.kafka();
        let (mut expected, mut raw_keys) = (Expected::default(), Keys::new());
        kafka::read(&bootstrap, &backlog.raw_topic, READ, |record| {
            add_key(&mut raw_keys, &record);
            if !options.without_streams {
                expected.fold(&record);
            }
        })?;
        let (mut signed, mut signed_keys) = (Amount::default(), Keys::new());
        kafka::read(&bootstrap, &backlog.signed_topic, READ, |record| {
            add_key(&mut signed_keys, &record);
            signed.add(record.payload.as_deref().unwrap_or_default());
        })?;
        let myself = std::env::current_exe().map_err(|cause| RivalsFault::Run {
            name: "trueup-load".to_owned(),
            cause,
        })?;
        Ok(Self {
            options,
            bootstrap,
            pids: services.pids(),
            admin,
            backlog,
            rival,
            myself,
            expected,
            raw_keys,
            signed,
            signed_keys,
        })
    }

    /// Signed, raw.
    pub(super) fn amounts(&self) -> (Amount, Amount) {
        (self.signed, self.backlog.raw)
    }

    pub(super) fn turn(
        &mut self,
        contestant: Contestant,
        round: u32,
    ) -> Result<Outcome, RivalsFault> {
        let (figures, wrong) = match contestant {
            Contestant::Ours => self.ours(round)?,
            Contestant::Streams => self.streams(round)?,
            Contestant::PassSigned => self.pass(
                round,
                "signed",
                &self.backlog.signed_topic,
                self.signed,
                &self.signed_keys,
            )?,
            Contestant::PassRaw => self.pass(
                round,
                "raw",
                &self.backlog.raw_topic,
                self.backlog.raw,
                &self.raw_keys,
            )?,
        };
        Ok(Outcome {
            contestant,
            round,
            figures,
            wrong,
        })
    }

    fn ours(&self, round: u32) -> Result<(Option<Figures>, Option<String>), RivalsFault> {
        let cluster = &self.backlog.cluster;
        let group = format!("{}.reconciler", self.backlog.signed_topic);
        self.admin.forget_groups(&group)?;
        let outputs = OUTPUTS.map(|name| format!("{}{name}", cluster.topic_prefix()));
        self.admin.remove(&outputs.each_ref().map(String::as_str))?;
        let keyspace = format!("{}_{round}", cluster.topic_prefix().trim_end_matches('.'));
        let keyspace = keyspace.replace('-', "_");
        cluster.apply(&keyspace)?;
        let flags = [
            // What names no order is another's work, and Kafka Streams gets none of it.
            ["--only", "reconciler"],
            ["--orders-feed", "off"],
            ["--instance-id", "rivals"],
            ["--keyspace", &keyspace],
        ];
        let process = Process::start("trueup process", |_| {
            cluster.processor_command(flags.as_flattened())
        })?;
        let turn = Turn {
            store: self.pids.map(|(_, store)| store),
            ..self.of(&group, &self.backlog.signed_topic, self.signed)
        };
        let figures = draining::drain(&turn, process)?;
        let audited = audit::run(self.backlog.case(&self.bootstrap))?;
        let wrong = audited.faults.first().map(|fault| {
            let count = audited.faults.len();
            format!("{count} faults, the first of them {fault}")
        });
        Ok((figures, wrong))
    }

    fn streams(&self, round: u32) -> Result<(Option<Figures>, Option<String>), RivalsFault> {
        // Its members leave by timeout only, so each turn is another application.
        let group = self.named("streams", round);
        let output = self.output(&group)?;
        let process = Process::start("Kafka Streams", |directory| {
            let mut command = Command::new(self.rival);
            command.args([&self.bootstrap, &self.backlog.raw_topic, &output]);
            command.arg(format!("application.id={group}"));
            command.arg(format!("state.dir={}", directory.join("state").display()));
            command
        })?;
        let turn = self.of(&group, &self.backlog.raw_topic, self.backlog.raw);
        let figures = draining::drain(&turn, process)?;
        let mut found: BTreeMap<Vec<u8>, Vec<Value>> = BTreeMap::new();
        kafka::read(&self.bootstrap, &output, READ, |record| {
            let value = record.payload.as_deref().unwrap_or_default();
            let value = serde_json::from_slice(value).unwrap_or(Value::Null);
            found.entry(record.key).or_default().push(value);
        })?;
        let changelog = format!("{group}-orders-changelog");
        self.admin.remove(&[&output, &changelog])?;
        Ok((figures, self.expected.fault(&found)))
    }

    fn pass(
        &self,
        round: u32,
        name: &str,
        input: &str,
        amount: Amount,
        keys: &Keys,
    ) -> Result<(Option<Figures>, Option<String>), RivalsFault> {
        let group = self.named(&format!("pass-{name}"), round);
        let output = self.output(&group)?;
        let process = Process::start("pass-through", |_| {
            let mut command = Command::new(&self.myself);
            command.args(["rivals", "pass-through", "--kafka", &self.bootstrap]);
            command.args(["--input", input, "--output", &output, "--group", &group]);
            command
        })?;
        let figures = draining::drain(&self.of(&group, input, amount), process)?;
        let (mut found, mut odd) = (Keys::new(), 0_u64);
        kafka::read(&self.bootstrap, &output, READ, |record| {
            add_key(&mut found, &record);
            odd += u64::from(record.payload.as_deref() != Some(&pass::RECORD[..]));
        })?;
        self.admin.remove(&[&output])?;
        let wrong = (found != *keys || odd > 0).then(|| {
            let count = |keys: &Keys| keys.values().map(|(count, _)| count).sum::<u64>();
            let (told, sent) = (count(&found), count(keys));
            format!("{told} records for {sent}, {odd} of them odd, or other keys or another order")
        });
        Ok((figures, wrong))
    }

    fn named(&self, name: &str, round: u32) -> String {
        format!(
            "{}rivals.{name}-{round}",
            self.backlog.cluster.topic_prefix()
        )
    }

    fn output(&self, group: &str) -> Result<String, RivalsFault> {
        let output = format!("{group}.out");
        self.admin.create(&output, self.options.partitions)?;
        Ok(output)
    }

    fn of<'t>(&'t self, group: &'t str, topic: &'t str, amount: Amount) -> Turn<'t> {
        Turn {
            bootstrap: &self.bootstrap,
            group,
            topic,
            partitions: self.options.partitions,
            records: amount.records,
            limit: self.options.turn_limit,
            broker: self.pids.map(|(broker, _)| broker),
            store: None,
        }
    }
}

/// FNV-1a over the keys, each with its length, so that no two lists of keys run together.
fn add_key(keys: &mut Keys, record: &LogRecord) {
    let (count, digest) = keys
        .entry(record.partition)
        .or_insert((0, 0xcbf2_9ce4_8422_2325));
    *count += 1;
    let length = u64::try_from(record.key.len()).unwrap_or(0).to_le_bytes();
    for byte in length.iter().chain(&record.key) {
        *digest = (*digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(told: &[(i32, &str)]) -> Keys {
        let mut keys = Keys::new();
        for (partition, key) in told {
            let record = LogRecord {
                partition: *partition,
                offset: 0,
                key: key.as_bytes().to_vec(),
                headers: BTreeMap::new(),
                payload: None,
            };
            add_key(&mut keys, &record);
        }
        keys
    }

    #[test]
    fn a_key_that_is_lost_doubled_moved_or_out_of_order_is_seen() {
        let sent = keys(&[(0, "a"), (1, "b"), (0, "c")]);
        assert_eq!(sent, keys(&[(1, "b"), (0, "a"), (0, "c")]));
        for lie in [
            keys(&[(0, "a"), (1, "b")]),
            keys(&[(0, "a"), (1, "b"), (0, "c"), (0, "c")]),
            keys(&[(0, "a"), (1, "b"), (1, "c")]),
            keys(&[(0, "c"), (1, "b"), (0, "a")]),
            keys(&[(0, "ac"), (1, "b"), (0, "")]),
        ] {
            assert_ne!(sent, lie);
        }
    }
}
