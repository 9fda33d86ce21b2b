//! What the embedded store costs: batches of 1,000 orders written and read, and how long the file
//! takes to open. `cargo run --release -p trueup-ledger --example embedded -- [batches] [file]`
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::{EventId, OrderId};
use trueup_engine::ports::store::{Columns, IndexWrite, LedgerStore, LedgerWrite, WriteBatch};
use trueup_ledger::{EmbeddedLedger, EmbeddedSettings, EmbeddedStore};

const NOW: UnixMillis = 1_700_000_000_000;
const ORDERS: u64 = 1_000;
/// Of a ledger with a few events.
const CELL_BYTES: usize = 400;
/// Batches that a worker has under way.
const AT_ONCE: u64 = 8;

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let mut given = std::env::args().skip(1);
    let batches = given.next().map_or(Ok(200), |count| count.parse())?;
    let scratch = tempfile::tempdir()?;
    let path = given
        .next()
        .map_or_else(|| scratch.path().join("ledger.redb"), PathBuf::from);
    let settings = EmbeddedSettings::new(path.clone(), || NOW);

    let ledger = measured("open, new", 1, || {
        Ok(EmbeddedLedger::open(settings.clone())?)
    })?;
    let mut store = ledger.store();
    write(
        "new orders, one batch at a time",
        &mut store,
        batches / 4,
        1,
        0,
    )?;
    write("new orders", &mut store, batches, AT_ONCE, batches / 4)?;
    write("known orders", &mut store, batches, AT_ONCE, batches / 4)?;
    read("reads of 1,000", &mut store, batches, ORDERS)?;
    read("reads of 1", &mut store, batches, 1)?;
    drop((store, ledger));
    println!("{} MB", std::fs::metadata(&path)?.len() / 1_000_000);
    let ledger = measured("open, closed well", 1, || {
        Ok(EmbeddedLedger::open(settings.clone())?)
    })?;
    drop(ledger);
    Ok(())
}

fn order(number: u64) -> Done<OrderId> {
    // Spread over the keys, as the ids of shops are.
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Ok(OrderId::try_from(format!("order-{spread:016x}").as_str())?)
}

fn batch(number: u64, version: u64) -> Done<WriteBatch> {
    let mut batch = WriteBatch::default();
    for row in 0..ORDERS {
        let order_id = order(number * ORDERS + row)?;
        let offset = i64::try_from(number * ORDERS + row)?;
        let event_id = format!("evt_{version}_{number}_{row}");
        batch.events.push(IndexWrite {
            event_id: EventId::try_from(event_id.as_str())?,
            order_id: order_id.clone(),
            partition: 0,
            offset,
            created: NOW / 1_000,
            received_at: NOW,
        });
        batch.ledgers.push(LedgerWrite {
            order_id,
            version,
            timestamp: i64::try_from(version)? * 256 + 1,
            cell: vec![7; CELL_BYTES],
            columns: Columns {
                status: "paid",
                amount_due: None,
                amount_received: 0,
                amount_refunded: 0,
                currency: None,
                last_event_id: None,
                updated_at: NOW,
            },
        });
    }
    Ok(batch)
}

/// Writes so many batches of 1,000 orders and 1,000 events, numbered from `first` on.
fn write(
    what: &str,
    store: &mut EmbeddedStore,
    batches: u64,
    at_once: u64,
    first: u64,
) -> Done<()> {
    let version = if what.starts_with("known") { 2 } else { 1 };
    let made: Vec<_> = (first..first + batches)
        .map(|number| batch(number, version))
        .collect::<Done<_>>()?;
    measured(what, batches * ORDERS, || {
        let mut in_flight = 0;
        for (token, batch) in (0..).zip(made) {
            while in_flight >= at_once {
                let told = store.acknowledged(Duration::from_secs(1));
                in_flight -= u64::try_from(told.len())?;
            }
            store.submit(token, batch);
            in_flight += 1;
        }
        while in_flight > 0 {
            let told = store.acknowledged(Duration::from_secs(1));
            in_flight -= u64::try_from(told.len())?;
        }
        Ok(())
    })
}

fn read(what: &str, store: &mut EmbeddedStore, batches: u64, orders: u64) -> Done<()> {
    let asked: Vec<Vec<_>> = (0..batches)
        .map(|batch| {
            let rows = 0..orders;
            // Orders of all batches among each other.
            rows.map(|row| order((row * 7_919 + batch * 104_729) % (batches * ORDERS)))
                .collect()
        })
        .collect::<Done<_>>()?;
    measured(what, batches * orders, || {
        for orders in &asked {
            let cells = store.load(orders)?;
            if cells.iter().any(Option::is_none) {
                return Err("an order is missing".into());
            }
        }
        Ok(())
    })
}

fn measured<T>(what: &str, rows: u64, work: impl FnOnce() -> Done<T>) -> Done<T> {
    let began = Instant::now();
    let done = work()?;
    let took = began.elapsed();
    let each = took / u32::try_from(rows.max(1))?;
    println!("{what:32} {rows:>9} in {took:>12.3?}, {each:.2?} each");
    Ok(done)
}
