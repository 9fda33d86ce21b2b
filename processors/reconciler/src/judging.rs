//! What opening a record would come to, for who asks before it is written: nothing is counted,
//! logged or kept. Refuses what the workers refuse, by the same code.

use trueup_engine::ports::log::Record;
use trueup_schemas::records::LetterClass;

use crate::opening;
use crate::topology::Reconciler;

/// What becomes of a record of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// It is folded. Whether its order has room for it shows only then.
    Taken,
    /// It says nothing to a reconciler set up like this one.
    Ignored,
    /// It becomes a dead letter.
    Refused { class: LetterClass, reason: String },
}

impl Reconciler {
    /// Judges `record` as a worker would that reads it now.
    #[must_use]
    pub fn judge(&self, record: &Record) -> Judged {
        match opening::open(self, record) {
            Ok(Some(_)) => Judged::Taken,
            Ok(None) => Judged::Ignored,
            Err(opening::Refused { class, reason }) => Judged::Refused { class, reason },
        }
    }
}
