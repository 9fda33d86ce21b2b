//! The command line: which commands there are and which settings each takes.
//!
//! Flags arrive here as text only. What they mean is read after they are merged with variables
//! and the file, so that every fault is told at once.

mod dlq;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};

pub use self::dlq::{Dlq, When, Which};
use crate::settings::Flags;
use crate::settings::table::{self, SETTINGS, Setting, Shape};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Dev,
    Ingest,
    Process,
    Sweep,
    Send { files: Vec<String> },
    Order { id: String },
    Event { id: String },
    Payment { id: String },
    Gaps,
    Dlq(Dlq),
    TopicsApply,
    LedgerApply,
    Check,
}

/// What the command line said.
#[derive(Debug)]
pub struct Invocation {
    pub command: Command,
    pub flags: Flags,
}

const TALK: &[&str] = &["config", "log-format"];
const KAFKA: &[&str] = &["kafka", "kafka-config", "topic-prefix", "schema-registry"];
const STORE: &[&str] = &[
    "scylla",
    "keyspace",
    "scylla-datacenter",
    "scylla-user",
    "scylla-password",
];
const SERVE: &[&str] = &[
    "ops",
    "ops-token",
    "ready-file",
    "signing-keys",
    "otlp-endpoint",
    "otlp-protocol",
    "otlp-sample",
];
const INGEST: &[&str] = &[
    "http",
    "stripe-webhook-secret",
    "livemode",
    "account",
    "trusted-proxy",
    "rate-per-endpoint",
    "rate-per-address",
];
const WORKERS: &[&str] = &[
    "instance-id",
    "workers",
    "grace",
    "unlinked-age",
    "orders-feed",
    "cache-size",
    "unacked-transactions",
    "unacked-age",
    "epoch",
];
const SWEEP: &[&str] = &[
    "stripe-api-key",
    "stripe-api-base",
    "stripe-api-rate",
    "sweep-every",
    "full-every",
    "probe-after",
];
const PROCESS: &[&str] = &["only"];
const DEV: &[&str] = &["demo", "data-dir", "kafka-listen", "broker-faults"];
const ASK: &[&str] = &["json", "ops", "ops-token", "signing-keys"];
const LIST: &[&str] = &["limit", "cursor"];
const GAPS: &[&str] = &["kind", "watch", "interval"];
const TOPICS: &[&str] = &["json", "partitions", "replication-factor"];

const AFTER_HELP: &str = "Every setting is a flag, a variable TRUEUP_<FLAG> and a key of the TOML file that \
--config names, in that order of precedence. Secrets are variables only (STRIPE_WEBHOOK_SECRET, \
TRUEUP_SIGNING_KEYS), or files that <VARIABLE>_FILE names.\n\
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.";

const AFTER_DEV_HELP: &str = "It needs nothing: no Kafka, no store, no account and no secret. --kafka and --scylla \
put an existing one in the place of the embedded one; topics and tables are made there too. Secrets that nobody \
gives are made at the first start and kept in the data directory. It has one worker, the instance id `dev` \
beside the embedded broker, and --demo a grace of 2 s, unless somebody says otherwise.";

const AFTER_SWEEP_HELP: &str = "With --scylla the place it has come to is kept in the store, and it goes on from \
there. Without, it is kept for as long as the process runs: a new one begins 3 days back, or at --since; what is \
read twice counts once. Beside `dev`, which sweeps by itself when it has a key, its --kafka is enough.";

/// Reads the arguments, the program's name first.
///
/// # Errors
/// Clap's own, for wrong usage, help and version.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Invocation, clap::Error> {
    let matches = tree().try_get_matches_from(arguments)?;
    let (command, matches) = command(&matches).ok_or_else(|| {
        tree().error(
            clap::error::ErrorKind::MissingSubcommand,
            "a command is missing",
        )
    })?;
    Ok(Invocation {
        command,
        flags: flags(matches),
    })
}

