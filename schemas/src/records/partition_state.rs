//! How far one partition's inputs are folded: written in every transaction, read at recovery.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::UnixMillis;

use crate::fault::{BadField, DecodeFault, FieldFault};
use crate::kind::RecordKind;
use crate::records::{Record, long, unsigned};
use crate::wire;

/// What the fields of [`PartitionState`] mean today.
pub const PARTITION_STATE_SCHEMA: i32 = 1;

/// The state record of one partition of `payments.windows`; its key is [`crate::keys::state`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// [`PARTITION_STATE_SCHEMA`]; another is refused.
    pub schema: i32,
    pub partition: i32,
    pub cluster_id: String,
    /// Of every co-partitioned topic.
    pub partitions: i32,
    pub events: InputPosition,
    pub orders: InputPosition,
    /// The partition's clock.
    pub clock: UnixMillis,
    /// Counts the transactions of this partition.
    pub transaction: u64,
    pub written_at: UnixMillis,
    /// Orders of which anything was ever folded; 0 in records of releases that did not count.
    pub known_orders: u64,
}

/// Where reading of one input goes on, and what was read last, by which a topic made anew is
/// recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputPosition {
    pub next: i64,
    pub last_offset: Option<i64>,
    pub last_timestamp: Option<UnixMillis>,
}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    schema: i32,
    partition: i32,
    cluster_id: &'a str,
    partitions: i32,
    events: PositionMirror,
    orders: PositionMirror,
    clock: i64,
    transaction: i64,
    written_at: i64,
    #[serde(default)]
    known_orders: i64,
}

#[derive(Serialize, Deserialize)]
struct PositionMirror {
    next: i64,
    last_offset: Option<i64>,
    last_timestamp: Option<i64>,
}

impl Record for PartitionState {
    const KIND: RecordKind = RecordKind::PartitionState;
    const USUAL_BYTES: usize = 128;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            schema: self.schema,
            partition: self.partition,
            cluster_id: &self.cluster_id,
            partitions: self.partitions,
            events: self.events.into(),
            orders: self.orders.into(),
            clock: self.clock,
            transaction: long(self.transaction),
            written_at: self.written_at,
            known_orders: long(self.known_orders),
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        if mirror.schema != PARTITION_STATE_SCHEMA {
            return Err(DecodeFault::UnknownSchema {
                record: Self::KIND.name(),
                schema: format!("state {}", mirror.schema),
            });
        }
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

impl From<InputPosition> for PositionMirror {
    fn from(position: InputPosition) -> Self {
        Self {
            next: position.next,
            last_offset: position.last_offset,
            last_timestamp: position.last_timestamp,
        }
    }
}

impl TryFrom<PositionMirror> for InputPosition {
    type Error = FieldFault;

    fn try_from(mirror: PositionMirror) -> Result<Self, FieldFault> {
        let numbers = [Some(mirror.next), mirror.last_offset];
        match numbers.into_iter().flatten().find(|offset| *offset < 0) {
            Some(number) => Err(FieldFault::OutOfRange {
                number,
                least: 0,
                most: i64::MAX,
            }),
            None => Ok(Self {
                next: mirror.next,
                last_offset: mirror.last_offset,
                last_timestamp: mirror.last_timestamp,
            }),
        }
    }
}

impl TryFrom<Mirror<'_>> for PartitionState {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            schema: mirror.schema,
            partition: mirror.partition,
            cluster_id: mirror.cluster_id.to_owned(),
            partitions: mirror.partitions,
            events: mirror
                .events
                .try_into()
                .map_err(BadField::named("events"))?,
            orders: mirror
                .orders
                .try_into()
                .map_err(BadField::named("orders"))?,
            clock: mirror.clock,
            transaction: unsigned(mirror.transaction).map_err(BadField::named("transaction"))?,
            written_at: mirror.written_at,
            known_orders: unsigned(mirror.known_orders).map_err(BadField::named("known_orders"))?,
        })
    }
}
