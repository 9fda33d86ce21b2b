//! What `dev` needs: every part of the system, each on loopback or where somebody named another.
//!
//! What only a running broker and a data directory can tell, the address and the secrets, is put
//! in later; what can be wrong is told before anything starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use trueup_broker::faults::{Rule, parse_script};
use trueup_otlp::OtlpSettings;
use trueup_schemas::seal::SigningKeys;

use super::otlp;
use super::serving::{GatewayConfig, WorkersConfig};
use super::sweep::SweepTarget;
use super::targets::{self, KafkaTarget, OpsTarget, StoreTarget};
use super::tools::{self, LedgerConfig, Partitions};
use crate::settings::merge::Source;
use crate::settings::{Faults, Merged, Reader, value};

/// One worker keeps a development machine quiet, and a first assignment short.
const WORKERS: usize = 1;
/// Names the slot of a process that is alone with its broker, whatever the host is called.
const INSTANCE: &str = "dev";
/// A demo whose gap opened after minutes would be watched by nobody.
pub const DEMO_GRACE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct DevConfig {
    pub data_dir: PathBuf,
    /// Without hosts: the embedded broker.
    pub kafka: KafkaTarget,
    /// Where the embedded broker listens.
    pub kafka_listen: SocketAddr,
    /// What the embedded broker does wrong, on purpose.
    pub broker_faults: Vec<Rule>,
    /// `None`: the embedded ledger.
    pub store: Option<LedgerConfig>,
    pub ops: OpsTarget,
    pub ready_file: Option<PathBuf>,
    /// Where spans go, if anywhere.
    pub otlp: Option<OtlpSettings>,
    /// `None`: its own.
    pub signing_keys: Option<SigningKeys>,
    /// The unnamed endpoint comes first; without secrets, it is given the own one.
    pub gateway: GatewayConfig,
    pub workers: WorkersConfig,
    pub partitions: Partitions,
    pub replication: Option<i32>,
    pub demo: bool,
    /// `None`: nobody gave a key, and nothing is swept.
    pub sweep: Option<SweepTarget>,
}

impl DevConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults, host_name: Option<&str>) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let data_dir = reader.required("data-dir", |path| Ok(PathBuf::from(path)));
        let kafka = KafkaTarget::read_if_named(&mut reader);
        let kafka_listen = reader.required("kafka-listen", loopback);
        let broker_faults = reader.optional("broker-faults", script).unwrap_or_default();
        let store = store(&mut reader);
        let ops = OpsTarget::to_bind(&mut reader);
        let ready_file = reader.optional("ready-file", |path| Ok(PathBuf::from(path)));
        let otlp = otlp::read(&mut reader);
        let signing_keys = targets::signing_keys_if_set(&mut reader);
        let gateway = GatewayConfig::read_for_dev(&mut reader);
        // Beside an existing Kafka others may be in the group.
        let instance = match (kafka.hosts.is_empty(), host_name) {
            (false, Some(host_name)) => host_name,
            _ => INSTANCE,
        };
        let workers = WorkersConfig::read(&mut reader, Some(instance), WORKERS);
        let partitions = tools::partitions(&mut reader);
        let replication = tools::replication_factor(&mut reader);
        let demo = reader.switch("demo");
        let sweep = SweepTarget::read_if_keyed(&mut reader);
        let read = || {
            let mut workers = workers?;
            if demo && is_unset(merged, "grace") {
                workers.grace = Some(DEMO_GRACE);
            }
            let partitions = partitions?;
            Some(Self {
                data_dir: data_dir?,
                kafka,
                kafka_listen: kafka_listen?,
                broker_faults,
                store: store?,
                ops: ops?,
                ready_file,
                otlp,
                signing_keys,
                gateway: gateway?,
                workers,
                partitions: if is_unset(merged, "partitions") {
                    Partitions::AsTheyAre(partitions)
                } else {
                    Partitions::Just(partitions)
                },
                replication,
                demo,
                sweep: sweep?,
            })
        };
        match read() {
            Some(config) if reader.faults.is_empty() => Ok(config),
            _ => Err(reader.faults),
        }
    }
}

fn is_unset(merged: &Merged, name: &str) -> bool {
    merged
        .get(name)
        .is_none_or(|value| value.source == Source::Default)
}

/// A CQL store where one is named; `None` when what is said of it is wrong.
#[expect(
    clippy::option_option,
    reason = "nobody named a store is not the same as a wrong one was named"
)]
fn store(reader: &mut Reader<'_>) -> Option<Option<LedgerConfig>> {
    if reader.merged.get("scylla").is_none() {
        return Some(None);
    }
    let store = StoreTarget::read(reader);
    let replication = reader.required("replication", value::replication);
    Some(Some(LedgerConfig {
        store: store?,
        replication: replication?,
        json: false,
    }))
}

/// The embedded broker asks nobody who he is.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = value::address(text)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("not a loopback address, and the embedded broker has no access control; for other machines use a \
         Kafka, and name it with --kafka"
        .to_owned())
}

fn script(path: &str) -> Result<Vec<Rule>, String> {
    let text = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
    parse_script(&text).map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, Flags};

    fn read(given: &[(&str, &str)]) -> Result<DevConfig, Faults> {
        let flags: Flags = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
            .collect();
        let mut faults = Faults::default();
        let merged = Merged::new(&flags, &Environment::default(), &mut faults);
        DevConfig::read(&merged, faults, Some("host"))
    }

    #[test]
    fn it_needs_nothing() {
        let config = read(&[]).unwrap();
        assert!(config.kafka.hosts.is_empty() && config.store.is_none());
        assert_eq!(config.workers.instance_id, "dev");
        assert_eq!(config.gateway.endpoints.len(), 1);
        assert_eq!(config.partitions, Partitions::AsTheyAre(12));
    }

    #[test]
    fn each_embedded_part_makes_way_for_one_that_is_named() {
        let config = read(&[("kafka", "k:1"), ("scylla", "s:1"), ("partitions", "3")]).unwrap();
        assert_eq!(config.kafka.hosts, ["k:1"]);
        assert_eq!(config.store.unwrap().store.hosts, ["s:1"]);
        assert_eq!(config.workers.instance_id, "host");
        assert_eq!(config.partitions, Partitions::Just(3));
    }

    #[test]
    fn the_embedded_broker_stays_on_loopback() {
        let fault = read(&[("kafka-listen", "0.0.0.0:9092")]).unwrap_err();
        assert!(fault.to_string().contains("loopback"), "{fault}");
    }

    #[test]
    fn a_demos_grace_is_short_unless_somebody_says_otherwise() {
        let grace = |given: &[(&str, &str)]| read(given).unwrap().workers.grace;
        assert_eq!(grace(&[("demo", "true")]), Some(DEMO_GRACE));
        let told = grace(&[("demo", "true"), ("grace", "9s")]);
        assert_eq!(told, Some(Duration::from_secs(9)));
        assert_eq!(grace(&[]), None);
    }
}
