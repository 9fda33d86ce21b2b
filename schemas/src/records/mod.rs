//! The records of the topics and of the store, one file each: a plain struct, its private mirror
//! for the wire, and the conversion between them with a named fault for each field.

mod dead_letter;
mod event_body;
mod gap_set;
mod ledger;
mod order_snapshot;
mod order_status_changed;
mod partition_state;
mod payment_event;
mod payment_link;
mod reconcile_window;

use serde_avro_fast::Schema;

pub use dead_letter::{DeadLetter, LetterClass, MAX_LETTER_HEADERS};
pub use event_body::EventBody;
pub use gap_set::GapSetRecord;
pub use order_snapshot::OrderSnapshotRecord;
pub use order_status_changed::OrderStatusChanged;
pub use partition_state::{InputPosition, PARTITION_STATE_SCHEMA, PartitionState};
pub use payment_event::{PaymentEvent, Source};
pub use payment_link::PaymentLink;
pub use reconcile_window::ReconcileWindow;

use crate::fault::{DecodeFault, FieldFault};
use crate::kind::RecordKind;

/// A record that has an Avro schema.
pub trait Record: Sized {
    const KIND: RecordKind;
    /// What a usual value takes, framed: the capacity it is encoded into.
    const USUAL_BYTES: usize;

    /// Appends the datum, without framing.
    fn encode_into(&self, out: &mut Vec<u8>);

    /// Reads a datum written with `schema`, which may be an older or newer one of this record.
    ///
    /// # Errors
    /// [`DecodeFault`].
    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault>;

    /// Reads the record's form without Avro, where `value` is recognisably of that form.
    #[must_use]
    fn decode_plain(value: &[u8]) -> Option<Result<Self, DecodeFault>> {
        let _ = value;
        None
    }

    /// The datum, without framing.
    #[must_use]
    fn encode_datum(&self) -> Vec<u8> {
        let mut datum = Vec::with_capacity(Self::USUAL_BYTES);
        self.encode_into(&mut datum);
        datum
    }

    /// Reads a datum written with the schema of this release.
    ///
    /// # Errors
    /// [`DecodeFault`].
    fn decode_datum(datum: &[u8]) -> Result<Self, DecodeFault> {
        Self::decode_written_with(datum, Self::KIND.schema())
    }
}

/// Versions and counts are unsigned here and `long` in Avro; none comes near its end.
fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> Result<u64, FieldFault> {
    u64::try_from(number).map_err(|_| FieldFault::OutOfRange {
        number,
        least: 0,
        most: i64::MAX,
    })
}
