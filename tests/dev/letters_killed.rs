//! A replay that is cut off: repeated, it has every effect once and each key in its order.

use std::process::{Command, Stdio};

use serde_json::json;
use trueup_load_tests::kafka as log;
use trueup_schemas::codec::Codec;
use trueup_schemas::keys;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{DeadLetter, LetterClass};
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said, trueup};
use crate::poison::{EVENTS, Poison, depths, dlq, expect_depths, json, kafka};

const ORDERS: usize = 10;
const EACH: usize = 6;

fn orders() -> Vec<String> {
    (0..ORDERS).map(|number| format!("order{number}")).collect()
}

/// A `dev` with several misplaced events of each order.
fn poisoned() -> Dev {
    let dev = Dev::start(&[]);
    let poison = Poison::of(&dev);
    for number in 0..EACH {
        for order in orders() {
            poison.misplaced(&order, number);
        }
    }
    poison.flush();
    expect_depths(&dev, &[("misplaced", 60)]);
    dev
}

/// How often each event of each order lies where it belongs, in the order of its first time.
fn replayed(dev: &Dev, order: &str) -> Vec<(String, usize)> {
    let mut seen: Vec<(String, usize)> = Vec::new();
    let own = partition_for(order.as_bytes(), 3);
    log::read(kafka(dev), EVENTS, LIMIT, |record| {
        if record.partition != own || record.key != order.as_bytes() {
            return;
        }
        let value = record.payload.unwrap();
        let event: trueup_schemas::records::PaymentEvent =
            Codec::SingleObject.decode(&value).unwrap();
        let id = event.event.id.to_string();
        match seen.iter_mut().find(|(known, _)| *known == id) {
            Some((_, times)) => *times += 1,
            None => seen.push((id, 1)),
        }
    })
    .unwrap();
    seen
}

/// Every effect once, in order; and says how many records lie in the log twice.
fn expect_all_once(dev: &Dev) -> usize {
    expect_depths(dev, &[]);
    let mut repeats = 0;
    for order in orders() {
        let expected: Vec<String> = (0..EACH)
            .map(|number| format!("evt_{order}_{number}"))
            .collect();
        let held = dev.statuses(&order, |held| held.len() == EACH);
        let causes: Vec<&str> = held.iter().map(|record| record.event_id.as_str()).collect();
        assert_eq!(causes, expected);
        assert_eq!(held[EACH - 1].amount_received, 600);
        let seen = replayed(dev, &order);
        let ids: Vec<&String> = seen.iter().map(|(id, _)| id).collect();
        assert_eq!(ids, expected.iter().collect::<Vec<_>>(), "in order");
        repeats += seen.iter().map(|(_, times)| times - 1).sum::<usize>();
    }
    repeats
}

#[test]
fn a_replay_that_dies_between_a_record_and_its_letter_is_simply_repeated() {
    let dev = poisoned();
    for _ in 0..3 {
        let died = trueup()
            .env("TRUEUP_PLANT", "replay-dies-halfway")
            .args(["dlq", "replay", "--yes", "--kafka", kafka(&dev)])
            .args(["--rate", "40"])
            .output();
        assert_eq!(died.status.code(), None, "{}", said(&died));
    }
    expect_depths(&dev, &[("misplaced", 60)]);
    let report = json(&dlq(&dev, &["replay", "--yes"]));
    assert_eq!(report["replayed"], 60, "{report}");
    assert_eq!(
        expect_all_once(&dev),
        12,
        "four letters, written three times too often"
    );
}

#[test]
fn a_replay_killed_at_random_leaves_nothing_out_and_tells_nothing_twice() {
    let dev = poisoned();
    let left = || depths(&dev).map_or(60, |depths| depths["misplaced"]);
    for kill in 1..=3 {
        let mut replay = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(["dlq", "replay", "--yes", "--rate", "50", "--kafka"])
            .arg(kafka(&dev))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is under way, and has not ended.
        let under_way = wait_until(LIMIT, || (left() <= 60 - 10 * kill).then_some(()));
        assert!(under_way.is_some(), "{}", left());
        replay.kill().unwrap();
        let ended = replay.wait().unwrap();
        assert!(!ended.success(), "it was killed too late to prove anything");
    }
    let report = json(&dlq(&dev, &["replay", "--yes"]));
    assert_eq!(report["failed"], 0, "{report}");
    expect_all_once(&dev);
}

#[test]
fn the_process_that_replays_may_die_with_its_broker() {
    let mut dev = poisoned();
    let ops = dev.ops().to_owned();
    let replay = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["dlq", "replay", "--yes", "--rate", "30", "--ops", &ops])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let under_way = wait_until(LIMIT, || (depths(&dev)?["misplaced"] <= 50).then_some(()));
    assert!(under_way.is_some());
    dev.kill_and_restart();
    let cut = replay.wait_with_output().unwrap();
    assert_eq!(cut.status.code(), Some(1), "{}", said(&cut));
    let report = json(&dlq(&dev, &["replay", "--yes"]));
    assert_eq!(report["failed"], 0, "{report}");
    expect_all_once(&dev);
}

/// Replays a letter whose record no topic of events takes; says whether the letter is still there.
fn keeps_what_cannot_be_written(plant: &str) -> bool {
    let dev = Dev::start(&[]);
    let letter = DeadLetter {
        class: LetterClass::Oversize,
        reason: "it is larger than what is taken".to_owned(),
        topic: EVENTS.to_owned(),
        partition: 0,
        offset: 7,
        key: Some(b"mug".to_vec()),
        headers: Vec::new(),
        timestamp: None,
        payload: Some(noise(2_400_000)),
        first_seen: 1_700_000_000_000,
        attempts: 1,
    };
    let id = keys::letter(EVENTS, 0, 7);
    let value = Codec::SingleObject.encode(&letter);
    let poison = Poison::of(&dev);
    let place = ("payments.dead-letters", partition_for(id.as_bytes(), 3));
    poison.write(place, id.as_bytes(), &value, &[]);
    poison.flush();
    expect_depths(&dev, &[("oversize", 1)]);
    let output = trueup()
        .env("TRUEUP_PLANT", plant)
        .args(["dlq", "replay", "--yes", "--json", "--kafka", kafka(&dev)])
        .output();
    let report = json(&output);
    let kept = dlq(&dev, &["show", &id]).status.success();
    if kept {
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert_eq!(report["failed"], 1, "{report}");
        assert_eq!(report["letters"][0]["id"], json!(id));
    }
    kept
}

/// Bytes that no compression makes small.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn a_letter_whose_record_was_not_written_stays() {
    assert!(keeps_what_cannot_be_written(""));
}

#[test]
fn burying_a_letter_whose_record_was_not_written_is_caught() {
    let kept = keeps_what_cannot_be_written("letter-buried-unwritten");
    assert!(!kept, "the planted bug goes unseen");
}
