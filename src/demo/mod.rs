//! The demo: a small day of a shop, posted through the real gateway as Stripe would, with the shop's
//! order service played beside it. What it tells, it has read from the topics.

mod objects;

mod day;

mod story;

mod topics;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use trueup_schemas::codec::Codec;
use trueup_stripe::secret::Secret;

use self::day::Day;
use self::objects::Teller;
use self::story::{Mark, Story};
use self::topics::{Listener, OrderService};
use crate::clock;
use crate::config::KafkaTarget;
use crate::output;
use crate::sender::Sender;
use crate::shutdown::Stop;

/// Between two deliveries, so that somebody can read along.
const PACE: Duration = Duration::from_millis(30);
/// As often a delivery that is not accepted is tried, and how long is waited between.
const TRIES: u32 = 5;
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How long after its gap a late order is marked.
const LATE: Duration = Duration::from_millis(1_500);
/// How long after the last grace the day may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The day lies so far back, in seconds, that all of it is past.
const DAY_S: i64 = 600;

#[derive(Debug)]
pub struct Demo {
    pub kafka: KafkaTarget,
    pub secret: String,
    pub livemode: bool,
    pub account: Option<String>,
    pub grace: Duration,
}

/// Plays the day and tells it on standard error, until it is over or the process shall stop.
///
/// # Errors
/// A gateway that refuses, brokers that do not answer, a day that comes to no end.
pub fn play(demo: &Demo, http: SocketAddr, codec: &Codec, stop: &Stop) -> Result<(), String> {
    let now_s = clock::wall_clock() / 1_000;
    let run = run_name(now_s);
    let account = demo.account.as_deref();
    let day = Day::new(Teller::new(&run, now_s - DAY_S, demo.livemode, account));
    let count = day.orders.len();
    let mut story = Story::new(day.orders);
    let secret = Secret::new(&demo.secret).map_err(|fault| fault.to_string())?;
    let sender = Sender::new(http, secret);
    let begun = Instant::now();
    output::say(&format!(
        "demo: a day of a shop with {count} orders; a gap opens after {}",
        humantime::format_duration(demo.grace)
    ));
    let listener = Listener::new(&demo.kafka, codec.clone())?;
    let service = OrderService::new(&demo.kafka)?;
    for mark in story.begin() {
        service.write(&mark)?;
    }
    service.settle();
    thread::scope(|scope| {
        let posting = scope.spawn(|| post(&sender, &day.deliveries, stop));
        let told = listen(demo, begun, (&listener, &service), &mut story, stop);
        let posted = posting
            .join()
            .unwrap_or_else(|_| Err("the sender ended by a panic".to_owned()));
        posted.and(told)
    })?;
    if !stop.is_set() {
        output::say(&format!(
            "demo: the day is over; open gaps: {}. Everything goes on serving; ^C ends it",
            story.open().join(", ")
        ));
    }
    Ok(())
}

/// A name for this run, so that another run tells of other orders: the time, in few letters.
fn run_name(now_s: i64) -> String {
    let mut rest = now_s.unsigned_abs();
    let mut letters = Vec::new();
    while rest > 0 {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        letters.extend(char::from_digit(digit, 36));
        rest /= 36;
    }
    letters.iter().rev().collect()
}

fn post(sender: &Sender, deliveries: &[Value], stop: &Stop) -> Result<(), String> {
    for event in deliveries {
        let body = serde_json::to_vec_pretty(event).map_err(|fault| fault.to_string())?;
        let mut tries = 0;
        loop {
            if stop.is_set() {
                return Ok(());
            }
            let delivery = sender.post("demo".to_owned(), &body);
            if delivery.is_accepted() {
                break;
            }
            tries += 1;
            if tries == TRIES {
                let id = delivery.id.as_deref().unwrap_or("an event");
                return Err(format!("{id} was not accepted: {}", delivery.reason()));
            }
            thread::sleep(TRY_AGAIN);
        }
        thread::sleep(PACE);
    }
    Ok(())
}

/// Tells what the topics say, and lets the order service act on it.
fn listen(
    demo: &Demo,
    begun: Instant,
    (listener, service): (&Listener, &OrderService),
    story: &mut Story,
    stop: &Stop,
) -> Result<(), String> {
    let mut late: Vec<(Instant, Mark)> = Vec::new();
    while !story.is_over() {
        if stop.is_set() {
            return Ok(());
        }
        if begun.elapsed() > demo.grace.saturating_add(PATIENCE) {
            let missing = story.missing().join(", ");
            return Err(format!("the end of {missing} is not known; see the log"));
        }
        let (due, waiting) = late
            .into_iter()
            .partition(|(since, _)| since.elapsed() >= LATE);
        late = waiting;
        let due: Vec<(Instant, Mark)> = due;
        for (_, mark) in due {
            service.write(&mark)?;
        }
        let Some(news) = listener.next() else {
            continue;
        };
        let follows = story.hear(&news);
        for line in follows.say {
            output::say(&format!("{:>6.2}s  {line}", begun.elapsed().as_secs_f32()));
        }
        match follows.mark {
            Some(mark) if mark.late => late.push((Instant::now(), mark)),
            Some(mark) => service.write(&mark)?,
            None => {}
        }
    }
    service.settle();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_name_is_short_and_another_second_has_another() {
        assert_eq!(run_name(1_700_000_000), "s44we8");
        assert_ne!(run_name(1_700_000_001), run_name(1_700_000_000));
    }
}
