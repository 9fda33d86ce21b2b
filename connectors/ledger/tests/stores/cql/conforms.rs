//! The CQL store does what every ledger store does.

use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_domain::ids::EventId;
use trueup_engine::ports::store::{LedgerStore, StoreFault};
use trueup_ledger::EventEntry;

use super::support::Cql;
use crate::conformance::Subject;
use crate::conforms;

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

    fn load_cursor(&self, name: &str) -> Result<Option<UnixSeconds>, StoreFault> {
        self.runtime.block_on(self.ledger.load_cursor(name))
    }

    fn save_cursor(&self, name: &str, until: UnixSeconds) -> Result<(), StoreFault> {
        self.runtime.block_on(self.ledger.save_cursor(name, until))
    }
}

fn cql(name: &str) -> Cql {
    Cql::new(&trueup_testkit::cql(), name)
}

conforms!(cql);
