//! What the long-running commands need: `ingest` and `process`.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use trueup_otlp::OtlpSettings;
use trueup_schemas::seal::SigningKeys;
use trueup_stripe::limit::{Rate, RateLimit};

use super::otlp;
use super::targets::{self, KafkaTarget, OpsTarget, StoreTarget};
use crate::settings::endpoint::{self, EndpointSettings, LIVEMODES};
use crate::settings::{Faults, Merged, Reader, value};

/// The least and the most memory for cached ledgers, in MiB.
const CACHE_MIB: (u64, u64) = (1, 1_048_576);
const MAX_UNACKED_TRANSACTIONS: usize = 1_000_000;

/// What every long-running command has.
#[derive(Debug)]
pub struct ServeConfig {
    pub ops: OpsTarget,
    pub ready_file: Option<PathBuf>,
    pub signing_keys: SigningKeys,
    pub kafka: KafkaTarget,
    /// Where spans go, if anywhere.
    pub otlp: Option<OtlpSettings>,
}

impl ServeConfig {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let ops = OpsTarget::to_bind(reader);
        let ready_file = reader.optional("ready-file", |path| Ok(PathBuf::from(path)));
        let signing_keys = targets::signing_keys(reader);
        let kafka = KafkaTarget::read(reader);
        let otlp = otlp::read(reader);
        Some(Self {
            otlp,
            ops: ops?,
            ready_file,
            signing_keys: signing_keys?,
            kafka: kafka?,
        })
    }
}

#[derive(Debug)]
pub struct IngestConfig {
    pub serve: ServeConfig,
    pub gateway: GatewayConfig,
}

impl IngestConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let serve = ServeConfig::read(&mut reader);
        let gateway = GatewayConfig::read(&mut reader);
        match serve.zip(gateway) {
            Some((serve, gateway)) if reader.faults.is_empty() => Ok(Self { serve, gateway }),
            _ => Err(reader.faults),
        }
    }
}

/// The gateway, in whichever process.
#[derive(Debug)]
pub struct GatewayConfig {
    pub http: SocketAddr,
    /// The unnamed endpoint first, when it has a secret; at least one.
    pub endpoints: Vec<EndpointSettings>,
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    pub rate: RateLimit,
}

impl GatewayConfig {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let merged = reader.merged;
        if merged.get("stripe-webhook-secret").is_none() && merged.endpoints.is_empty() {
            reader.missing("stripe-webhook-secret");
        }
        let unnamed = merged.get("stripe-webhook-secret").is_some();
        Self::read_with(reader, unnamed)
    }

    /// As [`GatewayConfig::read`], but the unnamed endpoint is there always, without a secret where
    /// nobody gave one: `dev` has its own.
    pub fn read_for_dev(reader: &mut Reader<'_>) -> Option<Self> {
        Self::read_with(reader, true)
    }

    fn read_with(reader: &mut Reader<'_>, unnamed: bool) -> Option<Self> {
        let http = reader.required("http", value::address);
        let mut endpoints = endpoint::named(reader.merged, &mut reader.faults);
        let livemode = reader
            .optional("livemode", |text| value::word(text, LIVEMODES))
            .flatten();
        let account = reader.optional("account", |text| Ok(text.to_owned()));
        let secrets = reader.secrets("stripe-webhook-secret").unwrap_or_default();
        if unnamed {
            endpoints.insert(
                0,
                EndpointSettings {
                    name: None,
                    secrets,
                    livemode,
                    account,
                },
            );
        }
        let trusted_proxies = reader.each("trusted-proxy", value::network);
        let per_endpoint = reader.required("rate-per-endpoint", value::rate);
        let per_address = reader.required("rate-per-address", value::rate);
        Some(Self {
            http: http?,
            endpoints,
            trusted_proxies,
            rate: RateLimit {
                per_endpoint: Rate::even(per_endpoint?),
                per_address: Rate::even(per_address?),
            },
        })
    }
}

/// Whether the order service writes `orders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrdersFeed {
    /// On once the topic holds a record.
    Auto,
    On,
    Off,
}

