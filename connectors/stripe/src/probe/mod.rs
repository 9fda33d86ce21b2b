//! The probe: asks Stripe about the payment of each gap that has lasted, and feeds in what can
//! only be true for ever: that it succeeded, with how much, or that it was canceled.
//!
//! Each gap is healed or explained: what Stripe says of it is logged and counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use trueup_domain::event::UnixMillis;
use trueup_domain::gap::GapKind;
use trueup_domain::ids::{EventId, ObjectId};
use trueup_schemas::records::Source;

pub(crate) mod gaps;
mod said;

use crate::api::{Api, ApiFault, escaped};
use crate::feed::{Feeder, Taken};
use crate::limits::{MAX_PROBED, MAX_PROBES, PROBE_AGAIN};
use crate::metrics;
use crate::publish::Publisher;
use crate::settings::Clock;
use crate::sweep::SweepFault;
use said::Said;

/// A gap that may have lasted for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// The gap's order; of an unlinked payment its pseudo-order.
    pub order: String,
    pub kind: GapKind,
    pub payment: Option<ObjectId>,
    pub since: UnixMillis,
}

/// What Stripe said of one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// It succeeded: fed in.
    Succeeded,
    /// It was canceled: fed in.
    Canceled,
    /// Neither, yet: the gap is right to be open.
    Undecided,
    /// Said before, and said again.
    Repeated,
    /// Stripe knows no such payment, or not with this key.
    Missing,
    /// The answer is no payment that can be read.
    Unreadable,
    /// The gap names no payment intent: nothing to ask for.
    NoPayment,
}

impl Finding {
    pub const ALL: &'static [Self] = &[
        Self::Succeeded,
        Self::Canceled,
        Self::Undecided,
        Self::Repeated,
        Self::Missing,
        Self::Unreadable,
        Self::NoPayment,
    ];

    /// A metric's label: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
            Self::Undecided => "undecided",
            Self::Repeated => "repeated",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::NoPayment => "no_payment",
        }
    }
}

/// How many payments had each finding, and how many gaps name none.
pub type ProbeReport = BTreeMap<Finding, u64>;

/// Rounds that follow one another without a pause: together they ask for all that is remembered.
const MAX_ROUNDS: usize = MAX_PROBED / MAX_PROBES;

#[derive(Debug)]
pub struct Prober<P, C> {
    pub api: Arc<Api>,
    pub feeder: Arc<Feeder<P, C>>,
    /// The age from which a gap is probed.
    pub after: Duration,
    /// Payments that were asked for and still have a gap: when, and what was fed of them.
    probed: Mutex<BTreeMap<ObjectId, (UnixMillis, Option<EventId>)>>,
}

impl<P: Publisher, C: Clock> Prober<P, C> {
    pub fn new(api: Arc<Api>, feeder: Arc<Feeder<P, C>>, after: Duration) -> Self {
        Self {
            api,
            feeder,
            after,
            probed: Mutex::default(),
        }
    }

    /// Round after round, each over the gaps as `read` finds them then, until one asks for less
    /// than it could.
    ///
    /// # Errors
    /// Of the first round that fails; what was fed before stays.
    pub async fn rounds(
        &self,
        read: impl AsyncFn() -> Result<Vec<Suspect>, SweepFault>,
    ) -> Result<ProbeReport, SweepFault> {
        let mut all = ProbeReport::new();
        for _ in 0..MAX_ROUNDS {
            let mut round = self.round(read().await?).await?;
            // The same gaps in every round.
            let unnamed = round.remove(&Finding::NoPayment);
            let asked: u64 = round.values().sum();
            for (finding, count) in round {
                let sum = all.entry(finding).or_default();
                *sum = sum.saturating_add(count);
            }
            all.extend(unnamed.map(|count| (Finding::NoPayment, count)));
            if asked < u64::try_from(MAX_PROBES).unwrap_or(u64::MAX) {
                break;
            }
        }
        Ok(all)
    }

