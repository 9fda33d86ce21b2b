//! Sweeper and probe at work: three loops that share the API's rate, or one round of each.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_schemas::codec::Codec;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

use super::{Cursors, Pass, PassReport, Since, SweepFault, Sweeper};
use crate::api::{Api, ApiBase, ApiKey, ApiSettings};
use crate::entries::Scribe;
use crate::feed::Feeder;
use crate::kafka::KafkaPublisher;
use crate::limits::{ApiLimits, FIRST_SINCE_S, PROBE_EVERY, TOPICS_DEADLINE};
use crate::metrics;
use crate::probe::gaps::GapTopic;
use crate::probe::{ProbeReport, Prober};
use crate::publish::LaneNames;
use crate::settings::Clock;

/// Everything but the cursors and the clock.
#[derive(Debug)]
pub struct SweepSettings {
    pub base: ApiBase,
    pub key: ApiKey,
    /// Requests per second.
    pub rate: NonZeroU32,
    pub limits: ApiLimits,
    pub topics: Topics,
    pub codec: Codec,
    pub keys: SigningKeys,
    /// The Kafka client's settings, `bootstrap.servers` among them.
    pub kafka: Vec<(String, String)>,
    /// Where the first passes begin, where that is before their cursors.
    pub since: Option<UnixSeconds>,
    /// From the end of one pass over what was not delivered to the next.
    pub every: Duration,
    /// From the end of one full pass to the next.
    pub full_every: Duration,
    /// The age from which a gap is probed.
    pub probe_after: Duration,
    /// Set once the topics are known.
    pub ready: Option<watch::Sender<bool>>,
}

/// What one round of each did.
#[derive(Debug, Default)]
pub struct Report {
    pub undelivered: PassReport,
    pub full: PassReport,
    pub probe: ProbeReport,
}

/// What the ops listener sees of the sweeper.
#[derive(Debug, Default)]
pub struct SweepHealth {
    failing: Mutex<BTreeSet<&'static str>>,
}

impl SweepHealth {
    /// Whether the last pass of each kind, and the last round of the probe, went well.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.failing().is_empty()
    }

    fn note(&self, work: &'static str, ok: bool) {
        if ok {
            self.failing().remove(work);
        } else {
            self.failing().insert(work);
        }
    }

    fn failing(&self) -> std::sync::MutexGuard<'_, BTreeSet<&'static str>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps and probes for as long as it is polled. Dropping it at any time loses nothing: what was
/// not acknowledged is read again.
///
/// # Errors
/// A key that Stripe refuses, settings that the Kafka client refuses. Everything else is told,
/// counted and tried again.
pub async fn run(
    mut settings: SweepSettings,
    cursors: Arc<dyn Cursors>,
    clock: impl Clock,
    health: Arc<SweepHealth>,
) -> Result<Infallible, SweepFault> {
    let ready = settings.ready.take();
    let (every, full_every) = (settings.every, settings.full_every);
    let probe_every = (settings.probe_after / 2).clamp(PROBE_EVERY.0, PROBE_EVERY.1);
    let works = Works::new(settings, cursors, clock)?;
    works.publisher.learn_partitions().await;
    if let Some(ready) = ready {
        ready.send_replace(true);
    }
    let (works, health) = (&works, health.as_ref());
    let undelivered = repeat("undelivered", every, health, async || {
        works.pass(Pass::Undelivered).await.map(drop)
    });
    let full = repeat("full", full_every, health, async || {
        works.pass(Pass::Full).await.map(drop)
    });
    let probe = repeat("probe", probe_every, health, async || {
        works.probe().await.map(drop)
    });
    tokio::select! {
        ended = undelivered => ended,
        ended = full => ended,
        ended = probe => ended,
    }
}

