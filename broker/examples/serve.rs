//! A broker on an address and a directory, until its input ends: to point other clients at.
//!
//! `cargo run -p trueup-broker --example serve -- 127.0.0.1:9092 DIRECTORY [FAULTS]`

use std::error::Error;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;

use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::RealDisk;
use trueup_broker::faults::parse_script;

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("the address is missing")?;
    let directory = arguments.next().ok_or("the directory is missing")?;
    let rules = match arguments.next() {
        Some(path) => parse_script(&std::fs::read_to_string(path)?)?,
        None => Vec::new(),
    };
    let listener = TcpListener::bind(address)?;
    let disk = Arc::new(RealDisk::new(directory)?);
    let settings = BrokerConfig {
        auto_create_topics: std::env::var_os("AUTO_CREATE").is_some(),
        ..BrokerConfig::default()
    };
    let broker = Broker::start(settings, listener, disk, Arc::new(SystemClock))?;
    for rule in rules {
        broker.faults().add(rule);
    }
    println!("{}", broker.address());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    broker.stop();
    Ok(())
}
