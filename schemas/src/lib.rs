//! The wire: Avro records, framings, signatures and partitioning.
