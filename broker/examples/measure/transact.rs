//! The loop of a transactional application: read some records, write as many, commit the offsets
//! with them.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::Producer;

use crate::Outcome;
use crate::limits::{PATIENCE, TRANSACTION_RECORDS};
use crate::records::{Done, client, next, queue, sender, settle};

/// What the loop did.
pub(crate) struct Loop {
    pub(crate) done: Done,
    /// From the last record of each transaction to its commit, in order.
    pub(crate) commits: Vec<Duration>,
}

/// Goes on for `time`, or to the end of the `records` that `from` holds.
pub(crate) fn transact(
    address: &str,
    (from, to): (&str, &str),
    records: u32,
    time: Duration,
) -> Outcome<Loop> {
    let group = format!("{to}-group");
    let mut config = client(address);
    config
        .set("group.id", &group)
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[from])?;
    let sender = sender(address, &[("transactional.id", to), ("linger.ms", "1")])?;
    sender.init_transactions(PATIENCE)?;
    // The group is together when the first record comes, and the clock runs from there.
    let mut first = Some(read(&consumer)?);
    let mut commits = Vec::new();
    let mut done: u32 = 0;
    let begun = Instant::now();
    while begun.elapsed() < time && done + TRANSACTION_RECORDS <= records {
        sender.begin_transaction()?;
        for _ in 0..TRANSACTION_RECORDS {
            let (key, mut payload) = match first.take() {
                Some(record) => record,
                None => read(&consumer)?,
            };
            if let Some(byte) = payload.first_mut() {
                *byte = byte.wrapping_add(1);
            }
            queue(&sender, to, &key, &payload)?;
        }
        let ending = Instant::now();
        settle(&sender)?;
        let metadata = consumer.group_metadata().ok_or("no group")?;
        sender.send_offsets_to_transaction(&consumer.position()?, &metadata, PATIENCE)?;
        sender.commit_transaction(PATIENCE)?;
        commits.push(ending.elapsed());
        done += TRANSACTION_RECORDS;
    }
    let time = begun.elapsed();
    commits.sort_unstable();
    let done = Done {
        records: done,
        time,
    };
    Ok(Loop { done, commits })
}

/// The key and the payload of the next record.
fn read(consumer: &BaseConsumer) -> Outcome<(Vec<u8>, Vec<u8>)> {
    let record = next(consumer)?;
    let owned = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
    Ok((owned(record.key()), owned(record.payload())))
}
