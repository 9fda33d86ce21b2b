//! Real services for tests: Kafka, a CQL store and the built binary.