    /// Asks for the payment of each of `suspects` that is old enough and feeds in what it learns:
    /// first what was never asked for, then what was asked for longest ago, of these the oldest
    /// gap first. A payment is not asked for again within the hour.
    ///
    /// # Errors
    /// An API or a log that cannot be used; what was fed before stays.
    pub async fn round(&self, suspects: Vec<Suspect>) -> Result<ProbeReport, SweepFault> {
        let mut probed = self.probed.lock().await;
        let mut report = ProbeReport::new();
        let due = self.due(suspects, &mut probed, &mut report);
        for (payment, suspect) in due.into_iter().take(MAX_PROBES) {
            let fed = probed.get(&payment).and_then(|(_, fed)| fed.clone());
            let (finding, fed) = self.ask(&payment, fed).await?;
            tracing::info!(
                order_id = suspect.order,
                payment_intent_id = %payment,
                kind = suspect.kind.as_str(),
                finding = finding.as_str(),
                "gap probed",
            );
            note(&mut report, finding);
            if probed.len() < MAX_PROBED || probed.contains_key(&payment) {
                probed.insert(payment, ((self.feeder.clock)(), fed));
            }
        }
        Ok(report)
    }

    /// The payments to ask for, each with its oldest gap, in their order.
    fn due(
        &self,
        mut suspects: Vec<Suspect>,
        probed: &mut BTreeMap<ObjectId, (UnixMillis, Option<EventId>)>,
        report: &mut ProbeReport,
    ) -> Vec<(ObjectId, Suspect)> {
        let now = (self.feeder.clock)();
        let before = |now: UnixMillis, age: Duration| {
            now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
        };
        let (old, again) = (before(now, self.after), before(now, PROBE_AGAIN));
        suspects.retain(|suspect| suspect.since <= old);
        suspects.sort_by_key(|suspect| suspect.since);
        let (mut known, mut due) = (BTreeSet::new(), Vec::new());
        for suspect in suspects {
            let intent = suspect.payment.clone();
            let Some(payment) = intent.filter(|id| id.as_str().starts_with("pi_")) else {
                note(report, Finding::NoPayment);
                continue;
            };
            if known.insert(payment.clone()) {
                due.push((payment, suspect));
            }
        }
        // What has no gap any longer need not be remembered.
        probed.retain(|payment, _| known.contains(payment));
        due.retain(|(payment, _)| probed.get(payment).is_none_or(|(at, _)| *at <= again));
        // So that many gaps that last do not keep the probe from those that opened after them.
        due.sort_by_key(|(payment, _)| probed.get(payment).map(|(at, _)| *at));
        due
    }

    /// Asks for one payment and feeds in what is final. `fed` is what was fed of it before.
    async fn ask(
        &self,
        payment: &ObjectId,
        fed: Option<EventId>,
    ) -> Result<(Finding, Option<EventId>), SweepFault> {
        // The charge and its money tell when the payment succeeded.
        let target = format!(
            "/v1/payment_intents/{}?expand%5B%5D=latest_charge.balance_transaction",
            escaped(payment.as_str())
        );
        let answer = match self.api.get(&target, said::json).await {
            Ok(answer) => answer,
            Err(ApiFault::NotFound) => return Ok((Finding::Missing, fed)),
            Err(fault) => return Err(fault.into()),
        };
        let said = match said::read(payment, &answer) {
            Ok(said) => said,
            Err(reason) => {
                tracing::error!(payment_intent_id = %payment, reason, "probe refused");
                return Ok((Finding::Unreadable, fed));
            }
        };
        let (finding, body) = match said {
            Said::Undecided => return Ok((Finding::Undecided, fed)),
            Said::Succeeded(body) => (Finding::Succeeded, body),
            Said::Canceled(body) => (Finding::Canceled, body),
        };
        if fed.as_ref() == Some(&body.event_id) {
            return Ok((Finding::Repeated, fed));
        }
        match self.feeder.take(body.bytes, Source::Probe)? {
            Ok(Taken::Queued(id, acknowledged)) => {
                self.feeder.settle(vec![acknowledged]).await?;
                Ok((finding, Some(id)))
            }
            Ok(Taken::Ignored) | Err(_) => Ok((Finding::Unreadable, fed)),
        }
    }
}

fn note(report: &mut ProbeReport, finding: Finding) {
    metrics::probed(finding);
    let count = report.entry(finding).or_default();
    *count = count.saturating_add(1);
}
