//! What is done to the system and when: at seeded shares of the deliveries made, so that a run
//! of one seed hits the same places of the stream on slow and fast machines.

use super::ChaosOptions;
use crate::random::Random;

/// One blow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    /// Of the processor with this number, or the next one that runs.
    KillProcessor(u32),
    KillGateway,
    /// One more processor joins; it leaves by SIGTERM at the matching `Leave`.
    Join,
    Leave,
    /// SIGSTOP; SIGCONT follows when it has been fenced for sure.
    Freeze(u32),
    CrashStore,
    CrashKafka,
}

/// Every act with the number of deliveries after which it is due, in order.
pub(super) fn schedule(options: &ChaosOptions, deliveries: u64) -> Vec<(u64, Act)> {
    let mut random = Random::fork(options.seed, 0xC4A0);
    let mut acts = Vec::new();
    let processors = u64::from(options.process.max(1));
    let which = |random: &mut Random| u32::try_from(random.below(processors)).unwrap_or(0);
    for _ in 0..options.kills {
        let victim = which(&mut random);
        acts.push((
            share(&mut random, deliveries, 4, 96),
            Act::KillProcessor(victim),
        ));
    }
    for _ in 0..options.gateway_kills {
        acts.push((share(&mut random, deliveries, 4, 96), Act::KillGateway));
    }
    for _ in 0..options.joins {
        acts.push((share(&mut random, deliveries, 10, 45), Act::Join));
        acts.push((share(&mut random, deliveries, 55, 90), Act::Leave));
    }
    for _ in 0..options.freezes {
        let victim = which(&mut random);
        // Early, so that there is still work when it wakes.
        acts.push((share(&mut random, deliveries, 15, 50), Act::Freeze(victim)));
    }
    if options.restart_services {
        acts.push((share(&mut random, deliveries, 20, 80), Act::CrashStore));
        acts.push((share(&mut random, deliveries, 20, 80), Act::CrashKafka));
    }
    acts.sort_unstable();
    acts
}

fn share(random: &mut Random, deliveries: u64, from_percent: i64, to_percent: i64) -> u64 {
    let permille = random.between(from_percent * 10, to_percent * 10);
    deliveries.saturating_mul(u64::try_from(permille).unwrap_or(0)) / 1_000
}
