//! Real services for tests: Kafka, a CQL store and the built binary, driven from outside.
//!
//! A test takes the shared services from [`kafka`] and [`cql`] and keeps apart from other tests
//! by [`unique`] names; one that crashes a service starts its own ([`Kafka`], [`Cassandra`]).
//! Whatever is started here dies with its handle, and with the process if that is killed.

mod cassandra;
mod collector;
mod cql;
mod environment;
mod fault;
mod jars;
mod java;
mod kafka;
mod limits;
mod ports;
mod scratch;
mod service;
mod stripe;
mod stripe_api;
mod topics;
mod trueup;
mod wait;

pub use cassandra::{Cassandra, CassandraOptions};
pub use collector::{Collector, ToldSpan};
pub use environment::{CQL_VARIABLE, KAFKA_VARIABLE, cql, given, kafka, topic_prefix, unique};
pub use fault::ServiceFault;
pub use java::{JavaPrograms, kafka_tool};
pub use kafka::{Kafka, KafkaOptions};
pub use scratch::Scratch;
pub use service::tail;
pub use stripe::stripe_sdk_signature;
pub use stripe_api::{API_KEY, ApiTrouble, StripeApi};
pub use topics::{TopicRecord, committed_records, create_topic, partition_count};
pub use trueup::{Launch, Ready, SIGNING_KEYS, Trueup, WEBHOOK_SECRET};
pub use wait::wait_until;
