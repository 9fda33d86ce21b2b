//! What stands in the file. Every name, type and key here must stay stable; a change is a new
//! format, which older programs refuse.

use redb::TableDefinition;

/// The format that this program reads and writes.
pub const FILE_FORMAT: u64 = 1;

/// What the file says of itself.
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
pub(crate) const FORMAT_KEY: &str = "format";
pub(crate) const REVISION_KEY: &str = "fold_revision";

/// By order id: the cell's timestamp, `version * 256 + fold revision`, and the cell. In this order,
/// so that comparing two values is comparing two writes: see `apply`.
pub(crate) const LEDGERS: TableDefinition<&str, (i64, &[u8])> = TableDefinition::new("ledgers");

/// By the day an event was received, in days since 1970, and its id: the order, partition, offset
/// and the time it was received. The day comes first so that what expires lies together.
pub(crate) const EVENTS: TableDefinition<EventKey<'_>, EventRow<'_>> =
    TableDefinition::new("event_index");
pub(crate) type EventKey<'a> = (i32, &'a str);
pub(crate) type EventRow<'a> = (&'a str, i32, i64, i64);

/// By topic, partition and epoch: events, orders, the time they were saved, and the sum of both
/// positions when that time was written, which decides between times.
pub(crate) const CHECKPOINTS: TableDefinition<CheckpointKey<'_>, CheckpointRow> =
    TableDefinition::new("checkpoints");
pub(crate) type CheckpointKey<'a> = (&'a str, i32, i64);
pub(crate) type CheckpointRow = (i64, i64, i64, i64);

/// By object id and the item's name: the item. Made with the first item, so that files from
/// before there were links are taken; programs of that time leave the table alone.
pub(crate) const LINKS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("object_links");

/// By a sweep's name: up to when, in Unix seconds, every event is written. Made with the first
/// cursor, as [`LINKS`] with the first link.
pub(crate) const CURSORS: TableDefinition<&str, i64> = TableDefinition::new("sweep_cursors");
