//! The places that commands speak to: Kafka, the store, the ops listener.

use std::net::SocketAddr;

use rdkafka::ClientConfig;
use trueup_schemas::seal::SigningKeys;

use crate::settings::{Reader, kafka, value};

/// Kafka: the properties of every client, and the topics' prefix.
#[derive(Clone)]
pub struct KafkaTarget {
    pub hosts: Vec<String>,
    /// What the user passes through; without `bootstrap.servers`.
    pub properties: Vec<(String, String)>,
    pub prefix: String,
    pub registry: Option<String>,
}

impl std::fmt::Debug for KafkaTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The properties may hold passwords.
        f.debug_struct("KafkaTarget")
            .field("hosts", &self.hosts)
            .field("prefix", &self.prefix)
            .finish()
    }
}

impl KafkaTarget {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.merged.get("kafka").is_none() {
            reader.missing("kafka");
        }
        let target = Self::read_if_named(reader);
        (!target.hosts.is_empty()).then_some(target)
    }

    /// As [`KafkaTarget::read`], without hosts where nobody named any.
    pub fn read_if_named(reader: &mut Reader<'_>) -> Self {
        let hosts = reader.optional("kafka", value::hosts).unwrap_or_default();
        let properties = kafka::properties(reader.merged, &mut reader.faults);
        let prefix = reader
            .optional("topic-prefix", value::topic_prefix)
            .unwrap_or_default();
        let registry = reader.optional("schema-registry", value::url);
        Self {
            hosts,
            properties,
            prefix,
            registry,
        }
    }

    /// The properties of a client, `bootstrap.servers` among them.
    pub fn client_properties(&self) -> Vec<(String, String)> {
        let mut properties = self.properties.clone();
        properties.push(("bootstrap.servers".to_owned(), self.hosts.join(",")));
        properties
    }

    /// A client's configuration, to which each use adds its own.
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        for (key, value) in self.client_properties() {
            client.set(key, value);
        }
        client
    }
}

/// ScyllaDB or Cassandra.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreTarget {
    pub hosts: Vec<String>,
    pub keyspace: String,
    /// Whose nodes are asked, and whose quorum counts.
    pub datacenter: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
}

impl std::fmt::Debug for StoreTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreTarget")
            .field("hosts", &self.hosts)
            .field("keyspace", &self.keyspace)
            .finish_non_exhaustive()
    }
}

impl StoreTarget {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let hosts = reader.required("scylla", value::hosts);
        let keyspace = reader.required("keyspace", value::keyspace);
        let datacenter = reader.optional("scylla-datacenter", value::datacenter);
        let user = reader.optional("scylla-user", |text| Ok(text.to_owned()));
        let password = reader.password("scylla-password");
        if user.is_some() != reader.merged.get("scylla-password").is_some() {
            reader.missing(if user.is_some() {
                "scylla-password"
            } else {
                "scylla-user"
            });
        }
        Some(Self {
            hosts: hosts?,
            keyspace: keyspace?,
            datacenter,
            user,
            password,
        })
    }
}

/// The ops listener, to bind or to ask.
#[derive(Clone)]
pub struct OpsTarget {
    pub address: SocketAddr,
    pub token: Option<String>,
}

impl std::fmt::Debug for OpsTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpsTarget")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl OpsTarget {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let address = reader.required("ops", value::address);
        let token = reader.secret("ops-token");
        Some(Self {
            address: address?,
            token,
        })
    }

    /// As [`OpsTarget::read`], for a listener: anything but loopback needs a token.
    pub fn to_bind(reader: &mut Reader<'_>) -> Option<Self> {
        let target = Self::read(reader)?;
        if !target.address.ip().is_loopback() && reader.merged.get("ops-token").is_none() {
            let place = reader.merged.place("ops");
            let problem = "not a loopback address, so it needs --ops-token (or TRUEUP_OPS_TOKEN, \
                           TRUEUP_OPS_TOKEN_FILE)";
            reader
                .faults
                .add(place, Some(target.address.to_string()), problem);
        }
        Some(target)
    }
}

/// The keys that sign and verify records.
pub fn signing_keys(reader: &mut Reader<'_>) -> Option<SigningKeys> {
    if reader.merged.get("signing-keys").is_none() {
        reader.missing("signing-keys");
    }
    signing_keys_if_set(reader)
}

/// As [`signing_keys`], for commands that can do without.
pub fn signing_keys_if_set(reader: &mut Reader<'_>) -> Option<SigningKeys> {
    let members = reader.secrets("signing-keys")?;
    match SigningKeys::parse(&members.join(",")) {
        Ok(keys) => Some(keys),
        Err(fault) => {
            let place = reader.merged.place("signing-keys");
            reader
                .faults
                .add(place, None, format!("{fault}; write id:base64[,id:base64]"));
            None
        }
    }
}
