//! How far a group has come on one topic, asked often and cheaply.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::RivalsFault;

const CALL: Duration = Duration::from_secs(10);

/// Asks for one group's offsets; is no member of it.
pub(super) struct Watch {
    client: BaseConsumer,
    list: TopicPartitionList,
}

impl Watch {
    pub(super) fn of(
        bootstrap: &str,
        group: &str,
        topic: &str,
        partitions: u32,
    ) -> Result<Self, RivalsFault> {
        let client = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", group)
            // What a transaction under way would commit is not waited for.
            .set("isolation.level", "read_uncommitted")
            .create()
            .map_err(RivalsFault::kafka("no client"))?;
        let mut list = TopicPartitionList::new();
        for partition in 0..i32::try_from(partitions).unwrap_or(i32::MAX) {
            list.add_partition(topic, partition);
        }
        Ok(Self { client, list })
    }

    /// Records before the committed positions; `None` while the broker does not say.
    pub(super) fn consumed(&self) -> Option<u64> {
        let committed = self
            .client
            .committed_offsets(self.list.clone(), CALL)
            .ok()?;
        let at = |offset: Offset| match offset {
            Offset::Offset(offset) => u64::try_from(offset).unwrap_or(0),
            Offset::Beginning
            | Offset::End
            | Offset::Stored
            | Offset::Invalid
            | Offset::OffsetTail(_) => 0,
        };
        let elements = committed.elements();
        Some(elements.iter().map(|it| at(it.offset())).sum())
    }

    /// Records that the topic holds. It must have been written without transactions.
    pub(super) fn held(&self) -> Result<u64, RivalsFault> {
        let mut held = 0;
        for element in self.list.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let (low, high) = self
                .client
                .fetch_watermarks(topic, partition, CALL)
                .map_err(RivalsFault::kafka(format!("`{topic}`")))?;
            held += u64::try_from(high - low).unwrap_or(0);
        }
        Ok(held)
    }
}