/// One pass of each kind and one round of the probe.
///
/// # Errors
/// The first that fails; what was written before stays written.
pub async fn run_once(
    settings: SweepSettings,
    cursors: Arc<dyn Cursors>,
    clock: impl Clock,
) -> Result<Report, SweepFault> {
    let works = Works::new(settings, cursors, clock)?;
    tokio::time::timeout(TOPICS_DEADLINE, works.publisher.learn_partitions())
        .await
        .map_err(|_| SweepFault::NoTopics)?;
    Ok(Report {
        undelivered: works.pass(Pass::Undelivered).await?,
        full: works.pass(Pass::Full).await?,
        probe: works.probe().await?,
    })
}

/// Does `work` over and over, with `every` between; ends with a fault that is for good.
async fn repeat<F>(
    name: &'static str,
    every: Duration,
    health: &SweepHealth,
    work: impl Fn() -> F,
) -> Result<Infallible, SweepFault>
where
    F: Future<Output = Result<(), SweepFault>>,
{
    loop {
        let done = work().await;
        health.note(name, done.is_ok());
        if let Err(fault) = done {
            if fault.is_for_good() {
                return Err(fault);
            }
            tracing::error!(work = name, %fault, "sweep failed, to be tried again");
        }
        tokio::time::sleep(every).await;
    }
}

struct Works<C> {
    publisher: KafkaPublisher,
    sweeper: Sweeper<KafkaPublisher, C>,
    prober: Prober<KafkaPublisher, C>,
    gaps: GapTopic,
    /// For the first pass of each kind.
    since: Mutex<[Option<UnixSeconds>; 2]>,
    clock: C,
}

impl<C: Clock> Works<C> {
    fn new(
        settings: SweepSettings,
        cursors: Arc<dyn Cursors>,
        clock: C,
    ) -> Result<Self, SweepFault> {
        metrics::describe_fetching();
        let names = LaneNames::new(&settings.topics);
        let publisher = KafkaPublisher::new(&settings.kafka, names.clone());
        let publisher = publisher.map_err(|fault| SweepFault::Kafka {
            reason: fault.to_string(),
        })?;
        let mode = settings.key.mode();
        let acknowledge = settings.limits.acknowledge;
        let api = Arc::new(Api::new(ApiSettings {
            base: settings.base,
            key: settings.key,
            rate: settings.rate,
            limits: settings.limits,
        }));
        let feeder = Arc::new(Feeder {
            scribe: Scribe {
                names,
                codec: settings.codec.clone(),
                keys: settings.keys,
            },
            publisher: publisher.clone(),
            clock: clock.clone(),
            acknowledge,
        });
        Ok(Self {
            publisher,
            sweeper: Sweeper {
                api: Arc::clone(&api),
                feeder: Arc::clone(&feeder),
                cursors,
                mode,
            },
            prober: Prober::new(api, feeder, settings.probe_after),
            gaps: GapTopic {
                kafka: settings.kafka,
                topic: settings.topics.payments_gaps(),
                codec: settings.codec,
            },
            since: Mutex::new([settings.since; 2]),
            clock,
        })
    }

    async fn pass(&self, pass: Pass) -> Result<PassReport, SweepFault> {
        let now: UnixMillis = (self.clock)();
        let since = Since {
            asked: self.asked(pass, false),
            first: now.div_euclid(1_000).saturating_sub(FIRST_SINCE_S),
        };
        let done = self.sweeper.pass(pass, since).await;
        metrics::pass_ended(pass, done.is_ok(), (self.clock)());
        if let Ok(report) = &done {
            self.asked(pass, true);
            tracing::info!(pass = pass.as_str(), ?report, "swept");
        }
        done
    }

    /// What somebody asked for, until a pass has begun there and ended well.
    fn asked(&self, pass: Pass, is_done: bool) -> Option<UnixSeconds> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let [undelivered, full] = &mut *since;
        let asked = match pass {
            Pass::Undelivered => undelivered,
            Pass::Full => full,
        };
        if is_done { asked.take() } else { *asked }
    }

    async fn probe(&self) -> Result<ProbeReport, SweepFault> {
        self.prober.rounds(async || self.gaps.read().await).await
    }
}
