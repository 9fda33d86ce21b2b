//! A real Apache Cassandra: one node, the CQL store at hand where ScyllaDB is not.

use std::path::Path;
use std::process::Command;

use crate::fault::ServiceFault;
use crate::limits::START_TRIES;
use crate::scratch::Scratch;
use crate::service::Service;
use crate::{cql, jars, ports};

const JAMM: &str = "jamm-0.4.0.jar";

/// What Cassandra 5 asks of a Java 17 to export, and to open below.
const EXPORTS: [&str; 9] = [
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "java.base/java.lang.ref",
    "jdk.unsupported/sun.misc",
];
const OPENS: [&str; 15] = [
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.lang",
];

/// What tests change about a node.
#[derive(Debug, Clone, Default)]
pub struct CassandraOptions {
    /// Further lines of `cassandra.yaml`, each a whole `name: value` that is not set here.
    pub settings: Vec<(String, String)>,
}

/// A running node. It dies, and its data goes, with this handle.
#[derive(Debug)]
pub struct Cassandra {
    service: Service,
    address: String,
}

impl Cassandra {
    /// Starts a node on free loopback ports and waits until it answers.
    ///
    /// # Errors
    /// No Java, no Maven and no jars, a node that ends or stays silent.
    pub fn start(options: &CassandraOptions) -> Result<Self, ServiceFault> {
        let jars = jars::of("cassandra")?;
        let mut tries = 0;
        loop {
            tries += 1;
            match start(options, &jars) {
                // Somebody else took a port between the look and the bind.
                Err(ServiceFault::Ended { log, .. })
                    if tries < START_TRIES && log.contains("in use") => {}
                outcome => return outcome,
            }
        }
    }

    /// `host:port` for CQL clients.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
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
    /// A node that ends or stays silent.
    pub fn restart(&mut self) -> Result<(), ServiceFault> {
        let address = self.address.clone();
        self.service.restart(|| cql::answers(&address))
    }
}

fn start(options: &CassandraOptions, jars: &Path) -> Result<Cassandra, ServiceFault> {
    let scratch = Scratch::new("cassandra")?;
    let [port, storage_port] = ports::free()?;
    let address = format!("127.0.0.1:{port}");
    let yaml = scratch.path().join("cassandra.yaml");
    let text = settings(options, scratch.path(), port, storage_port);
    std::fs::write(&yaml, text).map_err(|cause| ServiceFault::File {
        path: yaml.clone(),
        cause,
    })?;
    let command = command(jars, scratch.path(), &yaml);
    let service = Service::start("cassandra", scratch, command, || cql::answers(&address))?;
    Ok(Cassandra { service, address })
}

fn command(jars: &Path, directory: &Path, yaml: &Path) -> Command {
    let mut command = jars::java(jars);
    command
        .args(["-Xms512m", "-Xmx1g", "-XX:+UseSerialGC", "-Xss512k"])
        .args(["-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]);
    let agent = jars.join(JAMM);
    if agent.exists() {
        command.arg(format!("-javaagent:{}", agent.display()));
    }
    for export in EXPORTS {
        command.args(["--add-exports".to_owned(), format!("{export}=ALL-UNNAMED")]);
    }
    for open in OPENS {
        command.args(["--add-opens".to_owned(), format!("{open}=ALL-UNNAMED")]);
    }
    command
        .arg(format!("-Dcassandra.config=file://{}", yaml.display()))
        .arg(format!("-Dcassandra.storagedir={}", directory.display()))
        .arg(format!("-Djava.io.tmpdir={}", directory.display()))
        .arg(format!("-Djna.tmpdir={}", directory.display()))
        .arg(format!(
            "-Dlogback.configurationFile=file://{}",
            jars::kept("cassandra/logback.xml").display()
        ))
        .args(["-Dcassandra-foreground=yes", "-Dcassandra.ring_delay_ms=1"])
        .arg("-Dcassandra.skip_wait_for_gossip_to_settle=0")
        .arg("org.apache.cassandra.service.CassandraDaemon")
        .current_dir(directory);
    command
}

/// `cassandra.yaml`. The log is on disk before a write is acknowledged: with the default,
/// `periodic`, a `kill -9` loses what was acknowledged since the last mark in the log, and other
/// replicas, which this node has none of, would have to make up for it.
fn settings(options: &CassandraOptions, directory: &Path, port: u16, storage_port: u16) -> String {
    let directory = directory.display();
    let mut text = format!(
        "cluster_name: trueup-test
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: \"127.0.0.1:{storage_port}\"
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: {storage_port}
native_transport_port: {port}
start_native_transport: true
commitlog_sync: batch
commitlog_segment_size: 8MiB
commitlog_directory: {directory}/commitlog
data_file_directories: [{directory}/data]
saved_caches_directory: {directory}/saved_caches
hints_directory: {directory}/hints
cdc_raw_directory: {directory}/cdc
memtable_heap_space: 128MiB
memtable_offheap_space: 64MiB
key_cache_size: 8MiB
file_cache_size: 32MiB
networking_cache_size: 16MiB
auto_snapshot: false
incremental_backups: false
concurrent_reads: 16
concurrent_writes: 16
"
    );
    for (name, value) in &options.settings {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text
}
