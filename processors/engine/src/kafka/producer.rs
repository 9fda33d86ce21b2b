//! The transactional producer of one worker slot.
//!
//! librdkafka repeats an EndTxn on its own and does not tell its epochs apart by transaction, so a
//! late one can end a later transaction of the same producer. Hence: a call that took as long as
//! the client waits for an answer has an unknown outcome, whatever it says, and an unknown outcome
//! costs the producer. Its successor under the same id raises the epoch, and the late request is
//! refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::faults;
use super::{
    CALL_TIMEOUT, KafkaSettings, MAX_RECORD_BYTES, PRODUCER_QUEUE_KIB, PRODUCER_QUEUE_RECORDS,
};
use crate::ports::log::{FaultClass, LogFault, Output};

/// librdkafka's poll spins through the last millisecond of its wait, so waiting is done here.
const DRAIN_PAUSE: Duration = Duration::from_micros(200);

pub(super) struct TransactionalProducer {
    inner: BaseProducer<Deliveries>,
}

/// Remembers whether any record of the present transaction was not acknowledged, where the last
/// one in the windows topic came to lie, and whether the brokers were all away.
#[derive(Debug)]
struct Deliveries {
    failed: AtomicBool,
    reason: Mutex<String>,
    windows: String,
    witness: Mutex<Option<(i32, i64)>>,
    away: Arc<AtomicBool>,
}

impl ClientContext for Deliveries {
    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.away.store(true, Ordering::Relaxed);
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) if message.topic() == self.windows => {
                if let Ok(mut witness) = self.witness.lock() {
                    *witness = Some((message.partition(), message.offset()));
                }
            }
            Ok(_) => {}
            Err((error, _)) => {
                self.failed.store(true, Ordering::Relaxed);
                if let Ok(mut reason) = self.reason.lock() {
                    *reason = error.to_string();
                }
            }
        }
    }
}

