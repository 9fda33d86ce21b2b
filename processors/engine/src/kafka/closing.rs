//! Closes a member of a group, whatever its group has told it and nobody has served yet.
//!
//! librdkafka 2.12 ends a closing member as soon as one of the changes that wait for an answer has
//! got it, and throws away what is asked of it after that: who asks then waits for ever. A change
//! that waits when the member is closed is followed by the revocation of all that is held, so two
//! can wait at a time. Only the last one is answered, which is the one that leaves nothing held.
//! Nor is the client asked for its protocol, since that is a question like any other: members
//! closed by this are of `cooperative-sticky`.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaRespErr;

/// What a member's context keeps to be closed by.
#[derive(Debug, Default)]
pub struct Closing {
    begun: AtomicBool,
    /// By the changes told so far, served or not.
    held: Mutex<BTreeSet<(String, i32)>>,
}

impl Closing {
    /// From here on changes are only taken leave of: to be called before the consumer is dropped.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// To be told of every change, first thing in the callback: whether the member closes, and so
    /// nothing else is to be done about it.
    pub fn takes<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        kind: RDKafkaRespErr,
        partitions: &TopicPartitionList,
    ) -> bool {
        let rest = self.rest(kind, partitions);
        let begun = self.begun.load(Ordering::Relaxed);
        if begun && rest == 0 {
            // A failure means that the client has ended without the answer.
            let _ = consumer.incremental_unassign(partitions);
        }
        begun
    }

    fn rest(&self, kind: RDKafkaRespErr, partitions: &TopicPartitionList) -> usize {
        let Ok(mut held) = self.held.lock() else {
            return 0;
        };
        for element in partitions.elements() {
            let one = (element.topic().to_owned(), element.partition());
            if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
                held.insert(one);
            } else {
                held.remove(&one);
            }
        }
        held.len()
    }
}
