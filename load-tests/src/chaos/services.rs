//! The Kafka and the CQL store of a run: given by the environment, or started and crashed here.

use trueup_testkit::{Cassandra, CassandraOptions, Kafka, KafkaOptions};

/// Something a run needs and could not get.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFault {
    #[error(
        "`{service}` cannot be crashed: it is not ours; leave out `--restart-services`, or unset \
         TRUEUP_TEST_KAFKA and TRUEUP_TEST_CQL to have both started here"
    )]
    NotOurs { service: &'static str },
    #[error("`{service}`: {cause}")]
    Failed {
        service: &'static str,
        cause: String,
    },
}

/// A Kafka and a CQL store, wherever they run.
pub trait Services: Send {
    /// Bootstrap servers, `host:port`.
    fn kafka(&self) -> String;
    /// Contact points, `host:port`.
    fn store(&self) -> String;
    /// The processes of the broker and of the store, where they run here.
    fn pids(&self) -> Option<(u32, u32)>;
    /// `kill -9` of the broker and a start in the same place.
    ///
    /// # Errors
    /// A broker that is not ours or does not come back.
    fn crash_kafka(&mut self) -> Result<(), ServiceFault>;
    /// The same for the store.
    ///
    /// # Errors
    /// A store that is not ours or does not come back.
    fn crash_store(&mut self) -> Result<(), ServiceFault>;
}

/// Those that the environment names, or else such as are started for this run.
///
/// # Errors
/// Services that have to be started and cannot be.
pub fn services() -> Result<Box<dyn Services>, ServiceFault> {
    Ok(match External::from_environment() {
        Some(external) => Box::new(external),
        None => Box::new(Own::start()?),
    })
}

/// Services that run already and stay running.
#[derive(Debug, Clone)]
pub struct External {
    pub kafka: String,
    pub store: String,
}

impl External {
    /// By `TRUEUP_TEST_KAFKA` and `TRUEUP_TEST_CQL`; `None` unless both are set.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let kafka = trueup_testkit::given(trueup_testkit::KAFKA_VARIABLE)?;
        let store = trueup_testkit::given(trueup_testkit::CQL_VARIABLE)?;
        Some(Self { kafka, store })
    }
}

impl Services for External {
    fn kafka(&self) -> String {
        self.kafka.clone()
    }

    fn store(&self) -> String {
        self.store.clone()
    }

    fn pids(&self) -> Option<(u32, u32)> {
        None
    }

    fn crash_kafka(&mut self) -> Result<(), ServiceFault> {
        Err(ServiceFault::NotOurs { service: "kafka" })
    }

    fn crash_store(&mut self) -> Result<(), ServiceFault> {
        Err(ServiceFault::NotOurs {
            service: "cql store",
        })
    }
}

/// Services started for this run, which die with it.
#[derive(Debug)]
pub struct Own {
    kafka: Kafka,
    store: Cassandra,
}

impl Own {
    /// # Errors
    /// No Java, no Maven, or a service that does not come up.
    pub fn start() -> Result<Self, ServiceFault> {
        let kafka = Kafka::start(&KafkaOptions::default()).map_err(failed("kafka"))?;
        let store = Cassandra::start(&CassandraOptions::default()).map_err(failed("cql store"))?;
        Ok(Self { kafka, store })
    }
}

fn failed(service: &'static str) -> impl Fn(trueup_testkit::ServiceFault) -> ServiceFault {
    move |fault| ServiceFault::Failed {
        service,
        cause: fault.to_string(),
    }
}

impl Services for Own {
    fn kafka(&self) -> String {
        self.kafka.bootstrap().to_owned()
    }

    fn store(&self) -> String {
        self.store.address().to_owned()
    }

    fn pids(&self) -> Option<(u32, u32)> {
        Some((self.kafka.pid(), self.store.pid()))
    }

    fn crash_kafka(&mut self) -> Result<(), ServiceFault> {
        self.kafka.kill();
        self.kafka.restart().map_err(failed("kafka"))
    }

    fn crash_store(&mut self) -> Result<(), ServiceFault> {
        self.store.kill();
        self.store.restart().map_err(failed("cql store"))
    }
}