fn command(matches: &ArgMatches) -> Option<(Command, &ArgMatches)> {
    let (name, given) = matches.subcommand()?;
    let id = || given.get_one::<String>("ID").cloned();
    let command = match name {
        "dev" => Command::Dev,
        "ingest" => Command::Ingest,
        "process" => Command::Process,
        "sweep" => Command::Sweep,
        "send" => Command::Send {
            files: given.get_many("FILE")?.cloned().collect(),
        },
        "order" => Command::Order { id: id()? },
        "event" => Command::Event { id: id()? },
        "payment" => Command::Payment { id: id()? },
        "gaps" => Command::Gaps,
        "dlq" => {
            let given = given.subcommand()?;
            return Some((Command::Dlq(dlq::read(given)?), given.1));
        }
        "topics" => return Some((Command::TopicsApply, given.subcommand()?.1)),
        "ledger" => return Some((Command::LedgerApply, given.subcommand()?.1)),
        "check" => Command::Check,
        _ => return None,
    };
    Some((command, given))
}

fn flags(matches: &ArgMatches) -> Flags {
    let mut flags = Flags::new();
    for setting in SETTINGS {
        let name = setting.name;
        if setting.shape == Shape::Switch {
            if matches.try_get_one::<bool>(name).ok().flatten() == Some(&true) {
                flags.insert(name.to_owned(), vec!["true".to_owned()]);
            }
            continue;
        }
        for name in [Some(name), setting.file].into_iter().flatten() {
            if let Ok(Some(values)) = matches.try_get_many::<String>(name) {
                flags.insert(name.to_owned(), values.cloned().collect());
            }
        }
    }
    flags
}

fn tree() -> Clap {
    Clap::new("trueup")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Reconciles Stripe payments with a shop's orders, exactly once")
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            leaf(
                "dev",
                "Everything in one process on loopback: broker, ledger, gateway, processors, ops",
                &[
                    TALK,
                    DEV,
                    INGEST,
                    SERVE,
                    KAFKA,
                    &["partitions", "replication-factor"],
                    STORE,
                    &["replication"],
                    WORKERS,
                    SWEEP,
                ],
            )
            .after_help(AFTER_DEV_HELP),
        )
        .subcommand(leaf(
            "ingest",
            "Take Stripe's webhooks in and write them to Kafka",
            &[TALK, SERVE, KAFKA, INGEST],
        ))
        .subcommand(leaf(
            "process",
            "Fold events into orders: Kafka and the ledger store",
            &[TALK, SERVE, KAFKA, STORE, PROCESS, WORKERS],
        ))
        .subcommand(
            leaf(
                "sweep",
                "Fetch events Stripe failed to deliver and ask about lasting gaps, and feed them in",
                &[TALK, SERVE, KAFKA, STORE, SWEEP, &["since", "once", "json"]],
            )
            .after_help(AFTER_SWEEP_HELP),
        )
        .subcommand(
            leaf(
                "send",
                "Sign Stripe event JSON and post it to a gateway, as Stripe would",
                &[TALK, &["json", "http", "stripe-webhook-secret"]],
            )
            .arg(
                Arg::new("FILE")
                    .num_args(1..)
                    .required(true)
                    .help("A JSON file, a JSONL file, or - for standard input"),
            ),
        )
        .subcommand(
            leaf(
                "order",
                "One order's whole timeline",
                &[TALK, ASK, KAFKA, STORE],
            )
            .arg(id("The order's id")),
        )
        .subcommand(
            leaf(
                "event",
                "One event's position, facts and body",
                &[TALK, ASK, KAFKA, STORE],
            )
            .arg(id("The event's id, evt_…")),
        )
        .subcommand(
            leaf(
                "payment",
                "The order that a payment, charge or session belongs to",
                &[TALK, ASK, KAFKA, STORE],
            )
            .arg(id("The object's id: pi_…, ch_… or cs_…")),
        )
        .subcommand(leaf(
            "gaps",
            "Open gaps, oldest first",
            &[TALK, &["json", "ops", "ops-token"], KAFKA, LIST, GAPS],
        ))
        .subcommand(dlq::tree())
        .subcommand(group("topics", "Topics").subcommand(leaf(
            "apply",
            "Create or verify every topic; never changes a partition count",
            &[TALK, KAFKA, TOPICS],
        )))
        .subcommand(group("ledger", "The ledger store").subcommand(leaf(
            "apply",
            "Create or migrate the keyspace and its tables",
            &[TALK, STORE, &["json", "replication"]],
        )))
        .subcommand(leaf(
            "check",
            "Print the merged settings and check configuration, brokers, store, topics, clock",
            &[
                TALK,
                SERVE,
                KAFKA,
                INGEST,
                STORE,
                PROCESS,
                WORKERS,
                SWEEP,
                TOPICS,
                &["replication", "audit", "since", "data-dir"],
            ],
        ))
}

