//! The Kafka and the CQL store of a run: given by the environment, or started and crashed here.

/// Something a run needs and could not get.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFault {
    #[error("`{service}` cannot be crashed: it is not ours; leave out `--restart-services`")]
    NotOurs { service: &'static str },
    #[error("`{service}`: {cause}")]
    Failed {
        service: &'static str,
        cause: String,
    },
    #[error("`{variable}` is not set; it names a running service, or start our own")]
    Unset { variable: &'static str },
}

/// A Kafka and a CQL store, wherever they run.
pub trait Services: Send {
    /// Bootstrap servers, `host:port`.
    fn kafka(&self) -> String;
    /// Contact points, `host:port`.
    fn store(&self) -> String;
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

/// Services that run already and stay running.
#[derive(Debug, Clone)]
pub struct External {
    pub kafka: String,
    pub store: String,
}

impl External {
    /// By `TRUEUP_TEST_KAFKA` and `TRUEUP_TEST_CQL`.
    ///
    /// # Errors
    /// One of them is unset.
    pub fn from_environment() -> Result<Self, ServiceFault> {
        let read = |variable| {
            std::env::var(variable)
                .ok()
                .filter(|value| !value.is_empty())
                .ok_or(ServiceFault::Unset { variable })
        };
        Ok(Self {
            kafka: read("TRUEUP_TEST_KAFKA")?,
            store: read("TRUEUP_TEST_CQL")?,
        })
    }
}

impl Services for External {
    fn kafka(&self) -> String {
        self.kafka.clone()
    }

    fn store(&self) -> String {
        self.store.clone()
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
