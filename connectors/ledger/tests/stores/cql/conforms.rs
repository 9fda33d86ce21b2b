//! The CQL store does what every ledger store does.

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::EventId;
use trueup_engine::ports::store::LedgerStore;
use trueup_ledger::EventEntry;

use super::support::Cql;
use crate::conformance::{self, Subject};
use crate::for_each;

impl Subject for Cql {
    fn open(&self) -> Box<dyn LedgerStore> {
        Box::new(self.store())
    }

    fn find_event(&self, event: &EventId) -> Option<EventEntry> {
        self.runtime
            .block_on(self.ledger.find_event(event))
            .unwrap()
    }

    fn now_ms(&self) -> UnixMillis {
        self.runtime.block_on(self.ledger.clock_ms()).unwrap()
    }
}

fn cql(name: &str) -> Cql {
    Cql::new(&trueup_testkit::cql(), name)
}

for_each! { cql;
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
    index::{
        an_event_is_found_by_its_id_and_one_never_written_is_not,
        an_event_is_found_whenever_it_was_created_and_received,
        odd_ids_of_events_are_kept_apart,
    },
}
