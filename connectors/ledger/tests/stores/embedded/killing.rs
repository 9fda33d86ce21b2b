//! A process that is killed while it writes: what it was told is there, and its file opens again.
//!
//! The writing process is this test once more, told by its environment to be that.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use trueup_engine::ports::store::{Checkpoint, CheckpointKey, LedgerStore};
use trueup_ledger::{EmbeddedLedger, OpenFault};

use super::support::{NOW, directory, settings};
use crate::conformance::{batch, entry, event, ledger, order};

const DIRECTORY: &str = "TRUEUP_TEST_LEDGER_DIRECTORY";
const FIRST: &str = "TRUEUP_TEST_LEDGER_FIRST";
const THIS: &str =
    "embedded::killing::every_acknowledged_write_survives_a_kill_in_the_midst_of_writing";

const KILLS: u64 = 40;
const ROWS: u64 = 50;
/// Batches that the writer has under way at once.
const AT_ONCE: u64 = 8;
/// Orders are written again and again, each time with a later version.
const ORDERS: u64 = 1_000;

/// The order of row `row` of batch `number`.
fn order_of(number: u64, row: u64) -> String {
    format!("order-{}", (number * ROWS + row) % ORDERS)
}

fn key() -> CheckpointKey {
    CheckpointKey {
        topic: "payments.events".to_owned(),
        partition: 0,
        epoch: 0,
    }
}

/// Writes batch after batch from `first` on, until it is killed, and tells each that is
/// acknowledged.
fn write_for_ever(directory: &std::path::Path, first: u64) {
    let open = EmbeddedLedger::open(settings(directory)).unwrap();
    let mut store = open.store();
    let mut stdout = std::io::stdout();
    let mut next = first;
    let mut in_flight = 0;
    loop {
        while in_flight < AT_ONCE {
            let rows = || (0..ROWS).map(|row| order(&order_of(next, row)));
            let ledgers = rows().map(|order| ledger(&order, next + 1)).collect();
            let events = (0..).zip(rows()).map(|(row, order)| {
                let id = event(&format!("evt_{next}_{row}"));
                entry(&id, &order, i64::try_from(next).unwrap(), NOW)
            });
            store.submit(next, batch(ledgers, events.collect()));
            in_flight += 1;
            next += 1;
        }
        for token in store.acknowledged(Duration::from_secs(10)) {
            in_flight -= 1;
            // All below it are acknowledged too: one group goes after the other, in order.
            let events = i64::try_from(token).unwrap();
            if token % 16 == 0 {
                let checkpoint = Checkpoint {
                    events,
                    orders: 0,
                    saved_at: NOW,
                };
                store.save_checkpoint(&key(), checkpoint).unwrap();
                writeln!(stdout, "saved {token}").unwrap();
            }
            writeln!(stdout, "told {token}").unwrap();
        }
        stdout.flush().unwrap();
    }
}

fn start(directory: &std::path::Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", THIS, "--nocapture"])
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// What the killed writer had told.
#[derive(Default)]
struct Told {
    tokens: Vec<u64>,
    saved: Option<u64>,
}

impl Told {
    fn note(&mut self, line: &str) {
        let Some((word, number)) = line.split_once(' ') else {
            return;
        };
        // The last line may have lost its end, and with it the digits that come last.
        let Ok(number) = number.parse() else { return };
        match word {
            "told" => self.tokens.push(number),
            "saved" => self.saved = Some(number),
            _ => {}
        }
    }
}

/// Kills the writer after it has told `count` batches.
fn kill_after(mut child: Child, count: usize, meanwhile: impl FnOnce()) -> Told {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut told = Told::default();
    let mut meanwhile = Some(meanwhile);
    let mut line = String::new();
    while told.tokens.len() < count {
        line.clear();
        assert!(
            lines.read_line(&mut line).unwrap() > 0,
            "the writer ended by itself"
        );
        told.note(line.trim_end());
        if !told.tokens.is_empty()
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile();
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told before its end, and nobody had read yet; of half a line nothing.
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            return told;
        }
        told.note(line.trim_end());
    }
}

#[test]
fn every_acknowledged_write_survives_a_kill_in_the_midst_of_writing() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        let first = std::env::var(FIRST).unwrap().parse().unwrap();
        write_for_ever(std::path::Path::new(&directory), first);
    }
    let directory = directory();
    let mut all: Vec<u64> = Vec::new();
    let mut saved = None;
    let mut next = 0;
    for kill in 0..KILLS {
        let child = start(directory.path(), next);
        // The moments lie apart: from the making of the file to hundreds of batches.
        let count = usize::try_from(kill * 7 % 40).unwrap();
        let told = kill_after(child, count, || {
            let second = EmbeddedLedger::open(settings(directory.path()));
            assert!(matches!(second, Err(OpenFault::Locked(_))), "{second:?}");
        });
        all.extend(&told.tokens);
        saved = told.saved.or(saved);
        // The killed writer may have been ahead of what it told.
        next = all.iter().max().map_or(0, |last| last + AT_ONCE + 1);
        check(directory.path(), &all, saved);
    }
    assert!(all.len() > 500, "{} batches are few", all.len());
}

fn check(directory: &std::path::Path, told: &[u64], saved: Option<u64>) {
    let open = EmbeddedLedger::open(settings(directory)).unwrap();
    let mut store = open.store();
    let mut least = std::collections::HashMap::new();
    for number in told {
        for row in 0..ROWS {
            let version = least.entry(order_of(*number, row)).or_insert(0);
            *version = (number + 1).max(*version);
        }
        for row in [0, ROWS - 1] {
            let id = event(&format!("evt_{number}_{row}"));
            let found = open.find_event(&id).unwrap();
            assert!(found.is_some(), "event {id} was told and is lost");
        }
    }
    for (id, version) in least {
        let id = order(&id);
        let found = open.find_ledger(&id).unwrap().unwrap();
        let held = u64::try_from(found.timestamp / 256).unwrap();
        assert!(
            held >= version,
            "{id} was told at {version} and is at {held}"
        );
        assert_eq!(found.cell, ledger(&id, held).cell, "{id}");
    }
    let held = store.load_checkpoint(&key()).unwrap();
    let saved = saved.map(|saved| i64::try_from(saved).unwrap());
    assert!(
        held.map(|held| held.events) >= saved,
        "{held:?} of {saved:?}"
    );
}