impl TransactionalProducer {
    /// `away` is raised when no broker can be reached.
    pub(super) fn start(
        settings: &KafkaSettings,
        away: &Arc<AtomicBool>,
    ) -> Result<Self, LogFault> {
        let mut config = settings.client_config();
        config
            .set("transactional.id", &settings.transactional_id)
            .set(
                "transaction.timeout.ms",
                CALL_TIMEOUT.as_millis().to_string(),
            )
            .set("message.timeout.ms", CALL_TIMEOUT.as_millis().to_string())
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "1")
            .set("retry.backoff.ms", "1")
            .set("retry.backoff.max.ms", "100")
            .set("message.max.bytes", MAX_RECORD_BYTES.to_string())
            .set("queue.buffering.max.kbytes", PRODUCER_QUEUE_KIB.to_string())
            .set(
                "queue.buffering.max.messages",
                PRODUCER_QUEUE_RECORDS.to_string(),
            );
        let operation = "start a producer";
        let inner: BaseProducer<Deliveries> = config
            .create_with_context(Deliveries {
                failed: AtomicBool::new(false),
                reason: Mutex::default(),
                windows: settings.topics.windows.clone(),
                witness: Mutex::default(),
                away: Arc::clone(away),
            })
            .map_err(|error| faults::of_client(operation, &error))?;
        inner.init_transactions(CALL_TIMEOUT).map_err(|error| {
            let fault = faults::of_transaction(operation, &error);
            match fault.class {
                // The producer is dropped on every failure, so trying again is a new start.
                FaultClass::ProducerFenced => fault,
                FaultClass::Retriable
                | FaultClass::Abortable
                | FaultClass::Generation
                | FaultClass::Fatal
                | FaultClass::MemberFenced
                | FaultClass::Unknown => LogFault {
                    class: FaultClass::Retriable,
                    ..fault
                },
            }
        })?;
        Ok(Self { inner })
    }

    pub(super) fn begin(&self) -> Result<(), LogFault> {
        let context = self.inner.context();
        context.failed.store(false, Ordering::Relaxed);
        if let Ok(mut witness) = context.witness.lock() {
            *witness = None;
        }
        self.inner
            .begin_transaction()
            .map_err(|error| faults::of_transaction("begin a transaction", &error))
    }

    pub(super) fn witness(&self) -> Option<(i32, i64)> {
        let witness = self.inner.context().witness.lock();
        witness.map_or(None, |witness| *witness)
    }

    /// Has the client say what it has to say, such as that no broker can be reached.
    pub(super) fn serve(&self) {
        self.inner.poll(Duration::ZERO);
    }

    pub(super) fn produce(&self, topic: &str, output: &Output) -> Result<(), LogFault> {
        let started = Instant::now();
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).key(&output.key);
        record.payload = output.value.as_deref();
        record.partition = output.partition;
        if !output.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(output.headers.len());
            record.headers = Some(
                output
                    .headers
                    .iter()
                    .fold(headers, |headers, (key, value)| {
                        headers.insert(Header {
                            key,
                            value: Some(value),
                        })
                    }),
            );
        }
        loop {
            match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if started.elapsed() < CALL_TIMEOUT =>
                {
                    record = back;
                    self.inner.poll(Duration::ZERO);
                    thread::sleep(DRAIN_PAUSE);
                }
                Err((error, _)) => {
                    let fatal = error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal);
                    let class = if fatal {
                        FaultClass::Fatal
                    } else {
                        FaultClass::Abortable
                    };
                    let reason = error.to_string();
                    return Err(LogFault {
                        operation: "produce",
                        class,
                        reason,
                    });
                }
            }
        }
    }

    pub(super) fn drain(&self) -> Result<(), LogFault> {
        let started = Instant::now();
        let mut left = self.inner.in_flight_count();
        while left > 0 {
            self.inner.poll(Duration::ZERO);
            let now = self.inner.in_flight_count();
            if now == left {
                if started.elapsed() >= CALL_TIMEOUT {
                    return Err(LogFault {
                        operation: "deliver a transaction's records",
                        class: FaultClass::Abortable,
                        reason: format!("{left} records were not acknowledged in time"),
                    });
                }
                thread::sleep(DRAIN_PAUSE);
            }
            left = now;
        }
        if self.inner.context().failed.swap(false, Ordering::Relaxed) {
            let reason = self.inner.context().reason.lock().map_or_else(
                |_| "a record was not acknowledged".into(),
                |reason| reason.clone(),
            );
            return Err(LogFault {
                operation: "deliver a transaction's records",
                class: FaultClass::Abortable,
                reason,
            });
        }
        Ok(())
    }

    pub(super) fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        generation: &ConsumerGroupMetadata,
    ) -> Result<(), LogFault> {
        self.call("add offsets to a transaction", || {
            self.inner
                .send_offsets_to_transaction(offsets, generation, CALL_TIMEOUT)
        })
    }

    pub(super) fn commit(&self) -> Result<(), LogFault> {
        self.call("commit a transaction", || {
            self.inner.commit_transaction(CALL_TIMEOUT)
        })
    }

    /// librdkafka ends an abort only when every record handed over was reported on, and reports
    /// only to whoever polls: somebody has to poll beside the call, or each abort takes as long as
    /// it may and then has an unknown outcome.
    pub(super) fn abort(&self) -> Result<(), LogFault> {
        let aborted = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !aborted.load(Ordering::Relaxed) {
                    self.inner.poll(Duration::ZERO);
                    thread::sleep(DRAIN_PAUSE);
                }
            });
            let outcome = self.call("abort a transaction", || {
                self.inner.abort_transaction(CALL_TIMEOUT)
            });
            aborted.store(true, Ordering::Relaxed);
            outcome
        })
    }

    /// Makes a call again while it says that this is safe, up to the time at which nobody can know
    /// any more what became of it.
    fn call(
        &self,
        operation: &'static str,
        call: impl Fn() -> Result<(), KafkaError>,
    ) -> Result<(), LogFault> {
        let started = Instant::now();
        loop {
            let result = call();
            let late = started.elapsed() >= CALL_TIMEOUT;
            match result {
                Ok(()) if !late => return Ok(()),
                Ok(()) => {
                    return Err(LogFault {
                        operation,
                        class: FaultClass::Unknown,
                        reason: "the answer came too late to be trusted".into(),
                    });
                }
                Err(error) => {
                    let fault = faults::of_transaction(operation, &error);
                    match fault.class {
                        FaultClass::Retriable if !late => thread::sleep(DRAIN_PAUSE),
                        FaultClass::Retriable => {
                            return Err(LogFault {
                                class: FaultClass::Unknown,
                                ..fault
                            });
                        }
                        FaultClass::Abortable | FaultClass::Generation if late => {
                            return Err(LogFault {
                                class: FaultClass::Unknown,
                                ..fault
                            });
                        }
                        FaultClass::Abortable
                        | FaultClass::Generation
                        | FaultClass::Fatal
                        | FaultClass::ProducerFenced
                        | FaultClass::MemberFenced
                        | FaultClass::Unknown => return Err(fault),
                    }
                }
            }
        }
    }
}
