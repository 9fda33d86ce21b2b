//! What one record costs a worker, without Kafka and without a store: the real engine and the real
//! reconciler between a log and a store in memory, on the stream of the load tests.
//!
//! The clock goes on by what was read, so that the work is the same in each run: under a profiler,
//! and under callgrind, whose count of instructions `./test` holds to a limit
//! (`load-tests/cost/gate`).

mod stream;

mod world;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use trueup_domain::gap::Grace;
use trueup_engine::limits;
use trueup_engine::worker::{Settings, Step, Worker};
use trueup_reconciler::topology::{OrdersFeed, Reconciler};
use trueup_schemas::codec::Codec;

use crate::world::{Clock, MemoryLog, MemoryStore};

/// As in the binary that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GRACE_MS: i64 = 300_000;
const CACHE_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Debug, Parser)]
#[command(about = "Measures what one record costs a worker, with log and store in memory")]
struct Options {
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// About six records each.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    orders: u64,
    /// Records of one transaction at most.
    #[arg(long, default_value_t = limits::MAX_BATCH_RECORDS)]
    batch: usize,
    /// Does needless work on each record: the slowdown that the gate must see.
    #[arg(long)]
    slower: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("trueup-cost: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let stream = stream::stream(options.seed, options.orders)?;
    let records = stream.records.len();
    let clock = Clock::default();
    let log = MemoryLog::new(stream.records, &clock, options.slower);
    let seen = log.seen();
    let store = MemoryStore::default();
    let reconciler = Reconciler {
        codec: Codec::SingleObject,
        keys: stream.keys,
        events_topic: stream::EVENTS_TOPIC.to_owned(),
        orders_topic: "orders".to_owned(),
        partitions: stream::PARTITIONS,
        grace: Grace::of_all(GRACE_MS),
        orders_feed: OrdersFeed::On,
    };
    let settings = Settings {
        slot: "cost-0".to_owned(),
        events_topic: stream::EVENTS_TOPIC.to_owned(),
        epoch: 0,
        codec: Codec::SingleObject,
        cache_bytes: CACHE_BYTES,
        max_batch_records: options.batch,
        max_unacked_transactions: limits::MAX_UNACKED_TRANSACTIONS,
        max_unacked_ms: limits::MAX_UNACKED_MS,
        orders_lag_ms: i64::MAX,
    };
    let worker = Worker::new(log, store, reconciler, clock, settings);
    let began = Instant::now();
    drained(worker, &seen)?;
    let took = began.elapsed();
    let written = seen.written();
    if written.status == 0 || seen.left() > 0 {
        // A worker that refuses everything is fast, and measures nothing.
        return Err(format!(
            "of {records} records {} were left, and {} status changes published",
            seen.left(),
            written.status
        ));
    }
    let each = took.as_secs_f64() * 1e9 / f64::from(u32::try_from(records).unwrap_or(u32::MAX));
    println!("records         {records}");
    println!("status changes  {}", written.status);
    println!("dead letters    {}", written.dead_letters);
    println!("transactions    {}", written.transactions);
    println!("each            {each:.0} ns");
    Ok(())
}

/// What is measured: from the worker's first step until everything is published and stored. Its
/// name is what callgrind is told to count.
#[inline(never)]
fn drained(
    mut worker: Worker<MemoryLog, MemoryStore, Reconciler, Clock>,
    seen: &world::Seen,
) -> Result<(), String> {
    loop {
        match worker.step() {
            Step::On => {}
            Step::Wait(_) if seen.left() == 0 => worker.stop(),
            Step::Wait(_) => {}
            Step::Stopped(None) => return Ok(()),
            Step::Stopped(Some(refusal)) => return Err(refusal.to_string()),
        }
        if seen.left() == 0 {
            worker.stop();
        }
    }
}
