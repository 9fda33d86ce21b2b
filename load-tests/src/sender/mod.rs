//! Delivers events as Stripe does: at least once, shuffled, some of them twice, each attempt
//! freshly signed, again after every answer but a 2xx. Knows HTTP, not what the events mean.

mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::fixtures::Fixtures;
use crate::random::Random;
use crate::story::Story;
use crate::{clock, render, signature};

pub use plan::{Delivery, plan};

#[derive(Debug, Clone)]
pub struct SenderOptions {
    /// The gateway's `POST` target, e.g. `http://127.0.0.1:8080/webhooks/stripe`.
    pub url: String,
    pub secret: String,
    /// Deliveries in flight at a time.
    pub workers: usize,
    /// Of one attempt; Stripe waits about ten seconds.
    pub attempt_timeout: Duration,
    pub backoff_first: Duration,
    pub backoff_most: Duration,
    /// Deliveries begun per second at most; 0 for as fast as it goes.
    pub rate_per_s: u64,
    /// Seeds the jitter.
    pub seed: u64,
}

impl SenderOptions {
    /// As fast as it goes, with Stripe's patience in an attempt and less between them.
    #[must_use]
    pub fn to(url: String, secret: &str, workers: usize, seed: u64) -> Self {
        Self {
            url,
            secret: secret.to_owned(),
            workers,
            attempt_timeout: Duration::from_secs(10),
            backoff_first: Duration::from_millis(50),
            backoff_most: Duration::from_secs(2),
            rate_per_s: 0,
            seed,
        }
    }
}

/// Read while a run goes on, and how it is stopped.
#[derive(Debug, Default)]
pub struct Progress {
    /// Deliveries that ended in a 200.
    pub delivered: AtomicU64,
    /// Set to make workers give up what is not delivered yet.
    pub stop: AtomicBool,
}

/// What became of the deliveries.
#[derive(Debug, Default)]
pub struct Sent {
    /// How often each event was acknowledged, by its id.
    pub acknowledged: BTreeMap<String, u32>,
    /// Attempts by outcome: `200`, another code, `timeout`, `connection`.
    pub attempts: BTreeMap<String, u64>,
    /// Deliveries given up when the run was stopped, by event id.
    pub given_up: Vec<String>,
    /// 200s whose body named another event or nothing.
    pub wrong_answers: Vec<String>,
    pub elapsed: Duration,
}

/// Sends every delivery of the plan, in order but concurrently; returns when all are
/// acknowledged or `progress.stop` is set.
#[must_use]
pub fn send(
    fixtures: &Fixtures,
    stories: &[Story],
    deliveries: &[Delivery],
    options: &SenderOptions,
    progress: &Progress,
) -> Sent {
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let sent = Mutex::new(Sent::default());
    let worker = |number: usize| {
        let mut worker = Worker {
            options,
            agent: agent(options),
            random: Random::fork(options.seed, u64::try_from(number).unwrap_or(0)),
            sent: Sent::default(),
        };
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(delivery) = usize::try_from(index)
                .ok()
                .and_then(|at| deliveries.get(at))
            else {
                break;
            };
            let event = stories
                .get(delivery.story)
                .and_then(|s| s.events.get(delivery.event));
            let Some(event) = event else { continue };
            pace(started, index, options.rate_per_s, progress);
            let body = render::body(fixtures, event, delivery.copy);
            worker.deliver(&event.id, &body, progress);
        }
        if let Ok(mut sent) = sent.lock() {
            sent.add(worker.sent);
        }
    };
    std::thread::scope(|scope| {
        for number in 0..options.workers.max(1) {
            let worker = &worker;
            scope.spawn(move || worker(number));
        }
    });
    let mut sent = sent.into_inner().unwrap_or_default();
    sent.elapsed = started.elapsed();
    sent
}

/// Waits until delivery `index` is due.
fn pace(started: Instant, index: u64, rate_per_s: u64, progress: &Progress) {
    if rate_per_s == 0 {
        return;
    }
    let due = started + Duration::from_micros(index.saturating_mul(1_000_000) / rate_per_s);
    while !progress.stop.load(Ordering::Relaxed) {
        let Some(wait) = due.checked_duration_since(Instant::now()) else {
            return;
        };
        std::thread::sleep(wait.min(Duration::from_millis(200)));
    }
}

fn agent(options: &SenderOptions) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(options.attempt_timeout))
        .max_redirects(0)
        .max_idle_connections_per_host(1)
        .build()
        .new_agent()
}

struct Worker<'a> {
    options: &'a SenderOptions,
    agent: ureq::Agent,
    random: Random,
    sent: Sent,
}

impl Worker<'_> {
    fn deliver(&mut self, event_id: &str, body: &[u8], progress: &Progress) {
        let mut backoff = self.options.backoff_first;
        loop {
            if progress.stop.load(Ordering::Relaxed) {
                self.sent.given_up.push(event_id.to_owned());
                return;
            }
            let (outcome, answer) = self.attempt(body);
            let acknowledged = outcome == "200";
            *self.sent.attempts.entry(outcome).or_insert(0) += 1;
            if acknowledged {
                if !names(&answer, event_id) {
                    self.sent.wrong_answers.push(event_id.to_owned());
                }
                *self
                    .sent
                    .acknowledged
                    .entry(event_id.to_owned())
                    .or_insert(0) += 1;
                progress.delivered.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let most = i64::try_from(backoff.as_micros()).unwrap_or(i64::MAX);
            let wait = self.random.between(most / 2, most);
            std::thread::sleep(Duration::from_micros(u64::try_from(wait).unwrap_or(0)));
            backoff = (backoff * 2).min(self.options.backoff_most);
        }
    }

    fn attempt(&self, body: &[u8]) -> (String, Vec<u8>) {
        let signature = signature::header(&self.options.secret, clock::now_s(), body);
        let answer = self
            .agent
            .post(&self.options.url)
            .header("Content-Type", "application/json; charset=utf-8")
            .header("Stripe-Signature", signature)
            .send(body);
        match answer {
            Ok(mut answer) => match answer.body_mut().read_to_vec() {
                Ok(body) => (answer.status().as_u16().to_string(), body),
                Err(_) => ("connection".to_owned(), Vec::new()),
            },
            Err(ureq::Error::Timeout(_)) => ("timeout".to_owned(), Vec::new()),
            Err(_) => ("connection".to_owned(), Vec::new()),
        }
    }
}

fn names(answer: &[u8], event_id: &str) -> bool {
    serde_json::from_slice::<serde_json::Value>(answer).is_ok_and(|answer| {
        answer
            .get("received")
            .is_some_and(|received| received == true)
            && answer.get("id").is_some_and(|id| id == event_id)
    })
}

impl Sent {
    fn add(&mut self, other: Self) {
        for (id, times) in other.acknowledged {
            *self.acknowledged.entry(id).or_insert(0) += times;
        }
        for (outcome, times) in other.attempts {
            *self.attempts.entry(outcome).or_insert(0) += times;
        }
        self.given_up.extend(other.given_up);
        self.wrong_answers.extend(other.wrong_answers);
    }
}
