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

/// What a stranger wrote, fit for a terminal: nothing in it moves a cursor or ends a line.
fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let escaped = letter.is_control().then(|| letter.escape_default());
            let own = escaped.is_none().then_some(letter);
            escaped.into_iter().flatten().chain(own)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_stranger_wrote_cannot_steer_a_terminal() {
        assert_eq!(super::plain("it's `ü`\u{1b}[2J\n"), "it's `ü`\\u{1b}[2J\\n");
    }
}
