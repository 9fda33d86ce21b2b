//! What the embedded broker does wrong in one life of the process: a script of rules made of
//! chance, other ones in each life.
//!
//! Errors are those that a broker gives without having done anything. An answer that says that
//! another process has our name is not among them: two of those in a row are a reason to stop.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::random::Random;

/// An API, how often it is called beside others, and the errors that brokers answer it with.
struct Api {
    name: &'static str,
    /// Every so-manieth request at first.
    every: u64,
    errors: &'static [u16],
    /// Whether its answers may fail to come at all.
    lost: bool,
}

/// One that the work is made of.
const fn working(name: &'static str, every: u64, errors: &'static [u16]) -> Api {
    Api {
        name,
        every,
        errors,
        lost: true,
    }
}

/// One without which nothing begins. Its answers are never lost: the wait for each is as long as
/// a life, in which nothing else would happen.
const fn opening(name: &'static str, every: u64, errors: &'static [u16]) -> Api {
    Api {
        lost: false,
        ..working(name, every, errors)
    }
}

const APIS: &[Api] = &[
    working("Produce", 12, &[6, 7, 19, 56]),
    working("Fetch", 16, &[6, 9]),
    working("EndTxn", 8, &[14, 15, 16, 51]),
    working("TxnOffsetCommit", 8, &[7, 14, 15, 16, 22, 25]),
    working("AddPartitionsToTxn", 8, &[14, 15, 16, 51]),
    working("AddOffsetsToTxn", 8, &[14, 15, 16, 51]),
    working("Heartbeat", 10, &[15, 16, 22, 25, 27]),
    opening("InitProducerId", 12, &[14, 15, 16, 51]),
    opening("JoinGroup", 12, &[14, 15, 16, 25]),
    opening("SyncGroup", 12, &[14, 15, 16, 27]),
    opening("OffsetFetch", 12, &[14, 15, 16, 88]),
    opening("FindCoordinator", 16, &[15]),
    opening("ListOffsets", 30, &[6]),
    opening("Metadata", 30, &[]),
    opening("ApiVersions", 40, &[]),
];

/// What is done, and how often of a thousand times. What makes a client connect anew, or wait until
/// its own time is up, is rare: a run is as long as its waits.
const WHAT: &[(&str, u64)] = &[
    ("delay", 350),
    ("duplicate", 380),
    ("error", 200),
    ("close", 25),
    ("close-after", 25),
    ("hold", 10),
    ("drop-request", 5),
    ("drop-reply", 5),
];

/// The script of the life `life`, whose rules act `per_mille` of a thousand times as often as they
/// would by themselves.
pub(super) fn script(seed: u64, life: u64, per_mille: u64) -> String {
    let mut random = Random::fork(seed, 0xFA17_0000 + life);
    let mut text = String::new();
    for api in APIS {
        for (what, share) in WHAT {
            if *what == "error" && api.errors.is_empty() {
                continue;
            }
            // Heard twice, a static member is given a name that it never hears of, and its own is
            // another's: no network does that, since the client's repetition is on a new connection.
            if api.name == "JoinGroup" && *what == "duplicate" {
                continue;
            }
            // A batch that is overtaken by the next one on its own connection is none that a
            // network could bring about; the client takes it for the end of the world.
            if api.name == "Produce" && *what == "hold" {
                continue;
            }
            if !api.lost && matches!(*what, "hold" | "drop-request" | "drop-reply") {
                continue;
            }
            let every = (api.every * 1_000 * 1_000 / share / per_mille.max(1)).max(1);
            // At any place from the first request on, so that rare calls are hit in some lives.
            let after = random.below(every);
            let action = action(&mut random, what, api.errors);
            let _ = writeln!(text, "{} after={after} every={every} {action}", api.name);
        }
    }
    text
}

fn action(random: &mut Random, what: &str, errors: &[u16]) -> String {
    match what {
        "delay" => format!("delay={}", random.between(1, 20)),
        // Mostly short; some longer than a client waits for its answer.
        "hold" if random.percent(90) => format!("hold={}", random.between(20, 1_500)),
        "hold" => format!("hold={}", random.between(9_500, 12_000)),
        "error" => {
            let code = random.pick(errors).copied().unwrap_or(15);
            format!("error={code}")
        }
        plain => plain.to_owned(),
    }
}

/// Counts the injected faults that the broker told of, by API and by what was done.
pub(super) fn count(log: &str) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        let mut words = line.split(' ');
        if let (Some(api), Some(what)) = (words.next(), words.next()) {
            *counts.entry((api.to_owned(), what.to_owned())).or_insert(0) += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_the_seeds_alone_and_another_in_each_life() {
        assert_eq!(script(1, 0, 1_000), script(1, 0, 1_000));
        assert_ne!(script(1, 0, 1_000), script(1, 1, 1_000));
        let shares: u64 = WHAT.iter().map(|(_, share)| share).sum();
        assert_eq!(shares, 1_000);
    }

    #[test]
    fn what_the_broker_told_is_counted_by_api_and_deed() {
        let counts = count("EndTxn hold \"a b\"\nFetch close \"\"\nEndTxn hold \"c\"\n");
        let of = |api: &str, what: &str| counts.get(&(api.to_owned(), what.to_owned())).copied();
        assert_eq!(
            (of("EndTxn", "hold"), of("Fetch", "close")),
            (Some(2), Some(1))
        );
    }
}
