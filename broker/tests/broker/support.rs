//! The embedded broker on a disk that can crash.

use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::Arc;

use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::SimulatedDisk;

pub(crate) use crate::site::{PATIENCE, poll_until, wait};

use crate::site::Site;

pub(crate) struct Running {
    pub(crate) disk: SimulatedDisk,
    broker: Option<Broker>,
    site: Site,
}

impl Deref for Running {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::start_on(SimulatedDisk::new(), "127.0.0.1:0")
    }

    fn start_on(disk: SimulatedDisk, address: &str) -> Self {
        // What the broker says is seen with RUST_LOG; the second test finds it set up.
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .try_init();
        let listener = TcpListener::bind(address).unwrap();
        let settings = BrokerConfig {
            // As often as the tests' Kafka looks.
            upkeep_interval_ms: 500,
            ..BrokerConfig::default()
        };
        let broker = Broker::start(
            settings,
            listener,
            Arc::new(disk.clone()),
            Arc::new(SystemClock),
        )
        .unwrap();
        let address: SocketAddr = broker.address();
        Self {
            disk,
            broker: Some(broker),
            site: Site::alone(address.to_string()),
        }
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().unwrap()
    }

    /// Stops and starts again on the same address.
    pub(crate) fn restart(&mut self) {
        self.broker.take().unwrap().stop();
        *self = Self::start_on(self.disk.clone(), &self.address());
    }

    /// Crashes, loses what was not synced, and starts again on the same address.
    pub(crate) fn crash(&mut self, survival: trueup_broker::disk::Survival) {
        self.broker.take().unwrap().crash();
        self.disk.crash(survival);
        *self = Self::start_on(self.disk.clone(), &self.address());
    }
}
