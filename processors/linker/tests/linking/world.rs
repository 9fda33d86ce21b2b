//! A shop with one order whose payment `pi_1` has the charge `ch_1`, and a linker over a store in
//! memory. Links that the linker teaches come back to it, as they do by the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use trueup_domain::event::{
    ChargeFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts, PaymentFacts, RefundFacts,
    RefundStatus,
};
use trueup_domain::ids::{EventId, ObjectId, OrderId};
use trueup_domain::money::{Currency, MinorUnits};
use trueup_engine::ports::links::{LinkChange, LinkItem, LinkStore};
use trueup_engine::ports::store::{StoreFault, StoreFaultKind};
use trueup_linker::batch::{judge, settle};
use trueup_linker::machine::{Full, Said, Told};
use trueup_linker::row::Parked;
use trueup_schemas::records::{PaymentEvent, Source};

pub(crate) fn object(id: &str) -> ObjectId {
    ObjectId::try_from(id).unwrap()
}

pub(crate) fn order(id: &str) -> OrderId {
    OrderId::try_from(id).unwrap()
}

fn eur() -> Currency {
    Currency::try_from("eur").unwrap()
}

fn amount() -> MinorUnits {
    MinorUnits::try_from(500).unwrap()
}

/// `refund` and `dispute` know the charge alone, `refund+` the payment too.
pub(crate) fn event(name: &str, id: &str) -> Told {
    let charge = Some(object("ch_1"));
    let payment = Some(object("pi_1"));
    let (kind, key, facts) = match name {
        "payment" => {
            let facts = PaymentFacts {
                id: object("pi_1"),
                amount: amount(),
                amount_received: amount(),
                currency: eur(),
            };
            let kind = EventType::PaymentIntentSucceeded;
            (kind, "pi_1", Facts::Payment(facts))
        }
        "charge" => {
            let facts = ChargeFacts {
                id: object("ch_1"),
                payment,
                amount: amount(),
                amount_captured: amount(),
                amount_refunded: amount(),
                currency: eur(),
                captured: true,
            };
            (EventType::ChargeSucceeded, "pi_1", Facts::Charge(facts))
        }
        "refund" | "refund+" => {
            let payment = payment.filter(|_| name == "refund+");
            let key = if payment.is_some() { "pi_1" } else { "ch_1" };
            let facts = RefundFacts {
                id: object("re_1"),
                charge,
                payment,
                amount: amount(),
                currency: eur(),
                status: RefundStatus::Succeeded,
            };
            (EventType::RefundCreated, key, Facts::Refund(facts))
        }
        "dispute" => {
            let facts = DisputeFacts {
                id: object("dp_1"),
                charge,
                payment: None,
                amount: amount(),
                currency: eur(),
                status: DisputeStatus::NeedsResponse,
            };
            (EventType::DisputeCreated, "ch_1", Facts::Dispute(facts))
        }
        other => panic!("no event `{other}`"),
    };
    Told::Event(Box::new(Parked {
        key: object(key),
        event: PaymentEvent {
            event: Event {
                id: EventId::try_from(id).unwrap(),
                kind,
                created: 1_700_000_000,
                livemode: None,
                facts,
            },
            account: None,
            source: Source::Webhook,
            received_at: 1_700_000_000_000,
            body_sha256: [7; 32],
        },
        trace: None,
    }))
}

pub(crate) fn link(object_id: &str, order_id: &str, at: i64) -> Told {
    Told::Link {
        object: object(object_id),
        order: order(order_id),
        at,
    }
}

pub(crate) fn overdue(told: Told) -> Told {
    match told {
        Told::Event(parked) => Told::Overdue(parked),
        other => panic!("{other:?} does not age"),
    }
}

type Items = BTreeMap<(String, String), Vec<u8>>;
type Hook = Box<dyn FnMut() + Send>;

/// Clones share what is stored.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    items: Arc<Mutex<Items>>,
    /// Calls until one fails; then the process is as good as dead.
    pub(crate) dies_at: Option<usize>,
    calls: usize,
    hook: Arc<Mutex<Option<(usize, Hook)>>>,
}

