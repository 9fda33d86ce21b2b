//! The embedded parts of `dev`: its broker and its ledger.

use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::RealDisk;
use trueup_broker::faults::Rule;
use trueup_ledger::{EmbeddedLedger, EmbeddedSettings};

use super::data::DataDir;
use crate::clock;
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::ops::health::Condition;

/// Takes the broker's address, which is told to clients before there is a broker.
///
/// # Errors
/// An address that is taken or not ours.
pub fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|fault| {
        Failure::failed(format!(
            "--kafka-listen {address} cannot be bound: {fault}; give another, or port 0 for a free one"
        ))
    })
}

/// Recovers what the directory holds; serves when this returns.
///
/// # Errors
/// A log that is damaged or of a later format, a disk that fails.
pub fn broker(listener: TcpListener, data: &DataDir, faults: Vec<Rule>) -> Result<Broker, Failure> {
    let unopened = |fault: &dyn std::fmt::Display| {
        Failure::failed(format!(
            "the embedded broker cannot use `{}`: {fault}",
            data.broker().display()
        ))
    };
    let disk = RealDisk::new(data.broker()).map_err(|fault| unopened(&fault))?;
    let settings = BrokerConfig::default();
    let broker = Broker::start(settings, listener, Arc::new(disk), Arc::new(SystemClock))
        .map_err(|fault| unopened(&fault))?;
    if !faults.is_empty() {
        let path = data.broker_faults();
        let log = OpenOptions::new().create(true).append(true).open(&path);
        let log = log.map_err(|fault| {
            Failure::failed(format!("`{}` cannot be written: {fault}", path.display()))
        })?;
        broker.faults().log_to(log);
    }
    for rule in faults {
        broker.faults().add(rule);
    }
    Ok(broker)
}

/// What health says of the broker: while it can write nothing, nothing can be taken in.
pub fn component(board: HealthBoard, writable: Arc<AtomicBool>) -> HealthBoard {
    board.component("broker", move || {
        let writable = writable.load(Ordering::Relaxed);
        Condition::new(writable, writable)
    })
}

/// # Errors
/// A file that is none of ours, a later version's, or on a disk that fails.
pub fn ledger(data: &DataDir) -> Result<EmbeddedLedger, Failure> {
    let settings = EmbeddedSettings::new(data.ledger(), clock::wall_clock);
    EmbeddedLedger::open(settings).map_err(Failure::failed)
}
