//! Changes behind the system's back: one record told again with another amount by somebody who
//! has the key, one ledger row changed, one deleted. By the published schemas and the documented
//! signature alone.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use apache_avro::types::Value;
use apache_avro::{Schema, from_avro_datum, to_avro_datum};
use hmac::{Hmac, KeyInit, Mac};
use redb::{Database, ReadableTable, TableDefinition};
use sha2::Sha256;

use crate::avro::HEADER_BYTES;
use crate::chaos::ChaosFault;
use crate::kafka::{self, LogRecord};
use crate::letters::EVENTS;
use crate::site::{SIGNING_SECRET, Site};

const EVENT: &str = include_str!("../../../schemas/avro/PaymentEvent.avsc");
const LEDGER: &str = include_str!("../../../schemas/avro/Ledger.avsc");
const LEDGERS: TableDefinition<&str, (i64, &[u8])> = TableDefinition::new("ledgers");
const READ: Duration = Duration::from_secs(60);
const FIELD: &str = "amount_received";

/// Adds a minor unit to what `event_id` says was received, and writes that beside the true record.
pub(super) fn alter_record(site: &Site, event_id: &str) -> Result<(), ChaosFault> {
    let what = format!("event `{event_id}`");
    let mut found: Option<LogRecord> = None;
    kafka::read(site.kafka(), EVENTS, READ, |record| {
        if record.header("event-id") == event_id {
            found = Some(record);
        }
    })?;
    let mut record = found.ok_or_else(|| tamper(&what, "it is not in the log"))?;
    let payload = record.payload.take().unwrap_or_default();
    let altered = one_more(EVENT, &payload, &["facts"]).map_err(|why| tamper(&what, why))?;
    let datum = altered.get(HEADER_BYTES..).unwrap_or_default();
    let signature = signature(EVENTS.as_bytes(), &record.key, datum);
    record
        .headers
        .insert("trueup-signature".to_owned(), signature.into_bytes());
    record.payload = Some(altered);
    site.write(std::iter::once((record.partition, &record)))
}

/// Adds a minor unit to what the first payment of `changed` brought, and deletes the row of
/// `deleted`. The file's owner must have stopped.
pub(super) fn change_rows(data: &Path, changed: &str, deleted: &str) -> Result<(), ChaosFault> {
    let what = format!("the rows of `{changed}` and `{deleted}`");
    let done = || -> Result<(), Box<dyn std::error::Error>> {
        let file = Database::open(data.join("ledger.redb"))?;
        let transaction = file.begin_write()?;
        {
            let mut rows = transaction.open_table(LEDGERS)?;
            let row = rows.get(changed)?.map(|row| {
                let (timestamp, cell) = row.value();
                (timestamp, cell.to_vec())
            });
            let (timestamp, cell) = row.ok_or("there is no row to change")?;
            let cell = one_more(LEDGER, &cell, &["payments"])?;
            rows.insert(changed, (timestamp, cell.as_slice()))?;
            rows.remove(deleted)?.ok_or("there is no row to delete")?;
        }
        transaction.commit()?;
        Ok(())
    };
    done().map_err(|why| tamper(&what, why))
}

/// The same value with one more in [`FIELD`] of what stands at `path`; of a list, in its first.
fn one_more(schema: &str, framed: &[u8], path: &[&str]) -> Result<Vec<u8>, String> {
    let schema = Schema::parse_str(schema).map_err(|fault| fault.to_string())?;
    let (frame, mut datum) = framed
        .split_at_checked(HEADER_BYTES)
        .ok_or("it is too short")?;
    let read = from_avro_datum(&schema, &mut datum, None);
    let mut value = read.map_err(|fault| fault.to_string())?;
    let place = path
        .iter()
        .chain(&[FIELD])
        .try_fold(&mut value, |value, name| field(value, name));
    let Some(Value::Long(amount)) = place else {
        return Err(format!("it has no `{FIELD}`"));
    };
    *amount += 1;
    let datum = to_avro_datum(&schema, value).map_err(|fault| fault.to_string())?;
    Ok([frame, &datum].concat())
}

fn field<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    match value {
        Value::Union(_, inner) => field(inner, name),
        Value::Array(items) => field(items.first_mut()?, name),
        Value::Record(fields) => {
            let found = fields.iter_mut().find(|(field, _)| field == name);
            found.map(|(_, value)| value)
        }
        _ => None,
    }
}

/// HMAC-SHA256 over topic, key and datum, each behind its length as four bytes.
fn signature(topic: &[u8], key: &[u8], datum: &[u8]) -> String {
    let signed = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET).map(|mut mac| {
        for part in [topic, key, datum] {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            mac.update(&length.to_be_bytes());
            mac.update(part);
        }
        hex::encode(mac.finalize().into_bytes())
    });
    // HMAC takes keys of every length, so there is always a signature.
    signed.unwrap_or_default()
}

fn tamper(what: &str, why: impl Display) -> ChaosFault {
    ChaosFault::Tamper {
        what: what.to_owned(),
        why: why.to_string(),
    }
}
