//! Folds an order's log in the domain, record by record, and asks the oracle after each what it
//! makes of all that was said so far.

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use trueup_domain::event::{Event, Snapshot, SnapshotStatus};
use trueup_domain::fold::{fold_event, fold_snapshot};
use trueup_domain::gap::{GapSet, GapStatus, Grace, Times, next_gaps};
use trueup_domain::ledger::Ledger;
use trueup_domain::view::{View, publishes, view};
use trueup_load_tests::oracle::{self, OrderState};
use trueup_stripe::normalise::Notice;
use trueup_stripe::signature::Verified;

use crate::adversary::Said;

const GRACE_MS: i64 = 5_000;

/// The first difference between the domain and the oracle along the log, with an order service
/// or without.
pub(crate) fn difference(log: &[Said]) -> Option<String> {
    [true, false]
        .into_iter()
        .find_map(|is_fed| differs(log, is_fed))
}

fn differs(log: &[Said], is_fed: bool) -> Option<String> {
    let mut domain = Domain::default();
    let (mut events, mut shops) = (Vec::new(), Vec::new());
    let mut before = oracle::state(&[], &[]);
    let mut awaited: Vec<Awaited> = Vec::new();
    for (place, said) in (0_i64..).zip(log) {
        // A record a second; a snapshot's receipt is the time it names.
        let clock = 10_000 + place * 1_000;
        let at = match said {
            Said::Event(event) => {
                events.push(event.clone());
                clock
            }
            Said::Shop(shop) => {
                shops.push(shop.clone());
                oracle::updated_at_ms(shop)
            }
        };
        let seen_before = domain.view();
        domain.fold(said, place);
        let seen = domain.view();
        let after = oracle::state(&events, &shops);
        if told(&seen, domain.ledger.version()) != after {
            return Some(format!("record {place}: domain {seen:?}\noracle {after:?}"));
        }
        let changed = (before.status, before.received, before.refunded)
            != (after.status, after.received, after.refunded);
        if publishes(&seen_before, &seen) != changed {
            return Some(format!("record {place}: published unlike {changed}"));
        }
        let lacking = oracle::gaps(&events, &shops, is_fed);
        awaited = Awaited::next(awaited, lacking, at, clock);
        let times = Times { at, clock };
        domain.gaps = next_gaps(&domain.ledger, &seen, &domain.gaps, times, GRACE, is_fed);
        let found = Awaited::of(&domain.gaps);
        if found != awaited {
            return Some(format!("record {place}: gap {found:?}\noracle {awaited:?}"));
        }
        before = after;
    }
    None
}

const GRACE: Grace = Grace::of_all(GRACE_MS);

/// A gap as the rules have it, worked out without the domain.
#[derive(Debug, PartialEq)]
struct Awaited {
    gap: oracle::Gap,
    since: i64,
    deadline: i64,
    open: bool,
}

impl Awaited {
    /// A gap lasts while one of its kind and payment does.
    fn next(mut known: Vec<Self>, now: Vec<oracle::Gap>, at: i64, clock: i64) -> Vec<Self> {
        let lasting = |gap: oracle::Gap| {
            let key = |gap: &oracle::Gap| (gap.kind, gap.payment_intent.clone());
            let place = known.iter().position(|known| key(&known.gap) == key(&gap));
            let known = place.map(|place| known.remove(place));
            let since = known.as_ref().map_or(at, |known| known.since);
            let deadline = since + GRACE_MS;
            Self {
                gap,
                since,
                deadline,
                open: known.is_some_and(|known| known.open) || clock >= deadline,
            }
        };
        now.into_iter().map(lasting).collect()
    }

    fn of(gaps: &GapSet) -> Vec<Self> {
        let found = gaps.gaps.iter().map(|gap| Self {
            gap: oracle::Gap {
                kind: gap.kind.as_str(),
                amount: gap.amount,
                currency: gap.currency.to_string(),
                payment_intent: gap.payment.as_ref().map(ToString::to_string),
                unpaid: gap.unpaid,
            },
            since: gap.since,
            deadline: gap.deadline,
            open: gap.status == GapStatus::Open,
        });
        found.collect()
    }
}

fn told(view: &View, version: u64) -> OrderState {
    OrderState {
        status: view.status.as_str(),
        due: view.due.map(trueup_domain::money::MinorUnits::get),
        received: view.received,
        refunded: view.refunded,
        currency: view.currency.map(|currency| currency.to_string()),
        version: i64::try_from(version).unwrap(),
    }
}

#[derive(Default)]
struct Domain {
    ledger: Ledger,
    gaps: GapSet,
}

impl Domain {
    fn view(&self) -> View {
        view(&self.ledger)
    }

    fn fold(&mut self, said: &Said, offset: i64) {
        match said {
            Said::Event(event) => {
                if let Some(event) = normalised(event) {
                    fold_event(&mut self.ledger, &event, offset).unwrap();
                }
            }
            Said::Shop(shop) => {
                fold_snapshot(&mut self.ledger, &snapshot(shop));
            }
        }
    }
}

/// The facts as the gateway takes them; `None` for what is only counted.
fn normalised(event: &Value) -> Option<Event> {
    let body = Bytes::from(event.to_string());
    let digest: [u8; 32] = Sha256::digest(&body).into();
    let verified = Verified::by_digest(body, &digest).unwrap();
    let notice = Notice::read(&verified).unwrap();
    let normalised = notice.normalise();
    let normalised = normalised.unwrap_or_else(|fault| panic!("{fault}: {event}"));
    normalised.map(|normalised| normalised.event)
}

fn snapshot(shop: &Value) -> Snapshot {
    Snapshot {
        status: match shop["status"].as_str().unwrap() {
            "pending" => SnapshotStatus::Pending,
            "paid" => SnapshotStatus::Paid,
            "canceled" => SnapshotStatus::Canceled,
            "refunded" => SnapshotStatus::Refunded,
            other => panic!("no status `{other}`"),
        },
        amount_due: shop["amount_due"].as_i64().unwrap().try_into().unwrap(),
        currency: shop["currency"].as_str().unwrap().try_into().unwrap(),
        version: shop["version"].as_i64().unwrap(),
        updated_at: oracle::updated_at_ms(shop),
    }
}
