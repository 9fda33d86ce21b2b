//! `trueup dlq …`: which letters a command is about, and whether it shall do what it says.

use std::num::NonZeroU32;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap, value_parser};
use jiff::Timestamp;
use trueup_domain::event::UnixMillis;
use trueup_schemas::records::LetterClass;

use super::{ASK, KAFKA, TALK, group, id, leaf};
use crate::letters::limits::{MAX_PAGE, MAX_RATE};
use crate::settings::value;

/// What to do with dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dlq {
    List {
        which: Which,
        limit: Option<usize>,
        cursor: Option<String>,
    },
    Show {
        id: String,
    },
    Replay {
        which: Which,
        yes: bool,
        rate: Option<NonZeroU32>,
    },
    Discard {
        which: Which,
        yes: bool,
    },
}

/// Which letters; everything that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    pub classes: Vec<LetterClass>,
    pub ids: Vec<String>,
    pub order: Option<String>,
    pub since: Option<When>,
    pub older_than: Option<When>,
}

/// A time, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    At(UnixMillis),
    Ago(i64),
}

impl When {
    pub fn at(self, now: UnixMillis) -> UnixMillis {
        match self {
            Self::At(at) => at,
            Self::Ago(ms) => now.saturating_sub(ms),
        }
    }

    /// `24h`, `7d` or RFC 3339.
    pub fn read(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at.as_millisecond()));
        }
        let ago = value::duration(text);
        let ago = ago.map_err(|_| "not a time; write 24h, 7d or an RFC 3339 time".to_owned())?;
        Ok(Self::Ago(
            i64::try_from(ago.as_millis()).unwrap_or(i64::MAX),
        ))
    }
}

pub(super) fn tree() -> Clap {
    group("dlq", "Dead letters: records that were refused")
        .subcommand(
            which(leaf(
                "list",
                "The letters, the longest known first",
                &[TALK, ASK, KAFKA],
            ))
            .arg(
                Arg::new("limit")
                    .long("limit")
                    .value_name("N")
                    .value_parser(value_parser!(u64).range(1..=1_000))
                    .help("Letters of one page, 1 to 1000 [default: 100]"),
            )
            .arg(
                Arg::new("cursor")
                    .long("cursor")
                    .value_name("CURSOR")
                    .help("Where the page before ended: its `next`"),
            ),
        )
        .subcommand(
            leaf(
                "show",
                "One letter, its record, and what a replay would do",
                &[TALK, ASK, KAFKA],
            )
            .arg(id("The letter's id: topic/partition/offset")),
        )
        .subcommand(
            yes(which(leaf(
                "replay",
                "Put the records back where they came from; a dry run until --yes",
                &[TALK, ASK, KAFKA],
            )))
            .arg(
                Arg::new("rate")
                    .long("rate")
                    .value_name("N")
                    .value_parser(value_parser!(u32).range(1..=i64::from(MAX_RATE)))
                    .help("Letters per second [default: 1000]"),
            ),
        )
        .subcommand(yes(which(leaf(
            "discard",
            "Take letters away for good; a dry run until --yes",
            &[TALK, ASK, KAFKA],
        ))))
}

fn which(command: Clap) -> Clap {
    let many = |name: &'static str, placeholder: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(placeholder)
            .action(ArgAction::Append)
    };
    let classes = LetterClass::ALL.iter().map(|class| class.as_str());
    command
        .arg(
            many("class", "CLASS")
                .value_parser(clap::builder::PossibleValuesParser::new(classes))
                .help("Letters of this class; repeatable"),
        )
        .arg(many("id", "ID").help("This letter; repeatable"))
        .arg(
            Arg::new("ids")
                .value_name("ID")
                .action(ArgAction::Append)
                .help("These letters, as with --id"),
        )
        .arg(
            Arg::new("order")
                .long("order")
                .value_name("ID")
                .help("Letters whose record has this key: the order's id, or the payment's object"),
        )
        .arg(
            Arg::new("since")
                .long("since")
                .value_name("WHEN")
                .value_parser(When::read)
                .help("First seen then or later: 24h, 7d or RFC 3339"),
        )
        .arg(
            Arg::new("older-than")
                .long("older-than")
                .value_name("WHEN")
                .value_parser(When::read)
                .help("First seen then or before: 24h, 7d or RFC 3339"),
        )
}

