//! A real Apache Kafka: one node, broker and controller at once (KRaft).

use std::path::Path;
use std::process::Command;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::fault::ServiceFault;
use crate::limits::{ANSWER, START_TRIES};
use crate::scratch::Scratch;
use crate::service::Service;
use crate::{jars, ports};

/// A valid id of a cluster (22 characters of base64), the same for every test cluster.
const CLUSTER_ID: &str = "dHJ1ZXVwLXRlc3Qta2Fma2";

/// What tests change about a broker.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// The longest timeout a transactional producer may ask for, in ms.
    pub transaction_max_timeout_ms: u32,
    /// How often the broker looks for transactions over their timeout, in ms.
    pub transaction_abort_interval_ms: u32,
    /// The shortest session a group member may ask for, in ms.
    pub group_min_session_ms: u32,
    /// Further lines of `server.properties`; these win.
    pub settings: Vec<(String, String)>,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            transaction_max_timeout_ms: 900_000,
            transaction_abort_interval_ms: 1_000,
            group_min_session_ms: 1_000,
            settings: Vec::new(),
        }
    }
}

/// A running broker. It dies, and its data goes, with this handle.
#[derive(Debug)]
pub struct Kafka {
    service: Service,
    bootstrap: String,
}

impl Kafka {
    /// Starts a broker on free loopback ports and waits until it answers.
    ///
    /// # Errors
    /// No Java, no Maven and no jars, a broker that ends or stays silent.
    pub fn start(options: &KafkaOptions) -> Result<Self, ServiceFault> {
        let jars = jars::of("kafka")?;
        let mut tries = 0;
        loop {
            tries += 1;
            match start(options, &jars) {
                // Somebody else took a port between the look and the bind.
                Err(ServiceFault::Ended { log, .. })
                    if tries < START_TRIES && log.contains("BindException") => {}
                outcome => return outcome,
            }
        }
    }

    /// `host:port` for clients.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The process, for signals of another kind.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.service.pid()
    }

    /// The directory of its settings, data and log.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.service.directory()
    }

    /// The end of what it logged.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.service.log_tail()
    }

    /// `kill -9`; what it acknowledged stays.
    pub fn kill(&mut self) {
        self.service.kill();
    }

    /// Starts it again, on the same port and data; kills it first if it still runs.
    ///
    /// # Errors
    /// A broker that ends or stays silent.
    pub fn restart(&mut self) -> Result<(), ServiceFault> {
        let bootstrap = self.bootstrap.clone();
        self.service.restart(|| answers(&bootstrap))
    }
}

fn start(options: &KafkaOptions, jars: &Path) -> Result<Kafka, ServiceFault> {
    let scratch = Scratch::new("kafka")?;
    let [port, controller_port] = ports::free()?;
    let bootstrap = format!("127.0.0.1:{port}");
    let properties = scratch.path().join("server.properties");
    let text = settings(options, scratch.path(), port, controller_port);
    std::fs::write(&properties, text).map_err(|cause| ServiceFault::File {
        path: properties.clone(),
        cause,
    })?;
    let mut format = jars::java(jars);
    format
        .args(["-XX:TieredStopAtLevel=1", "-Xshare:auto"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(&properties);
    jars::run(format)?;
    let service = Service::start("kafka", scratch, command(jars, &properties), || {
        answers(&bootstrap)
    })?;
    Ok(Kafka { service, bootstrap })
}

fn command(jars: &Path, properties: &Path) -> Command {
    let mut command = jars::java(jars);
    command
        .args(["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"])
        .arg("-XX:+ExitOnOutOfMemoryError")
        .arg("-Dorg.slf4j.simpleLogger.showDateTime=true")
        .arg("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")
        .arg("-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn")
        .arg("-Djava.awt.headless=true")
        .arg("kafka.Kafka")
        .arg(properties);
    command
}

/// `server.properties`. Nothing here makes the broker less durable than its defaults.
fn settings(options: &KafkaOptions, directory: &Path, port: u16, controller_port: u16) -> String {
    let data = directory.join("data");
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
transaction.max.timeout.ms={transaction_max}
transaction.abort.timed.out.transaction.cleanup.interval.ms={transaction_abort}
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms={session}
",
        data = data.display(),
        transaction_max = options.transaction_max_timeout_ms,
        transaction_abort = options.transaction_abort_interval_ms,
        session = options.group_min_session_ms,
    );
    for (name, value) in &options.settings {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}

/// Whether a broker answers a request for metadata, and knows itself.
fn answers(bootstrap: &str) -> bool {
    // A port that refuses is told at once; the client library would wait out its timeout.
    let Ok(address) = bootstrap.parse() else {
        return false;
    };
    if std::net::TcpStream::connect_timeout(&address, ANSWER).is_err() {
        return false;
    }
    let client: Result<BaseConsumer, _> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create();
    client.is_ok_and(|client| {
        client
            .fetch_metadata(None, ANSWER)
            .is_ok_and(|metadata| !metadata.brokers().is_empty())
    })
}
