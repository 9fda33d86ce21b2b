//! The embedded store does what every ledger store does.

use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_domain::ids::EventId;
use trueup_engine::ports::store::{LedgerStore, StoreFault};
use trueup_ledger::EventEntry;

use super::support::Embedded;
use crate::conformance::Subject;
use crate::conforms;

impl Subject for Embedded {
    fn open(&self) -> Box<dyn LedgerStore> {
        Box::new(self.ledger.store())
    }

    fn find_event(&self, event: &EventId) -> Option<EventEntry> {
        self.ledger.find_event(event).unwrap()
    }

    fn now_ms(&self) -> UnixMillis {
        self.ledger.clock_ms()
    }

    fn load_cursor(&self, name: &str) -> Result<Option<UnixSeconds>, StoreFault> {
        self.ledger.load_cursor(name)
    }

    fn save_cursor(&self, name: &str, until: UnixSeconds) -> Result<(), StoreFault> {
        self.ledger.save_cursor(name, until)
    }
}

conforms!(|_: &str| Embedded::new());