fn yes(command: Clap) -> Clap {
    command.arg(
        Arg::new("yes")
            .long("yes")
            .action(ArgAction::SetTrue)
            .help("Do it; without it nothing is changed"),
    )
}

/// The command that was given under `dlq`.
pub(super) fn read((name, given): (&str, &ArgMatches)) -> Option<Dlq> {
    let which = || Which {
        classes: texts(given, "class")
            .iter()
            .filter_map(|class| LetterClass::from_name(class))
            .collect(),
        ids: [texts(given, "id"), texts(given, "ids")].concat(),
        order: given.get_one("order").cloned(),
        since: given.get_one("since").copied(),
        older_than: given.get_one("older-than").copied(),
    };
    Some(match name {
        "list" => Dlq::List {
            which: which(),
            limit: given
                .get_one::<u64>("limit")
                .map(|limit| usize::try_from(*limit).unwrap_or(MAX_PAGE)),
            cursor: given.get_one("cursor").cloned(),
        },
        "show" => Dlq::Show {
            id: given.get_one::<String>("ID")?.clone(),
        },
        "replay" => Dlq::Replay {
            which: which(),
            yes: given.get_flag("yes"),
            rate: given
                .get_one::<u32>("rate")
                .and_then(|rate| NonZeroU32::new(*rate)),
        },
        "discard" => Dlq::Discard {
            which: which(),
            yes: given.get_flag("yes"),
        },
        _ => return None,
    })
}

fn texts(given: &ArgMatches, name: &str) -> Vec<String> {
    given
        .get_many::<String>(name)
        .map(|texts| texts.cloned().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};

    fn parsed(line: &str) -> Result<Command, clap::Error> {
        parse(line.split(' ').map(str::to_owned)).map(|given| given.command)
    }

    #[test]
    fn a_selection_and_a_rate_are_read_and_nothing_is_done_without_yes() {
        let line = "trueup dlq replay --class misplaced --class malformed --rate 50 --since 1d";
        let expected = Dlq::Replay {
            which: Which {
                classes: vec![LetterClass::Misplaced, LetterClass::Malformed],
                since: Some(When::Ago(86_400_000)),
                ..Which::default()
            },
            yes: false,
            rate: NonZeroU32::new(50),
        };
        assert_eq!(parsed(line).unwrap(), Command::Dlq(expected));
    }

    #[test]
    fn letters_are_named_with_or_without_the_flag() {
        let line = "trueup dlq discard e/0/1 e/0/2 --id e/0/3 --yes";
        let Command::Dlq(Dlq::Discard { which, yes: true }) = parsed(line).unwrap() else {
            panic!("`{line}` is something else");
        };
        assert_eq!(which.ids, ["e/0/3", "e/0/1", "e/0/2"]);
    }

    #[test]
    fn what_is_no_class_no_rate_or_no_time_is_wrong_usage() {
        for wrong in [
            "trueup dlq replay --class poison",
            "trueup dlq replay --rate 0",
            "trueup dlq list --limit 1001",
            "trueup dlq list --since soon",
            "trueup dlq show",
            "trueup dlq list --yes",
        ] {
            assert_eq!(parsed(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn a_time_is_a_duration_ago_or_a_moment() {
        assert_eq!(When::read("24h").unwrap().at(100_000_000), 13_600_000);
        let moment = When::read("2023-11-14T22:13:20Z").unwrap();
        assert_eq!(moment.at(0), 1_700_000_000_000);
    }
}
