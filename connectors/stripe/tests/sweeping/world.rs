//! A stand-in API, a log in memory whose broker does as it is told, and a clock that stands.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use trueup_domain::event::UnixMillis;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{EventBody, PaymentEvent};
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;
use trueup_stripe::api::{Api, ApiBase, ApiKey, ApiSettings};
use trueup_stripe::entries::Scribe;
use trueup_stripe::feed::Feeder;
use trueup_stripe::limits::ApiLimits;
use trueup_stripe::probe::Prober;
use trueup_stripe::publish::{Acknowledged, Lane, LaneNames, Outgoing, PublishFault, Publisher};
use trueup_stripe::sweep::{Cursors, MemoryCursors, Pass, PassReport, Since, SweepFault, Sweeper};
use trueup_testkit::{API_KEY, SIGNING_KEYS, StripeApi};

pub(crate) const NOW_S: i64 = 1_700_000_000;
pub(crate) const HOUR_S: i64 = 3_600;
/// Short enough that silence is waited for, long enough for a busy machine.
const CALL: Duration = Duration::from_millis(500);

/// How the broker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broker {
    Acknowledges,
    Refuses,
    Silent,
}

#[derive(Debug, Clone)]
pub(crate) struct Log {
    broker: Arc<Mutex<Broker>>,
    records: Arc<Mutex<Vec<Outgoing>>>,
}

impl Publisher for Log {
    fn publish(&self, records: Vec<Outgoing>) -> Result<Acknowledged, PublishFault> {
        match *self.broker.lock().unwrap() {
            Broker::Acknowledges => {
                self.records.lock().unwrap().extend(records);
                Ok(Box::pin(async { Ok(()) }))
            }
            Broker::Refuses => Ok(Box::pin(async {
                let reason = "it is away".to_owned();
                Err(PublishFault::Broker { reason })
            })),
            Broker::Silent => Ok(Box::pin(std::future::pending())),
        }
    }
}

thread_local! {
    /// Everything that reads the clock runs on the test's own thread.
    static NOW_MS: Cell<UnixMillis> = const { Cell::new(NOW_S * 1_000) };
}

type Clock = fn() -> UnixMillis;

fn clock() -> UnixMillis {
    NOW_MS.get()
}

pub(crate) struct World {
    pub(crate) api: StripeApi,
    pub(crate) sweeper: Sweeper<Log, Clock>,
    pub(crate) prober: Prober<Log, Clock>,
    pub(crate) cursors: Arc<MemoryCursors>,
    log: Log,
    runtime: Runtime,
}

pub(crate) fn limits() -> ApiLimits {
    ApiLimits {
        call: CALL,
        connect: CALL,
        answer_bytes: 1024 * 1024,
        tries: 3,
        backoff_first: Duration::from_millis(1),
        backoff_longest: Duration::from_millis(5),
        longest_retry_after: Duration::from_millis(700),
        rate_jitter: Duration::ZERO,
        acknowledge: Duration::from_millis(200),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(API_KEY, limits())
    }

    pub(crate) fn with(key: &str, limits: ApiLimits) -> Self {
        let stand_in = StripeApi::start().unwrap();
        let acknowledge = limits.acknowledge;
        let api = Arc::new(Api::new(ApiSettings {
            base: ApiBase::parse(&stand_in.url()).unwrap(),
            key: ApiKey::parse(key).unwrap(),
            rate: NonZeroU32::new(10_000).unwrap(),
            limits,
        }));
        let log = Log {
            broker: Arc::new(Mutex::new(Broker::Acknowledges)),
            records: Arc::default(),
        };
        let clock: Clock = clock;
        let feeder = Arc::new(Feeder {
            scribe: Scribe {
                names: LaneNames::new(&Topics::new("")),
                codec: Codec::SingleObject,
                keys: SigningKeys::parse(SIGNING_KEYS).unwrap(),
            },
            publisher: log.clone(),
            clock,
            acknowledge,
        });
        let cursors = Arc::new(MemoryCursors::default());
        Self {
            api: stand_in,
            prober: Prober::new(
                Arc::clone(&api),
                Arc::clone(&feeder),
                Duration::from_secs(600),
            ),
            sweeper: Sweeper {
                api,
                feeder,
                cursors: Arc::clone(&cursors) as Arc<dyn Cursors>,
                mode: "test",
            },
            cursors,
            log,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn broker(&self, broker: Broker) {
        *self.log.broker.lock().unwrap() = broker;
    }

    pub(crate) fn pass_time(&self, seconds: i64) {
        NOW_MS.set(NOW_MS.get() + seconds * 1_000);
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// A pass that begins three hours ago where there is no cursor.
    pub(crate) fn pass(&self, pass: Pass) -> Result<PassReport, SweepFault> {
        self.pass_since(pass, None)
    }

    pub(crate) fn pass_since(
        &self,
        pass: Pass,
        asked: Option<i64>,
    ) -> Result<PassReport, SweepFault> {
        let first = NOW_S - 3 * HOUR_S;
        self.run(self.sweeper.pass(pass, Since { asked, first }))
    }

    pub(crate) fn cursor(&self, pass: Pass) -> Option<i64> {
        let name = format!("test:{}", pass.as_str());
        self.cursors.load(&name).unwrap()
    }

    /// Events in the log, with the key of each.
    pub(crate) fn events(&self) -> Vec<(Lane, String, PaymentEvent)> {
        let records = self.log.records.lock().unwrap();
        let events = records
            .iter()
            .filter(|record| matches!(record.lane, Lane::Events | Lane::Unlinked));
        events
            .map(|record| {
                let key = String::from_utf8(record.key.clone()).unwrap();
                let event = Codec::SingleObject.decode(&record.value).unwrap();
                (record.lane, key, event)
            })
            .collect()
    }

    pub(crate) fn event_ids(&self) -> Vec<String> {
        let events = self.events();
        let ids = events
            .iter()
            .map(|(_, _, event)| event.event.id.to_string());
        ids.collect()
    }

    pub(crate) fn bodies(&self) -> Vec<EventBody> {
        let records = self.log.records.lock().unwrap();
        let bodies = records.iter().filter(|record| record.lane == Lane::Bodies);
        bodies
            .map(|record| Codec::SingleObject.decode(&record.value).unwrap())
            .collect()
    }

    pub(crate) fn records(&self) -> usize {
        self.log.records.lock().unwrap().len()
    }
}

/// A payment of order `shop-1` that succeeded, as an object.
pub(crate) fn payment(number: usize) -> Value {
    json!({
        "id": format!("pi_{number}"), "object": "payment_intent", "amount": 1_000,
        "amount_received": 1_000, "currency": "eur", "status": "succeeded", "livemode": false,
        "created": NOW_S - 2 * HOUR_S, "latest_charge": format!("ch_{number}"),
        "client_secret": "pi_secret_of_the_customer", "metadata": {"order_id": "shop-1"},
    })
}

/// Its success, created so many seconds ago.
pub(crate) fn success(number: usize, age_s: i64) -> Value {
    json!({
        "id": format!("evt_{number}"), "object": "event", "created": NOW_S - age_s,
        "api_version": "2026-07-29.dahlia", "livemode": false, "pending_webhooks": 1,
        "type": "payment_intent.succeeded", "data": {"object": payment(number)},
    })
}
