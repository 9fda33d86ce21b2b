//! What every ledger store does, whatever it is made of: functions over the port, each on a store
//! that is empty at first. `conforms!` makes all of them tests of one implementation.

pub(crate) mod checkpoints;
pub(crate) mod cursors;
pub(crate) mod index;
pub(crate) mod loads;
pub(crate) mod writes;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_domain::ids::{EventId, OrderId};
use trueup_engine::ports::store::{
    Columns, IndexWrite, LedgerStore, LedgerWrite, StoreFault, WriteBatch, WriteToken,
};
use trueup_ledger::EventEntry;

/// A store under test, and what there is to ask it beside the port.
pub(crate) trait Subject {
    /// The store as one more worker opens it.
    fn open(&self) -> Box<dyn LedgerStore>;
    fn find_event(&self, event: &EventId) -> Option<EventEntry>;
    fn now_ms(&self) -> UnixMillis;
    fn load_cursor(&self, name: &str) -> Result<Option<UnixSeconds>, StoreFault>;
    fn save_cursor(&self, name: &str, until: UnixSeconds) -> Result<(), StoreFault>;
}

/// The whole suite, as tests of the subject that `$open` makes of a test's name.
#[macro_export]
macro_rules! conforms {
    ($open:expr) => {
        $crate::for_each! { $open;
            loads::{
                a_load_of_nothing_is_nothing,
                a_thousand_orders_load_in_the_order_they_are_asked_for,
                an_order_that_is_asked_for_twice_is_answered_twice,
                odd_ids_of_orders_are_kept_apart,
                the_largest_ledgers_come_back_byte_for_byte,
                a_load_of_many_large_ledgers_is_answered_whole,
            },
            writes::{
                the_greatest_timestamp_wins_in_every_order_of_landing,
                of_equal_timestamps_the_greater_bytes_win_in_both_orders_of_landing,
                the_greatest_timestamp_wins_among_writers_at_once,
                the_greatest_timestamp_wins_within_one_batch,
                a_batch_of_hundreds_is_told_once_with_every_row_there,
                a_batch_of_nothing_is_told_too,
                every_token_is_told_exactly_once,
                a_token_is_told_to_the_worker_that_chose_it,
            },
            checkpoints::{
                a_checkpoint_that_was_never_saved_is_none,
                a_checkpoint_at_the_start_of_the_log_is_not_none,
                a_checkpoint_never_moves_back_in_every_order_of_landing,
                each_position_of_a_checkpoint_is_the_greatest_that_was_saved,
                a_checkpoint_saved_again_in_its_place_is_as_young_as_its_last_time,
                topics_partitions_and_epochs_have_checkpoints_of_their_own,
                a_checkpoint_below_the_log_is_refused,
            },
            cursors::{
                a_cursor_that_was_never_saved_is_none,
                a_cursor_never_moves_back_whoever_saves_it,
                cursors_of_two_names_are_apart,
                a_cursor_before_1970_is_refused,
            },
            index::{
                an_event_is_found_by_its_id_and_one_never_written_is_not,
                an_event_is_found_whenever_it_was_created_and_received,
                odd_ids_of_events_are_kept_apart,
            },
        }
    };
}

/// One test for each function that is named, on the subject that `$open` makes of its name.
#[macro_export]
macro_rules! for_each {
    ($open:expr; $($module:ident :: { $($name:ident),+ $(,)? }),+ $(,)?) => {$($(
        #[test]
        fn $name() {
            $crate::conformance::$module::$name(&$open(stringify!($name)));
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
