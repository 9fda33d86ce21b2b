//! The limit of the machine and of the stock client: every record consumed, one of a status change's
//! size produced for it, exactly once, and nothing looked at. What does the job can come near it.

use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::RivalsFault;

const CALL: Duration = Duration::from_secs(20);
/// Between two looks at what is still under way: a poll that waits would spin through its last
/// millisecond.
const DRAINING: Duration = Duration::from_micros(200);
/// What an idle loop waits for the next record, and a transaction with little in it for the next.
const IDLE: Duration = Duration::from_millis(20);
/// The size of a status change.
pub(super) const RECORD: [u8; 155] = [b'x'; 155];

#[derive(Debug, Clone, clap::Args)]
pub struct PassOptions {
    #[arg(long)]
    pub kafka: String,
    #[arg(long)]
    pub input: String,
    #[arg(long)]
    pub output: String,
    /// Of the consumers, and the transactional id.
    #[arg(long)]
    pub group: String,
    /// Of one transaction, under backlog.
    #[arg(long, default_value_t = 20_000)]
    pub records: u64,
}

/// Runs until it is ended.
///
/// # Errors
/// A broker that refuses something.
pub(super) fn run(options: &PassOptions) -> Result<(), RivalsFault> {
    loop_of(options).map_err(RivalsFault::kafka("pass-through"))
}

fn loop_of(options: &PassOptions) -> Result<(), KafkaError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &options.kafka)
        .set("group.id", &options.group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("queued.max.messages.kbytes", "131072")
        .set("fetch.message.max.bytes", "4194304")
        .create()?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &options.kafka)
        .set("transactional.id", &options.group)
        .set("linger.ms", "5")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.messages", "1000000")
        .set("retry.backoff.ms", "1")
        .create()?;
    producer.init_transactions(CALL)?;
    consumer.subscribe(&[&options.input])?;
    println!("ready");
    loop {
        transaction(options, &consumer, &producer)?;
    }
}

/// One transaction of what there is, if there is anything.
fn transaction(
    options: &PassOptions,
    consumer: &BaseConsumer,
    producer: &BaseProducer,
) -> Result<(), KafkaError> {
    // By partition; the next offset to read.
    let mut positions: Vec<i64> = Vec::new();
    let mut count = 0;
    let begun = Instant::now();
    while count < options.records {
        let Some(message) = consumer.poll(IDLE) else {
            break;
        };
        let message = message?;
        if count == 0 {
            producer.begin_transaction()?;
        }
        let partition = usize::try_from(message.partition()).unwrap_or(0);
        if positions.len() <= partition {
            positions.resize(partition + 1, -1);
        }
        if let Some(position) = positions.get_mut(partition) {
            *position = message.offset() + 1;
        }
        put(
            options,
            producer,
            message.partition(),
            message.key().unwrap_or_default(),
        )?;
        count += 1;
        if count.is_multiple_of(1_000) {
            producer.poll(Duration::ZERO);
            if begun.elapsed() > CALL {
                break;
            }
        }
    }
    if count == 0 {
        return Ok(());
    }
    // A commit that finds messages under way waits a tenth of a second for them.
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::ZERO);
        std::thread::sleep(DRAINING);
    }
    let mut offsets = TopicPartitionList::new();
    for (partition, position) in (0..).zip(&positions) {
        if *position >= 0 {
            let at = Offset::Offset(*position);
            offsets.add_partition_offset(&options.input, partition, at)?;
        }
    }
    if let Some(group) = consumer.group_metadata() {
        producer.send_offsets_to_transaction(&offsets, &group, CALL)?;
    }
    producer.commit_transaction(CALL)
}

fn put(
    options: &PassOptions,
    producer: &BaseProducer,
    partition: i32,
    key: &[u8],
) -> Result<(), KafkaError> {
    let record = BaseRecord::to(&options.output).partition(partition);
    let mut record = record.key(key).payload(&RECORD);
    while let Err((cause, returned)) = producer.send(record) {
        if cause.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
            return Err(cause);
        }
        producer.poll(Duration::ZERO);
        std::thread::sleep(DRAINING);
        record = returned;
    }
    Ok(())
}
