//! Makes a topic at a broker's address, for the clients of `conformance` that cannot.
//!
//! `cargo run -p trueup-broker --example topic -- 127.0.0.1:9092 NAME PARTITIONS`

use std::error::Error;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("the address is missing")?;
    let name = arguments.next().ok_or("the name is missing")?;
    let partitions = arguments.next().ok_or("the count is missing")?.parse()?;
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", address)
        .create()?;
    let wanted = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let created = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(admin.create_topics([&wanted], &AdminOptions::new()))?;
    for outcome in created {
        outcome.map_err(|(topic, code)| format!("`{topic}`: {code}"))?;
    }
    Ok(())
}
