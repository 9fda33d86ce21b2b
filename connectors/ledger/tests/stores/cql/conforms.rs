//! The CQL store does what every ledger store does.

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::EventId;
use trueup_engine::ports::store::LedgerStore;
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
}

fn cql(name: &str) -> Cql {
    Cql::new(&trueup_testkit::cql(), name)
}

conforms!(cql);
