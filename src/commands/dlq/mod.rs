//! `dlq …`: dead letters listed, shown, replayed, discarded; from Kafka itself, or by a running
//! process.

mod desk;

mod list;

mod show;

mod change;

use self::desk::Desk;
use crate::cli::Dlq;
use crate::config::DlqConfig;
use crate::failure::Failure;
use crate::letters::answer::Deed;

pub fn run(config: DlqConfig, what: &Dlq) -> Result<(), Failure> {
    let json = config.json;
    let desk = Desk::open(config.asked)?;
    match what {
        Dlq::List {
            which,
            limit,
            cursor,
        } => list::run(&desk, which, *limit, cursor.as_deref(), json),
        Dlq::Show { id } => show::run(&desk, id, json),
        Dlq::Replay { which, yes, rate } => {
            change::run(&desk, (Deed::Replay, *yes), which, *rate, json)
        }
        Dlq::Discard { which, yes } => change::run(&desk, (Deed::Discard, *yes), which, None, json),
    }
}
