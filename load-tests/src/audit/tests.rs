//! The auditor itself: an honest log passes, and each lie is found.

use serde_json::Value;

use super::{OrderEvidence, order_faults};
use crate::fixtures::Fixtures;
use crate::oracle::reading::{number, text};
use crate::oracle::{self, OrderState};
use crate::random::Random;
use crate::scenario::story;
use crate::status_log::StatusRecord;

struct Shop {
    order_id: String,
    events: Vec<Value>,
    arrived: Vec<String>,
    snapshots: Vec<Value>,
    records: Vec<StatusRecord>,
}

impl Shop {
    fn faults(&self) -> Vec<String> {
        let evidence = OrderEvidence {
            order_id: &self.order_id,
            events: self.events.clone(),
            arrived: &self.arrived,
            snapshots: self.snapshots.clone(),
            records: &self.records,
        };
        order_faults(&evidence)
            .into_iter()
            .map(|fault| fault.what)
            .collect()
    }
}

/// A shop's order whose events arrive shuffled, and what a sound system would publish if it
/// took a snapshot now and then.
fn honest(number_of_order: u64, seed: u64) -> Option<Shop> {
    let fixtures = Fixtures::load().unwrap();
    let story = story(seed, number_of_order);
    let order_id = story.order_id.clone()?;
    let mut random = Random::fork(seed, number_of_order);
    let mut events = super::events_of(&fixtures, &story);
    let snapshots = super::snapshots_of(&story);
    random.shuffle(&mut events);
    let (mut taken_events, mut taken) = (0, 0);
    let mut records = Vec::new();
    let mut before = oracle::state(&[], &[]);
    while taken_events < events.len() || taken < snapshots.len() {
        let snapshot_next =
            taken_events == events.len() || (taken < snapshots.len() && random.percent(40));
        let cause = if snapshot_next {
            &snapshots[taken]
        } else {
            &events[taken_events]
        };
        taken += usize::from(snapshot_next);
        taken_events += usize::from(!snapshot_next);
        let after = oracle::state(&events[..taken_events], &snapshots[..taken]);
        if (before.status, before.received, before.refunded)
            != (after.status, after.received, after.refunded)
        {
            records.push(record(&order_id, &before, &after, cause));
        }
        before = after;
    }
    let arrived = events
        .iter()
        .map(|event| text(event, "id").to_owned())
        .collect();
    Some(Shop {
        order_id,
        events,
        arrived,
        snapshots,
        records,
    })
}

fn record(order_id: &str, before: &OrderState, after: &OrderState, cause: &Value) -> StatusRecord {
    let snapshot = cause.get("updated_at").is_some();
    StatusRecord {
        order_id: order_id.to_owned(),
        version: after.version,
        from: before.status.to_owned(),
        to: after.status.to_owned(),
        due: after.due,
        received: after.received,
        refunded: after.refunded,
        currency: after.currency.clone(),
        event_id: if snapshot {
            format!("snapshot:{}", number(cause, "version"))
        } else {
            text(cause, "id").to_owned()
        },
        event_type: if snapshot {
            "order.snapshot"
        } else {
            text(cause, "type")
        }
        .to_owned(),
        occurred_at_ms: if snapshot {
            oracle::updated_at_ms(cause)
        } else {
            number(cause, "created") * 1000
        },
        partition: 0,
        offset: after.version,
    }
}

fn shops() -> Vec<Shop> {
    (0..300).filter_map(|number| honest(number, 11)).collect()
}

#[test]
fn an_honest_log_has_no_faults_however_snapshots_were_woven_in() {
    for shop in shops() {
        assert_eq!(shop.faults(), Vec::<String>::new(), "{:?}", shop.order_id);
    }
}

/// Plants one lie into every order that is long enough; each must be found.
fn every_lie_is_found(lie: impl Fn(&mut Shop) -> bool) {
    let mut told = 0;
    for mut shop in shops() {
        if lie(&mut shop) {
            told += 1;
            assert!(
                !shop.faults().is_empty(),
                "not found in `{}`",
                shop.order_id
            );
        }
    }
    assert!(told > 15, "told only {told} times");
}

#[test]
fn a_record_published_twice_is_found() {
    every_lie_is_found(|shop| {
        let Some(last) = shop.records.last().cloned() else {
            return false;
        };
        shop.records.push(last);
        true
    });
}

#[test]
fn a_record_lost_from_the_middle_is_found() {
    every_lie_is_found(|shop| {
        shop.records.len() > 2 && {
            let lost = shop.records.remove(1);
            // Even where the chain of `from` still closes.
            shop.records[1].from = lost.from;
            true
        }
    });
}

#[test]
fn a_last_record_never_written_is_found() {
    every_lie_is_found(|shop| shop.records.pop().is_some());
}

#[test]
fn a_record_that_repeats_under_a_new_version_is_found() {
    every_lie_is_found(|shop| {
        let Some(mut again) = shop.records.last().cloned() else {
            return false;
        };
        again.version += 1;
        again.from = again.to.clone();
        shop.records.push(again);
        true
    });
}

#[test]
fn an_event_lost_before_the_fold_is_found() {
    every_lie_is_found(|shop| {
        let all = oracle::state(&shop.events, &shop.snapshots);
        let Some(last) = shop.events.pop() else {
            return false;
        };
        let without = oracle::state(&shop.events, &shop.snapshots);
        shop.events.push(last);
        if (all.status, all.received, all.refunded)
            == (without.status, without.received, without.refunded)
        {
            return false;
        }
        shop.records.pop();
        true
    });
}

#[test]
fn a_wrong_cause_amount_version_or_due_is_found() {
    every_lie_is_found(|shop| {
        shop.records
            .last_mut()
            .map(|it| it.event_id.push('x'))
            .is_some()
    });
    every_lie_is_found(|shop| {
        shop.records
            .first_mut()
            .map(|it| it.received += 1)
            .is_some()
    });
    every_lie_is_found(|shop| {
        shop.records
            .first_mut()
            .map(|it| it.version += 40)
            .is_some()
    });
    every_lie_is_found(|shop| {
        shop.records
            .first_mut()
            .map(|it| it.due = Some(-1))
            .is_some()
    });
    every_lie_is_found(|shop| {
        shop.records
            .first_mut()
            .map(|it| it.from = "paid".into())
            .is_some()
    });
}
