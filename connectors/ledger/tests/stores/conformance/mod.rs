//! What every ledger store does, whatever it is made of: functions over the port, each on a store
//! that is empty at first. `for_each!` makes them tests of one implementation.

pub(crate) mod checkpoints;
pub(crate) mod index;
pub(crate) mod loads;
pub(crate) mod writes;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::{EventId, OrderId};
use trueup_engine::ports::store::{
    Columns, IndexWrite, LedgerStore, LedgerWrite, WriteBatch, WriteToken,
};
use trueup_ledger::EventEntry;

/// A store under test, and what there is to ask it beside the port.
pub(crate) trait Subject {
    /// The store as one more worker opens it.
    fn open(&self) -> Box<dyn LedgerStore>;
    fn find_event(&self, event: &EventId) -> Option<EventEntry>;
    fn now_ms(&self) -> UnixMillis;
}

/// One test for each function of the suite, on the subject that `$open` makes of its name.
#[macro_export]
macro_rules! for_each {
    ($open:expr; $($module:ident :: { $($name:ident),+ $(,)? }),+ $(,)?) => {$($(
        #[test]
        fn $name() {
            conformance::$module::$name(&$open(stringify!($name)));
        }
    )+)+};
}

const PATIENCE: Duration = Duration::from_secs(60);
const FOLD_REVISION: i64 = 1;

pub(crate) fn order(id: &str) -> OrderId {
    OrderId::try_from(id).unwrap()
}

pub(crate) fn event(id: &str) -> EventId {
    EventId::try_from(id).unwrap()
}

/// A ledger of `version`, whose cell says so: the later, the smaller its bytes, so that a store
/// which compares cells does not pass for one that compares timestamps.
pub(crate) fn ledger(order: &OrderId, version: u64) -> LedgerWrite {
    let before_the_last = 1_000_000 - version;
    let cell = format!("{before_the_last:06} before the last of {order}").into_bytes();
    ledger_of(order, version, cell)
}

pub(crate) fn ledger_of(order: &OrderId, version: u64, cell: Vec<u8>) -> LedgerWrite {
    LedgerWrite {
        order_id: order.clone(),
        version,
        timestamp: i64::try_from(version).unwrap() * 256 + FOLD_REVISION,
        cell,
        columns: Columns {
            status: "paid",
            amount_due: Some(1_000),
            amount_received: 1_000,
            amount_refunded: 0,
            currency: Some("eur".to_owned()),
            last_event_id: Some("evt_last".to_owned()),
            updated_at: 1_700_000_000_000,
        },
    }
}

pub(crate) fn entry(
    event: &EventId,
    order: &OrderId,
    offset: i64,
    received_at: UnixMillis,
) -> IndexWrite {
    IndexWrite {
        event_id: event.clone(),
        order_id: order.clone(),
        partition: 3,
        offset,
        created: received_at / 1_000,
        received_at,
    }
}

pub(crate) fn batch(ledgers: Vec<LedgerWrite>, events: Vec<IndexWrite>) -> WriteBatch {
    WriteBatch { ledgers, events }
}

/// How often each token was told, until `count` of them were.
pub(crate) fn told(store: &mut dyn LedgerStore, count: usize) -> HashMap<WriteToken, usize> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = HashMap::new();
    while told.len() < count {
        for token in store.acknowledged(Duration::from_millis(100)) {
            *told.entry(token).or_default() += 1;
        }
        let so_far = told.len();
        assert!(Instant::now() < deadline, "{so_far} of {count} are told");
    }
    told
}

/// Writes it all and waits until it is acknowledged.
pub(crate) fn write(store: &mut dyn LedgerStore, batch: WriteBatch) {
    store.submit(77, batch);
    assert_eq!(told(store, 1), HashMap::from([(77, 1)]));
}

pub(crate) fn load_one(store: &mut dyn LedgerStore, order: &OrderId) -> Option<Vec<u8>> {
    let mut cells = store.load(std::slice::from_ref(order)).unwrap();
    assert_eq!(cells.len(), 1);
    cells.remove(0)
}

/// Ids that a store could get wrong: quotes, wild cards, letters of one look, and the longest.
pub(crate) fn odd_ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "'",
        "''",
        "\"",
        "\\",
        "\\'",
        "%",
        "_",
        "?",
        ";--",
        "$$",
        "null",
        " ",
        "  ",
        "a",
        "A",
        "a ",
        " a",
        "a\u{a0}",
        "é",
        "e\u{301}",
        "ß",
        "ss",
        "İ",
        "i",
        "日本",
        "🧾",
        "\u{200b}a",
        "\u{feff}a",
        "\u{10ffff}",
        "{}",
        "a,b",
        "a:b",
        "a/b",
        "0",
        "00",
    ]
    .map(str::to_owned)
    .into();
    ids.push("x".repeat(200));
    ids.push(format!("{}y", "x".repeat(199)));
    ids.push("é".repeat(100));
    ids
}
