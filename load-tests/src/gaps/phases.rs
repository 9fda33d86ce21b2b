//! The phases of the run, each judged as it ends: deliveries under `kill -9`, the sweep, the probe.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::orders::{Order, Stage};
use super::stages::Expected;
use super::stripe::{self, Stripe};
use super::{GapsOptions, GapsReport, commands};
use crate::audit::{self, Case};
use crate::chaos::ChaosFault;
use crate::chaos::cluster::WEBHOOK_SECRET;
use crate::fixtures::Fixtures;
use crate::gauges::Gauges;
use crate::instance::last_words;
use crate::random::Random;
use crate::sender::{self, Progress, SenderOptions, Sent};
use crate::site::Site;
use crate::story::Story;
use crate::traffic::{self, Input, OrderService, about};
use crate::{rest, scrape};

const LOOK_AGAIN: Duration = Duration::from_millis(10);
const DUPLICATE_PERCENT: u64 = 5;

/// The run so far, and what it has to work with.
pub(super) struct Run<'a> {
    pub(super) options: &'a GapsOptions,
    pub(super) fixtures: &'a Fixtures,
    pub(super) orders: &'a [Order],
    pub(super) site: Site,
    pub(super) random: Random,
    pub(super) deadline: Instant,
    pub(super) report: GapsReport,
}

impl Run<'_> {
    /// Goes on after a fault as long as what follows still says something.
    pub(super) fn conduct(&mut self) -> Result<(), ChaosFault> {
        let sent = self.deliver()?;
        let delivered = self.settle(Stage::Delivered)?;
        self.audit_topics(Stage::Delivered, &sent)?;
        self.report.reported = delivered.gauges.clone();
        if !self.report.is_clean() {
            return Ok(());
        }
        let stripe = stripe::start(self.fixtures, self.orders).map_err(ChaosFault::StripeApi)?;
        let swept = self.sweep(&stripe, &delivered, &sent)?;
        let probed = self.probe(&stripe, &swept)?;
        self.report.still_open = probed.gauges;
        if !self.report.is_clean() {
            return Ok(());
        }
        self.audit_before_and_after_tampering()
    }

    /// Sends what is delivered at all, and kills the process all the while.
    fn deliver(&mut self) -> Result<Sent, ChaosFault> {
        let stories = self.known(Stage::Delivered);
        let deliveries = sender::plan(&stories, self.options.seed, DUPLICATE_PERCENT);
        let progress = Progress::default();
        let sender = SenderOptions {
            backoff_most: Duration::from_millis(500),
            ..SenderOptions::to(
                self.site.webhook_url(),
                WEBHOOK_SECRET,
                self.options.senders,
                self.options.seed,
            )
        };
        let service = OrderService {
            bootstrap: self.site.kafka().to_owned(),
            topic: "orders".to_owned(),
        };
        let input = Input {
            fixtures: self.fixtures,
            stories: &stories,
            deliveries: &deliveries,
        };
        self.report.deliveries = deliveries.len();
        let (traffic, conducted) = traffic::drive(input, &sender, &service, &progress, |done| {
            self.kill_at_random(deliveries.len(), &progress, done)
        });
        conducted?;
        self.report.faults.extend(traffic.faults);
        self.report.kills_while_sending = self.report.kills;
        while self.report.kills < self.options.kills {
            // What works off the last deliveries is hit too.
            self.site.kill_and_restart()?;
            self.report.kills += 1;
        }
        Ok(traffic.sent)
    }

    /// All kills but the last, each somewhere in its own part of most of the deliveries.
    fn kill_at_random(
        &mut self,
        deliveries: usize,
        progress: &Progress,
        done: &dyn Fn() -> bool,
    ) -> Result<(), ChaosFault> {
        let kills = u64::from(self.options.kills.saturating_sub(1));
        let most = u64::try_from(deliveries).unwrap_or(0) * 9 / 10;
        let part = most / kills.max(1);
        let mut blows = (0..kills).map(|kill| kill * part + self.random.below(part));
        let mut next = blows.next();
        while !done() {
            if let Some(status) = self.site.instance.ended() {
                let evidence = last_words(status, &self.site.instance.log());
                let what = "ended by itself";
                self.report.faults.push(about("dev", what, evidence));
                self.site.kill_and_restart()?;
            }
            if next.is_some_and(|due| progress.delivered.load(Ordering::Relaxed) >= due) {
                self.site.kill_and_restart()?;
                self.report.kills += 1;
                next = blows.next();
            }
            if Instant::now() > self.deadline {
                progress.stop.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Waits until the gauges show what they must at this stage, and compares every order's set.
    fn settle(&mut self, stage: Stage) -> Result<Expected, ChaosFault> {
        let mut expected = Expected::at(stage, self.fixtures, self.orders);
        self.report.faults.append(&mut expected.faults);
        let ops = self.site.ops.clone();
        let gauge = &mut || Gauges::read(&scrape::page(&ops)?);
        let topics = ["payments.events", "orders"].map(str::to_owned);
        let kafka = self.site.kafka();
        let rest = rest::wait(kafka, &topics, &expected.gauges, self.deadline, gauge);
        eprintln!(
            "{stage}: {} gaps after {:.1?}",
            expected.count(),
            rest.settled
        );
        self.report.settled.push(rest.settled);
        self.report.faults.extend(rest.fault);
        self.report.faults.extend(expected.differences(kafka)?);
        Ok(expected)
    }

    /// Everything else that lies in the topics: each order's status records, letters, lag.
    fn audit_topics(&mut self, stage: Stage, sent: &Sent) -> Result<(), ChaosFault> {
        let stories = self.known(stage);
        let audit = audit::run(Case {
            bootstrap: self.site.kafka(),
            topic_prefix: "",
            fixtures: self.fixtures,
            stories: &stories,
            sent,
            is_fed: true,
            is_over: true,
        })?;
        self.report.figures = audit.figures;
        self.report.faults.extend(audit.faults);
        Ok(())
    }

    fn sweep(
        &mut self,
        stripe: &Stripe,
        before: &Expected,
        sent: &Sent,
    ) -> Result<Expected, ChaosFault> {
        let said = commands::sweep(&self.site, stripe)?;
        let fed = ["/undelivered/fed", "/full/fed"].map(|pass| said.number(pass));
        if said.code != Some(0) || fed != [Some(stripe.undelivered), Some(stripe.listed)] {
            let expected = format!("{} and {} to feed", stripe.undelivered, stripe.listed);
            let evidence = format!("{expected}; {}", said.told());
            let what = "did not feed what Stripe lists";
            self.report.faults.push(about("sweep", what, evidence));
        }
        self.report.fed = fed.into_iter().flatten().sum();
        let after = self.settle(Stage::Swept)?;
        self.audit_topics(Stage::Swept, sent)?;
        self.report.closed_by_sweep = after.closed_since(before);
        self.report.found_by_sweep = before.closed_since(&after);
        Ok(after)
    }

    fn probe(&mut self, stripe: &Stripe, before: &Expected) -> Result<Expected, ChaosFault> {
        let said = commands::probe(&self.site, stripe)?;
        self.report.probed = said.number("/probed/succeeded").unwrap_or(0);
        if said.code != Some(0) || self.report.probed == 0 {
            let what = "did not end well";
            self.report.faults.push(about("probe", what, said.told()));
        }
        let after = self.settle(Stage::Probed)?;
        self.report.closed_by_probe = after.closed_since(before);
        Ok(after)
    }

    fn known(&self, stage: Stage) -> Vec<Story> {
        self.orders.iter().map(|order| order.known(stage)).collect()
    }
}
