//! Opening a record: size, signature, form and place are looked at, in this order.
//!
//! Whatever does not pass becomes a dead letter with its bytes; nothing here stops the partition.

use trueup_domain::ids::OrderId;
use trueup_engine::ports::log::{Input, Record, Source};
use trueup_engine::processor::Opened;
use trueup_schemas::headers;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::LetterClass;
use trueup_schemas::records::OrderSnapshotRecord;
use trueup_schemas::records::PaymentEvent;

use crate::topology::{Fact, OrdersFeed, Reconciler};

/// The largest value taken, in bytes: facts are a few hundred.
pub(crate) const MAX_INPUT_BYTES: usize = 64 * 1024;

/// Why a record is refused, for the dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) class: LetterClass,
    pub(crate) reason: String,
}

impl Refused {
    pub(crate) fn new(class: LetterClass, reason: impl Into<String>) -> Self {
        Self {
            class,
            reason: reason.into(),
        }
    }
}

pub(crate) fn open(
    reconciler: &Reconciler,
    record: &Record,
) -> Result<Option<Opened<Fact>>, Refused> {
    let Source::Input(input) = record.source else {
        return Ok(None);
    };
    if let Some(value) = &record.value
        && value.len() > MAX_INPUT_BYTES
    {
        return Err(Refused::new(
            LetterClass::Oversize,
            format!(
                "value has {} bytes, the limit is {MAX_INPUT_BYTES}",
                value.len()
            ),
        ));
    }
    match input {
        Input::Events => open_event(reconciler, record).map(Some),
        Input::Orders => open_snapshot(reconciler, record),
    }
}

fn open_event(reconciler: &Reconciler, record: &Record) -> Result<Opened<Fact>, Refused> {
    let forged = |reason: &str| Refused::new(LetterClass::Forged, reason);
    let key_id = record
        .header(headers::KEY_ID)
        .ok_or_else(|| forged("header `trueup-key-id` is missing: the record is not signed"))?;
    let signature = record
        .header(headers::SIGNATURE)
        .ok_or_else(|| forged("header `trueup-signature` is missing: the record is not signed"))?;
    let key = record
        .key
        .as_deref()
        .ok_or_else(|| forged("the key is missing"))?;
    let value = record
        .value
        .as_deref()
        .ok_or_else(|| forged("the value is missing"))?;
    let datum = reconciler
        .codec
        .unframe::<PaymentEvent>(value)
        .map_err(|fault| Refused::new(LetterClass::Malformed, fault.to_string()))?;
    reconciler
        .keys
        .verify(key_id, signature, &reconciler.events_topic, key, datum)
        .map_err(|fault| forged(&fault.to_string()))?;
    let told: PaymentEvent = reconciler
        .codec
        .decode(value)
        .map_err(|fault| Refused::new(LetterClass::Contract, fault.to_string()))?;
    let order = order_of(key)?;
    check_place(reconciler, record, key)?;
    let received_at = told.received_at;
    Ok(Opened::Fact {
        order,
        fact: Fact::Event {
            event: told.event,
            received_at,
        },
        received_at,
    })
}

fn open_snapshot(
    reconciler: &Reconciler,
    record: &Record,
) -> Result<Option<Opened<Fact>>, Refused> {
    if matches!(reconciler.orders_feed, OrdersFeed::Off) {
        return Ok(None);
    }
    // A tombstone says that the order service forgets the order; its ledger stays.
    let Some(value) = record.value.as_deref() else {
        return Ok(None);
    };
    let key = record
        .key
        .as_deref()
        .ok_or_else(|| Refused::new(LetterClass::Malformed, "the key is missing"))?;
    let told: OrderSnapshotRecord = reconciler
        .codec
        .decode(value)
        .map_err(|fault| Refused::new(LetterClass::Malformed, fault.to_string()))?;
    let order = order_of(key)?;
    if told.order_id != order {
        return Err(Refused::new(
            LetterClass::Contract,
            format!("key names order `{order}`, the value `{}`", told.order_id),
        ));
    }
    check_place(reconciler, record, key)?;
    reconciler.orders_feed.heard();
    let received_at = told.snapshot.updated_at;
    Ok(Some(Opened::Fact {
        order,
        fact: Fact::Snapshot(told.snapshot),
        received_at,
    }))
}

fn order_of(key: &[u8]) -> Result<OrderId, Refused> {
    let text = std::str::from_utf8(key)
        .map_err(|_| Refused::new(LetterClass::Malformed, "the key is not UTF-8"))?;
    OrderId::try_from(text)
        .map_err(|fault| Refused::new(LetterClass::Malformed, format!("key: {fault}")))
}

fn check_place(reconciler: &Reconciler, record: &Record, key: &[u8]) -> Result<(), Refused> {
    let expected = partition_for(key, reconciler.partitions);
    if expected == record.partition {
        return Ok(());
    }
    Err(Refused::new(
        LetterClass::Misplaced,
        format!(
            "the key belongs to partition {expected}, the record lies in {}; set the producer's \
             partitioner to murmur2 of the key (`partitioner=murmur2_random` in librdkafka)",
            record.partition
        ),
    ))
}