/// Which processor of a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    Linker,
    Reconciler,
}

#[derive(Debug)]
pub struct ProcessConfig {
    /// Both, where nobody said.
    pub only: Option<Only>,
    pub serve: ServeConfig,
    pub store: StoreTarget,
    pub workers: WorkersConfig,
}

impl ProcessConfig {
    /// `host_name` and the number of cores stand in where nobody said.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults, host_name: Option<&str>) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let serve = ServeConfig::read(&mut reader);
        let store = StoreTarget::read(&mut reader);
        let processors = [("linker", Only::Linker), ("reconciler", Only::Reconciler)];
        let only = reader.optional("only", |text| value::word(text, &processors));
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = WorkersConfig::read(&mut reader, host_name, cores);
        match (serve, store, workers) {
            (Some(serve), Some(store), Some(workers)) if reader.faults.is_empty() => Ok(Self {
                only,
                serve,
                store,
                workers,
            }),
            _ => Err(reader.faults),
        }
    }
}

/// The reconciler's workers, in whichever process.
#[derive(Debug)]
pub struct WorkersConfig {
    pub instance_id: String,
    pub workers: usize,
    /// For gaps of every kind; `None` is the standard of each.
    pub grace: Option<Duration>,
    /// Until an event that waits for its order is said to be without one.
    pub unlinked_age: Duration,
    pub orders_feed: OrdersFeed,
    /// For all workers together.
    pub cache_bytes: u64,
    pub unacked_transactions: usize,
    pub unacked_age: Duration,
    pub epoch: i64,
}

impl WorkersConfig {
    /// `host_name` and `workers` stand in where nobody said.
    pub fn read(reader: &mut Reader<'_>, host_name: Option<&str>, workers: usize) -> Option<Self> {
        let instance_id = instance_id(reader, host_name);
        let workers = reader
            .optional("workers", |text| value::number(text, 1, value::MAX_WORKERS))
            .unwrap_or_else(|| workers.min(value::MAX_WORKERS));
        let grace = reader.optional("grace", value::duration);
        let unlinked_age = reader.required("unlinked-age", unlinked_age);
        let feeds = [
            ("auto", OrdersFeed::Auto),
            ("on", OrdersFeed::On),
            ("off", OrdersFeed::Off),
        ];
        let orders_feed = reader.required("orders-feed", |text| value::word(text, &feeds));
        let (least, most) = CACHE_MIB;
        let cache_mib = reader.required("cache-size", |text| value::number(text, least, most));
        let unacked_transactions = reader.required("unacked-transactions", |text| {
            value::number(text, 1, MAX_UNACKED_TRANSACTIONS)
        });
        let unacked_age = reader.required("unacked-age", value::duration);
        let epoch = reader.required("epoch", |text| value::number(text, 0, i64::MAX));
        Some(Self {
            instance_id: instance_id?,
            workers,
            grace,
            unlinked_age: unlinked_age?,
            orders_feed: orders_feed?,
            cache_bytes: cache_mib? * 1024 * 1024,
            unacked_transactions: unacked_transactions?,
            unacked_age: unacked_age?,
            epoch: epoch?,
        })
    }
}

/// Events are judged by age while their topic still holds them.
fn unlinked_age(text: &str) -> Result<Duration, String> {
    let age = value::duration(text)?;
    let most = trueup_linker::limits::LONGEST_UNLINKED_AGE;
    if age > most {
        let days = most.as_secs() / 86_400;
        return Err(format!(
            "the limit is {days}d: the topic holds events for 31d"
        ));
    }
    Ok(age)
}

fn instance_id(reader: &mut Reader<'_>, host_name: Option<&str>) -> Option<String> {
    if reader.merged.get("instance-id").is_some() {
        return reader.optional("instance-id", value::instance_id);
    }
    let host_name = host_name.and_then(|name| value::instance_id(name).ok());
    if host_name.is_none() {
        let problem = "missing, and this host has no name that would do; give --instance-id ID";
        reader.faults.add("--instance-id", None, problem);
    }
    host_name
}

/// This host's name, where the system tells it.
pub fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