impl Memory {
    /// Runs `hook` before the store's call `place`.
    pub(crate) fn before(&mut self, place: usize, hook: impl FnMut() + Send + 'static) {
        self.hook = Arc::new(Mutex::new(Some((place, Box::new(hook)))));
    }

    /// Another process over the same store.
    pub(crate) fn beside(&self) -> Self {
        Self {
            items: Arc::clone(&self.items),
            ..Self::default()
        }
    }

    pub(crate) fn items_of(&self, object: &str) -> usize {
        let items = self.items.lock().unwrap();
        items.keys().filter(|(known, _)| known == object).count()
    }

    fn call(&mut self) -> Result<(), StoreFault> {
        let place = self.calls;
        self.calls += 1;
        let due = self.hook.lock().unwrap().take_if(|(due, _)| *due == place);
        if let Some((_, mut hook)) = due {
            hook();
        }
        if self.dies_at.is_some_and(|dies_at| place >= dies_at) {
            return Err(StoreFault {
                operation: "answer",
                kind: StoreFaultKind::Away,
                reason: "killed".into(),
            });
        }
        Ok(())
    }
}

impl LinkStore for Memory {
    fn load_links(&mut self, objects: &[ObjectId]) -> Result<Vec<Vec<LinkItem>>, StoreFault> {
        self.call()?;
        let items = self.items.lock().unwrap();
        let of = |object: &ObjectId| {
            items
                .iter()
                .filter(|((known, _), _)| known == object.as_str())
                .map(|((_, item), value)| (item.clone(), value.clone()))
                .collect()
        };
        Ok(objects.iter().map(of).collect())
    }

    fn write_links(&mut self, changes: &[LinkChange]) -> Result<(), StoreFault> {
        self.call()?;
        let mut items = self.items.lock().unwrap();
        for change in changes {
            match change.clone() {
                LinkChange::Put {
                    object,
                    item,
                    value,
                } => {
                    items.insert((object.to_string(), item), value);
                }
                LinkChange::Remove { object, item } => {
                    items.remove(&(object.to_string(), item));
                }
            }
        }
        Ok(())
    }
}

/// Everything that was said, as words; a set, as the ledger makes of it.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) store: Memory,
    pub(crate) said: Arc<Mutex<BTreeSet<String>>>,
    pub(crate) refused: Vec<Full>,
}

impl World {
    /// One batch, and what it teaches as batches after it. False when the store died: what was
    /// not committed is to come again.
    pub(crate) fn takes(&mut self, batch: &[Told]) -> bool {
        let mut waiting = vec![batch.to_vec()];
        while let Some(batch) = waiting.pop() {
            let Ok(judged) = judge(&mut self.store, &batch) else {
                return false;
            };
            self.refused
                .extend(judged.refused.into_iter().map(|(_, full)| full));
            let mut taught = Vec::new();
            for said in &judged.said {
                self.said.lock().unwrap().insert(words(said));
                if let Said::Teach {
                    object, order, at, ..
                } = said
                {
                    let (object, order, at) = (object.clone(), order.clone(), *at);
                    taught.push(Told::Link { object, order, at });
                }
            }
            if !taught.is_empty() {
                waiting.push(taught);
            }
            if settle(&mut self.store, &judged.then).is_err() {
                return false;
            }
        }
        true
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().iter().cloned().collect()
    }
}

pub(crate) fn words(said: &Said) -> String {
    match said {
        Said::Forward { order, parked } => format!("{} to {order}", parked.event.event.id),
        Said::Teach { object, order, .. } => format!("link {object} to {order}"),
        Said::Unlinked { object, .. } => format!("{object} unlinked"),
        Said::Linked { object, .. } => format!("{object} linked"),
        Said::ClaimedTwice {
            order,
            other,
            payment,
            ..
        } => format!("{payment} twice, {order} hears of {other}"),
    }
}
