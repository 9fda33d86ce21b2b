//! The ledger store's metrics: names, units and meanings in one place, one function per event.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::limits::SLOW;

pub const REQUESTS: &str = "trueup_ledger_requests_total";
pub const REQUEST_SECONDS: &str = "trueup_ledger_request_duration_seconds";
pub const SLOW_REQUESTS: &str = "trueup_ledger_slow_requests_total";
pub const ROWS_WRITTEN: &str = "trueup_ledger_rows_written_total";
pub const IN_FLIGHT: &str = "trueup_ledger_requests_in_flight";
pub const NODES: &str = "trueup_ledger_nodes_connected";
const RETRIES: &str = "webhook_retries_total";

/// What a request is for: the `operation` of the metrics and the verb of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    ReadLedgers,
    WriteLedgers,
    WriteIndex,
    ReadIndex,
    ReadCheckpoint,
    SaveCheckpoint,
    ReadLinks,
    WriteLinks,
    ReadCursor,
    SaveCursor,
    Ping,
}

impl Operation {
    pub const ALL: [Self; 11] = [
        Self::ReadLedgers,
        Self::WriteLedgers,
        Self::WriteIndex,
        Self::ReadIndex,
        Self::ReadCheckpoint,
        Self::SaveCheckpoint,
        Self::ReadLinks,
        Self::WriteLinks,
        Self::ReadCursor,
        Self::SaveCursor,
        Self::Ping,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadLedgers => "read_ledgers",
            Self::WriteLedgers => "write_ledgers",
            Self::WriteIndex => "write_index",
            Self::ReadIndex => "read_index",
            Self::ReadCheckpoint => "read_checkpoint",
            Self::SaveCheckpoint => "save_checkpoint",
            Self::ReadLinks => "read_links",
            Self::WriteLinks => "write_links",
            Self::ReadCursor => "read_cursor",
            Self::SaveCursor => "save_cursor",
            Self::Ping => "ping",
        }
    }

    /// For people: what the store could not do.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::ReadLedgers => "read ledgers",
            Self::WriteLedgers => "write ledgers",
            Self::WriteIndex => "write the event index",
            Self::ReadIndex => "read the event index",
            Self::ReadCheckpoint => "read a checkpoint",
            Self::SaveCheckpoint => "save a checkpoint",
            Self::ReadLinks => "read links",
            Self::WriteLinks => "write links",
            Self::ReadCursor => "read a sweep's cursor",
            Self::SaveCursor => "save a sweep's cursor",
            Self::Ping => "answer",
        }
    }
}

/// Registers units and help, and shows every series at 0 before anything happened.
pub fn describe() {
    describe_counter!(
        REQUESTS,
        "requests to the ledger store by operation and result"
    );
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "time until the ledger store answered a request"
    );
    describe_counter!(
        SLOW_REQUESTS,
        "requests to the ledger store that took over 100 ms"
    );
    describe_counter!(ROWS_WRITTEN, "rows that the ledger store acknowledged");
    describe_gauge!(
        IN_FLIGHT,
        "requests that the ledger store has not answered yet"
    );
    describe_gauge!(NODES, "nodes of the ledger store that are connected");
    describe_counter!(RETRIES, "store, broker and API calls repeated");
    for operation in Operation::ALL {
        for result in ["ok", "error"] {
            counter!(REQUESTS, "operation" => operation.as_str(), "result" => result).increment(0);
        }
        counter!(SLOW_REQUESTS, "operation" => operation.as_str()).increment(0);
    }
    counter!(RETRIES).increment(0);
    gauge!(IN_FLIGHT).increment(0.0);
}

pub(crate) fn began() {
    gauge!(IN_FLIGHT).increment(1.0);
}

/// A request is over, also when nobody waited for its answer any longer.
pub(crate) fn ended() {
    gauge!(IN_FLIGHT).decrement(1.0);
}

pub(crate) fn answered(operation: Operation, ok: bool, elapsed: Duration) {
    let result = if ok { "ok" } else { "error" };
    counter!(REQUESTS, "operation" => operation.as_str(), "result" => result).increment(1);
    histogram!(REQUEST_SECONDS, "operation" => operation.as_str()).record(elapsed);
    if elapsed > SLOW {
        counter!(SLOW_REQUESTS, "operation" => operation.as_str()).increment(1);
    }
}

pub(crate) fn wrote(rows: usize) {
    counter!(ROWS_WRITTEN).increment(u64::try_from(rows).unwrap_or(u64::MAX));
}

pub(crate) fn retried() {
    counter!(RETRIES).increment(1);
}

pub(crate) fn connected(nodes: usize) {
    gauge!(NODES).set(u32::try_from(nodes).unwrap_or(u32::MAX));
}