fn group(name: &'static str, about: &'static str) -> Clap {
    Clap::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
}

fn id(help: &'static str) -> Arg {
    Arg::new("ID").required(true).help(help)
}

fn leaf(name: &'static str, about: &'static str, settings: &[&[&'static str]]) -> Clap {
    let named = settings.iter().flat_map(|group| group.iter());
    named
        .filter_map(|name| table::find(name))
        .fold(Clap::new(name).about(about), with)
}

fn with(command: Clap, setting: &'static Setting) -> Clap {
    let plain = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.placeholder);
    let help = match setting.default {
        Some(default) if !default.is_empty() => format!("{} [default: {default}]", setting.help),
        Some(_) | None => setting.help.to_owned(),
    };
    // A value may begin with a dash: `--topic-prefix=-x` is for Kafka to judge, not for clap.
    let plain = plain.help(help).allow_hyphen_values(false);
    match setting.shape {
        Shape::One => command.arg(plain.action(ArgAction::Set).overrides_with(setting.name)),
        Shape::Many => command.arg(plain.action(ArgAction::Append)),
        Shape::Switch => command.arg(
            Arg::new(setting.name)
                .long(setting.name)
                .help(setting.help)
                .action(ArgAction::SetTrue),
        ),
        Shape::Secret => command.args(file_of(setting)),
        Shape::SecretFlag => command
            .arg(plain.action(ArgAction::Set))
            .args(file_of(setting)),
    }
}

fn file_of(setting: &'static Setting) -> Option<Arg> {
    let file = setting.file?;
    let variable = setting.variable();
    let help = format!(
        "File that holds it: {} [env: {variable}, {variable}_FILE]",
        setting.help
    );
    Some(
        Arg::new(file)
            .long(file)
            .value_name("PATH")
            .action(ArgAction::Set)
            .help(help),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Invocation {
        parse(line.split(' ').map(str::to_owned)).unwrap()
    }

    #[test]
    fn the_tree_is_sound() {
        tree().debug_assert();
    }

    #[test]
    fn flags_arrive_as_text_and_repeat_where_they_may() {
        let given = parsed("trueup process --kafka a:1 --kafka-config x=1 --kafka-config y=2");
        assert_eq!(given.command, Command::Process);
        assert_eq!(given.flags["kafka-config"], ["x=1", "y=2"]);
    }

    #[test]
    fn commands_of_two_words_take_their_settings() {
        let given = parsed("trueup topics apply --partitions 6 --json");
        assert_eq!(given.command, Command::TopicsApply);
        assert_eq!(
            (
                given.flags["partitions"][0].as_str(),
                given.flags["json"][0].as_str()
            ),
            ("6", "true")
        );
    }

    #[test]
    fn a_secret_is_never_a_plain_flag() {
        let line = "trueup ingest --signing-keys a:b"
            .split(' ')
            .map(str::to_owned);
        assert!(parse(line).is_err());
    }
}
