//! How fast a broker is for librdkafka: produce, consume and transactions, at any address, so that
//! two brokers can be held beside each other.
//!
//! `cargo run -p trueup-broker --example measure -- 127.0.0.1:9092`

use std::error::Error;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(60);
const RECORDS: u32 = 500_000;
const TRANSACTIONS: usize = 500;
const RECORDS_PER_TRANSACTION: u32 = 20;
const PARTITIONS: i32 = 12;

fn main() -> Outcome<()> {
    let address = std::env::args().nth(1).ok_or("the address is missing")?;
    let topic = format!("measure-{}", std::process::id());
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &address);
    let admin: AdminClient<DefaultClientContext> = client.create()?;
    let wanted = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(1));
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(admin.create_topics([&wanted], &AdminOptions::new()))?;
    produce(&client, &topic)?;
    consume(&client, &topic)?;
    transact(&client, &topic)
}

fn rate(what: &str, count: f64, took: Duration) {
    println!("{what}: {:.0}/s", count / took.as_secs_f64());
}

fn queue(producer: &BaseProducer, topic: &str, number: u32, payload: &[u8]) -> Outcome<()> {
    let key = number.to_be_bytes();
    let mut record = BaseRecord::to(topic).key(&key).payload(payload);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(1));
            }
            Err((fault, _)) => return Err(fault.into()),
        }
    }
}

fn produce(client: &ClientConfig, topic: &str) -> Outcome<()> {
    let mut config = client.clone();
    config
        .set("enable.idempotence", "true")
        .set("linger.ms", "5");
    let producer: BaseProducer = config.create()?;
    let payload = [7; 200];
    let begun = Instant::now();
    for number in 0..RECORDS {
        queue(&producer, topic, number, &payload)?;
        if number % 1_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(PATIENCE)?;
    rate("produced records", f64::from(RECORDS), begun.elapsed());
    let mut config = client.clone();
    config.set("linger.ms", "0");
    let producer: BaseProducer = config.create()?;
    let mut took = Vec::new();
    for number in 0..1_000 {
        let begun = Instant::now();
        queue(&producer, topic, number, &payload)?;
        settle(&producer);
        took.push(begun.elapsed());
    }
    percentiles("one acknowledged record", took);
    Ok(())
}

/// Waits for every report; a flush would look for them only each 100 ms.
fn settle(producer: &BaseProducer) {
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(1));
    }
}

fn percentiles(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |part: usize| {
        took.get(took.len() * part / 100)
            .copied()
            .unwrap_or_default()
    };
    println!("{what}: p50 {:?}, p99 {:?}", at(50), at(99));
}

fn consume(client: &ClientConfig, topic: &str) -> Outcome<()> {
    let mut config = client.clone();
    config
        .set("group.id", "measure")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    let begun = Instant::now();
    consumer.assign(&list)?;
    let mut count = 0;
    while count < RECORDS {
        consumer.poll(PATIENCE).ok_or("the records do not come")??;
        count += 1;
    }
    rate("consumed records", f64::from(count), begun.elapsed());
    Ok(())
}

fn transact(client: &ClientConfig, topic: &str) -> Outcome<()> {
    let mut config = client.clone();
    config.set("transactional.id", topic).set("linger.ms", "0");
    let producer: BaseProducer = config.create()?;
    producer.init_transactions(PATIENCE)?;
    let consumer: BaseConsumer = client.clone().set("group.id", "measure").create()?;
    let metadata = consumer.group_metadata().ok_or("no group")?;
    let mut took = Vec::new();
    let begun = Instant::now();
    for number in 0..TRANSACTIONS {
        let begun = Instant::now();
        producer.begin_transaction()?;
        for record in 0..RECORDS_PER_TRANSACTION {
            queue(&producer, topic, record, &[7; 200])?;
        }
        let mut list = TopicPartitionList::new();
        let offset = Offset::Offset(i64::try_from(number)?);
        list.add_partition_offset(topic, 0, offset)?;
        settle(&producer);
        producer.send_offsets_to_transaction(&list, &metadata, PATIENCE)?;
        producer.commit_transaction(PATIENCE)?;
        took.push(begun.elapsed());
    }
    let total = begun.elapsed();
    rate(
        "transactions of 20 records and an offset",
        f64::from(u32::try_from(TRANSACTIONS)?),
        total,
    );
    percentiles("one transaction", took);
    Ok(())
}
