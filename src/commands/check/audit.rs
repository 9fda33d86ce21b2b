//! `check --audit`: the log against itself and the ledgers.
//!
//! Reads Kafka and the store where they are named. What is not named is the embedded part of a
//! `dev` that has stopped: its data directory has one owner at a time, so beside a running one the
//! audit is refused.

use std::path::PathBuf;

use trueup_reconciler::topology::OrdersFeed as Feed;
use trueup_schemas::seal::SigningKeys;

use crate::audit::report::Report;
use crate::audit::{Audit, Rows};
use crate::clock;
use crate::commands::dev::data::DataDir;
use crate::commands::dev::embedded;
use crate::commands::serving;
use crate::commands::store::Stores;
use crate::config::targets::{self, KafkaTarget, StoreTarget};
use crate::failure::Failure;
use crate::output;
use crate::settings::{Faults, Merged, Reader, value};

struct Config {
    /// Without hosts: the embedded broker's data.
    kafka: KafkaTarget,
    /// `None`: the embedded ledger.
    store: Option<StoreTarget>,
    data_dir: PathBuf,
    /// `None`: those of the data directory.
    keys: Option<SigningKeys>,
    /// Whether snapshots are taken in.
    has_feed: bool,
    epoch: i64,
    since: Option<i64>,
}

impl Config {
    fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let kafka = KafkaTarget::read_if_named(&mut reader);
        let is_named = merged.get("scylla").is_some();
        let store = is_named.then(|| StoreTarget::read(&mut reader)).flatten();
        let data_dir = reader.required("data-dir", |path| Ok(PathBuf::from(path)));
        // Without an embedded part there is no directory that could hold keys.
        let keys = if kafka.hosts.is_empty() || !is_named {
            targets::signing_keys_if_set(&mut reader)
        } else {
            targets::signing_keys(&mut reader)
        };
        // Only whether snapshots are taken in counts here, not what their silence means.
        let feeds = [("auto", true), ("on", true), ("off", false)];
        let feed = reader.required("orders-feed", |text| value::word(text, &feeds));
        let epoch = reader.required("epoch", |text| value::number(text, 0, i64::MAX));
        let now = clock::wall_clock();
        let since = reader.optional("since", |text| value::time(text, now));
        match (data_dir, feed, epoch) {
            (Some(data_dir), Some(has_feed), Some(epoch)) if reader.faults.is_empty() => Ok(Self {
                kafka,
                store,
                data_dir,
                keys,
                has_feed,
                epoch,
                since,
            }),
            _ => Err(reader.faults),
        }
    }
}

pub fn run(merged: &Merged, faults: Faults, as_json: bool) -> Result<(), Failure> {
    let mut config = Config::read(merged, faults)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let data = if config.kafka.hosts.is_empty() || config.store.is_none() {
        Some(data_of(&config)?)
    } else {
        None
    };
    let keys = match (&config.keys, &data) {
        (Some(keys), _) => keys.clone(),
        (None, Some(data)) => SigningKeys::parse(&data.signing_keys()?).map_err(Failure::failed)?,
        (None, None) => return Err(Failure::failed("there are no signing keys")),
    };
    let broker = match &data {
        Some(data) if config.kafka.hosts.is_empty() => {
            let listener = embedded::bind(([127, 0, 0, 1], 0).into())?;
            config.kafka.hosts = vec![listener.local_addr()?.to_string()];
            Some(embedded::broker(listener, data, Vec::new())?)
        }
        Some(_) | None => None,
    };
    let stores = match (&config.store, &data) {
        (None, Some(data)) => Stores::embedded(embedded::ledger(data)?),
        (Some(store), _) => Stores::connect(runtime.handle(), store)?,
        (None, None) => return Err(Failure::failed("there is no store")),
    };
    let audited = audit(&config, keys, &stores);
    if let Some(broker) = broker {
        broker.stop();
    }
    let report = audited?;
    if as_json {
        output::json(&report)?;
    } else {
        output::line(&page(&report))?;
    }
    if report.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

fn data_of(config: &Config) -> Result<DataDir, Failure> {
    let path = &config.data_dir;
    if !path.join("ledger.redb").exists() && !path.join("broker").exists() {
        return Err(Failure::failed(format!(
            "`{}` is no data directory of a `trueup dev`; give --data-dir, or --kafka and --scylla",
            path.display()
        )));
    }
    DataDir::open(path)
}

fn audit(config: &Config, keys: SigningKeys, rows: &dyn Rows) -> Result<Report, Failure> {
    let audit = Audit {
        kafka: &config.kafka,
        codec: serving::codec(&config.kafka)?,
        keys,
        orders_feed: if config.has_feed { Feed::On } else { Feed::Off },
        epoch: config.epoch,
        since: config.since,
        rows,
        now: clock::wall_clock(),
        tell: &output::say,
    };
    audit.run().map_err(Failure::failed)
}

fn page(report: &Report) -> String {
    let mut lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if report.more_findings > 0 {
        lines.push(format!("and {} more findings", report.more_findings));
    }
    for (reason, count) in &report.not_compared {
        lines.push(format!("not compared: {count} {reason}"));
    }
    let audited: Vec<String> = report
        .audited
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let found = report.findings.len();
    let verdict = match found {
        0 => "nothing is missing, changed or different".to_owned(),
        1 => "1 finding".to_owned(),
        _ => format!("{found} findings"),
    };
    lines.push(format!("audited {}: {verdict}", audited.join(", ")));
    lines.join("\n")
}
