//! The embedded store on media that fail, and with a clock that is moved.

mod expiring;
mod failing;
mod media;
mod power;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::{EventId, OrderId};
use trueup_engine::ports::store::{
    Columns, IndexWrite, LedgerStore, LedgerWrite, WriteBatch, WriteToken,
};

use super::ledger::{EmbeddedLedger, EmbeddedSettings};
use super::medium::Medium;
use super::open::OpenFault;
use super::store::EmbeddedStore;

const NOW: UnixMillis = 1_700_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn open(medium: impl Medium) -> Result<EmbeddedLedger, OpenFault> {
    let mut settings = EmbeddedSettings::new(PathBuf::from("tested"), || NOW);
    settings.cache_bytes = 1024 * 1024;
    EmbeddedLedger::open_on(Box::new(medium), settings)
}

fn order(id: &str) -> OrderId {
    OrderId::try_from(id).unwrap()
}

fn event(id: &str) -> EventId {
    EventId::try_from(id).unwrap()
}

/// The cell of batch `token`, large enough that a hundred batches outgrow the first pages.
fn cell(token: WriteToken) -> Vec<u8> {
    format!("cell of {token} ").repeat(50).into_bytes()
}

/// One order of its own, one that all batches write, and an event.
fn batch(token: WriteToken) -> WriteBatch {
    let ledger = |id: &str| LedgerWrite {
        order_id: order(id),
        version: token + 1,
        timestamp: i64::try_from(token + 1).unwrap() * 256 + 1,
        cell: cell(token),
        columns: Columns {
            status: "paid",
            amount_due: None,
            amount_received: 0,
            amount_refunded: 0,
            currency: None,
            last_event_id: None,
            updated_at: NOW,
        },
    };
    WriteBatch {
        ledgers: vec![ledger(&format!("order-{token}")), ledger("shared")],
        events: vec![IndexWrite {
            event_id: event(&format!("evt_{token}")),
            order_id: order("shared"),
            partition: 0,
            offset: i64::try_from(token).unwrap(),
            created: NOW / 1_000,
            received_at: NOW,
        }],
    }
}

/// Waits until all `tokens` are told.
fn told(store: &mut EmbeddedStore, tokens: impl IntoIterator<Item = WriteToken>) {
    let mut missing: BTreeSet<_> = tokens.into_iter().collect();
    let deadline = Instant::now() + PATIENCE;
    while !missing.is_empty() {
        assert!(Instant::now() < deadline, "not told: {missing:?}");
        for token in store.acknowledged(Duration::from_millis(100)) {
            assert!(missing.remove(&token), "{token} was told again");
        }
    }
}

/// Panics when anything of the batches `tokens` is not there.
fn assert_there(ledger: &EmbeddedLedger, tokens: impl IntoIterator<Item = WriteToken>) {
    for token in tokens {
        let found = ledger
            .find_ledger(&order(&format!("order-{token}")))
            .unwrap();
        let found = found.unwrap_or_else(|| panic!("order-{token} is lost"));
        assert_eq!(found.cell, cell(token), "order-{token}");
        let shared = ledger.find_ledger(&order("shared")).unwrap().unwrap();
        let version = u64::try_from(shared.timestamp / 256).unwrap();
        assert!(version > token, "shared is at {version}, {token} was told");
        assert_eq!(shared.cell, cell(version - 1));
        let id = event(&format!("evt_{token}"));
        let found = ledger.find_event(&id).unwrap();
        assert!(found.is_some(), "{id} is lost");
    }
}
