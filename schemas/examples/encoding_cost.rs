//! What a record costs to write and to read, in nanoseconds, beside the reference library:
//! `cargo run --release -p trueup-schemas --example encoding_cost`.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use apache_avro::{Schema, from_avro_datum, to_avro_datum};
use trueup_domain::ledger::Ledger;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{OrderStatusChanged, PaymentEvent, Record};

const PAYMENT_EVENT: &[u8] = include_bytes!("../golden/PaymentEvent/1.bin");
const STATUS_CHANGED: &[u8] = include_bytes!("../golden/OrderStatusChanged/1.bin");
const LEDGER: &[u8] = include_bytes!("../golden/Ledger/1.bin");

const ROUND: u32 = 20_000;
const ROUNDS: u32 = 7;

/// The fastest of several rounds: what disturbs a round only ever makes it slower.
fn time(mut work: impl FnMut()) -> Duration {
    let round = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..ROUND {
            work();
        }
        start.elapsed() / ROUND
    };
    (0..ROUNDS)
        .map(|_| round(&mut work))
        .min()
        .unwrap_or_default()
}

fn report<R: Record>(value: &[u8]) -> Result<(), Box<dyn Error>> {
    let codec = Codec::SingleObject;
    let schema = Schema::parse_str(R::KIND.schema_json())?;
    let record: R = codec.decode(value)?;
    let datum = record.encode_datum();
    let reference = from_avro_datum(&schema, &mut datum.as_slice(), None)?;

    let write = time(|| drop(black_box(codec.encode(black_box(&record)))));
    let read = time(|| drop(black_box(codec.decode::<R>(black_box(value)))));
    let their_write = time(|| drop(black_box(to_avro_datum(&schema, reference.clone()))));
    let their_read = time(|| {
        drop(black_box(from_avro_datum(
            &schema,
            &mut black_box(datum.as_slice()),
            None,
        )))
    });

    let name = R::KIND.name();
    for (what, ours, theirs) in [("write", write, their_write), ("read", read, their_read)] {
        let ratio = theirs.as_nanos() / ours.as_nanos().max(1);
        println!(
            "{name:<19} {what:<5} {:>6} ns   reference {:>7} ns   {ratio}x   {} bytes",
            ours.as_nanos(),
            theirs.as_nanos(),
            value.len()
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    report::<PaymentEvent>(PAYMENT_EVENT)?;
    report::<OrderStatusChanged>(STATUS_CHANGED)?;
    report::<Ledger>(LEDGER)
}
