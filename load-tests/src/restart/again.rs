//! One restart: `kill -9`, a start, a payment as soon as anybody takes it, and its status change.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::{Again, Place, RestartOptions, loading};
use crate::audit::Fault;
use crate::chaos::ChaosFault;
use crate::instance::Instance;
use crate::kafka::ReadFault;
use crate::traffic::about;
use crate::usage::{Bytes, Usage};
use crate::webhook::payment;

const CALL: Duration = Duration::from_secs(10);
const READY: Duration = Duration::from_secs(600);
/// So closely is the time looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(super) fn start(
    options: &RestartOptions,
    instance: &mut Instance,
    place: &Place,
    round: u32,
    deadline: Instant,
) -> Result<Result<Again, Fault>, ChaosFault> {
    // An order without a gap, which is in the store and in nobody's memory.
    let chosen = (options.orders / 2 + u64::from(round)..)
        .find(|number| !loading::has_gap(options, *number));
    let order = loading::order(chosen.unwrap_or(0));
    let id = format!("pi_restart_{round}");
    let event = payment(&order, &id, "payment_intent.succeeded", loading::AMOUNT);
    let topic = format!("{}orders.status", place.prefix);
    let reader = at_end(place, &topic).map_err(|cause| ReadFault::Kafka { topic, cause })?;

    instance.kill()?;
    let before = Bytes::of(instance.pid());
    let started = Instant::now();
    instance.restart()?;
    let webhook = place.webhook.clone();
    let posting = std::thread::spawn(move || {
        while !webhook.post(&event) && Instant::now() < deadline {
            std::thread::sleep(LOOK_AGAIN);
        }
        started.elapsed()
    });
    let mut ready = None;
    let mut told = None;
    while told.is_none() && Instant::now() < deadline {
        if let Some(Ok(record)) = reader.poll(LOOK_AGAIN)
            && record.key() == Some(order.as_bytes())
        {
            told = Some(started.elapsed());
        }
        if ready.is_none() && instance.ready_now().is_some() {
            ready = Some(started.elapsed());
        }
    }
    let after = Bytes::of(instance.pid());
    let usage = Usage::of(instance.pid());
    let accepted = posting.join().unwrap_or(Duration::MAX);
    instance.ready(READY)?;
    let ready = ready.unwrap_or_else(|| started.elapsed());
    let Some(told) = told else {
        let what = "was not told after the restart";
        return Ok(Err(about(
            &order,
            what,
            format!("{:?}", options.time_limit),
        )));
    };
    Ok(Ok(Again {
        ready,
        accepted,
        told,
        read: Bytes {
            loopback: after.loopback.saturating_sub(before.loopback),
            ..after
        },
        cpu_s: usage.cpu_s,
        peak_rss_mib: usage.peak_rss_mib,
    }))
}

/// Reads what comes after all that is there now, and finds a broker that comes back at once.
fn at_end(place: &Place, topic: &str) -> Result<BaseConsumer, KafkaError> {
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &place.kafka)
        .set("group.id", "trueup-load-restart")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("reconnect.backoff.ms", "5")
        .set("reconnect.backoff.max.ms", "20")
        .set("fetch.wait.max.ms", "20")
        .create()?;
    let metadata = reader.fetch_metadata(Some(topic), CALL)?;
    let mut list = TopicPartitionList::new();
    let topics = metadata.topics().iter();
    for partition in topics.flat_map(|found| found.partitions()) {
        let (_, end) = reader.fetch_watermarks(topic, partition.id(), CALL)?;
        list.add_partition_offset(topic, partition.id(), Offset::Offset(end))?;
    }
    reader.assign(&list)?;
    Ok(reader)
}
