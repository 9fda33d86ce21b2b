//! What librdkafka's errors mean to a worker.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::ports::log::{FaultClass, LogFault};

/// Of a call that is not part of a transaction: nothing happened, it may be made again.
pub(super) fn of_client(operation: &'static str, error: &KafkaError) -> LogFault {
    let class = match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::FencedInstanceId) => FaultClass::MemberFenced,
        Some(RDKafkaErrorCode::Fatal) => FaultClass::Fatal,
        _ => FaultClass::Retriable,
    };
    LogFault {
        operation,
        class,
        reason: error.to_string(),
    }
}

/// Of a transaction call. What librdkafka calls neither retriable nor abortable is fatal.
pub(super) fn of_transaction(operation: &'static str, error: &KafkaError) -> LogFault {
    let class = if let KafkaError::Transaction(told) = error {
        if told.code() == RDKafkaErrorCode::FencedInstanceId {
            FaultClass::MemberFenced
        } else if is_producer_fenced(told.code()) {
            FaultClass::ProducerFenced
        } else if told.is_fatal() {
            FaultClass::Fatal
        } else if told.txn_requires_abort() {
            if told.code() == RDKafkaErrorCode::IllegalGeneration {
                FaultClass::Generation
            } else {
                FaultClass::Abortable
            }
        } else if told.is_retriable() {
            FaultClass::Retriable
        } else {
            FaultClass::Fatal
        }
    } else if matches!(error, KafkaError::Flush(_)) {
        FaultClass::Abortable
    } else {
        FaultClass::Fatal
    };
    LogFault {
        operation,
        class,
        reason: error.to_string(),
    }
}

fn is_producer_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::InvalidProducerEpoch
    )
}
