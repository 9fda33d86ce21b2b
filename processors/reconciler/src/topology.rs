//! The way of a record: open → fold → follow, in one place.
//!
//! ```text
//! payments.events ─ open ─┬─ forged, malformed, misplaced … ──────────→ payments.dead-letters
//!                         └─ fold ─┬─ order full ─────────────────────→ payments.dead-letters
//! orders ────────── open ──────────┤
//!                                  ├─ status or amounts changed ──────→ orders.status
//!                                  └─ gaps changed ───────────────────→ payments.gaps
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use trueup_domain::event::{Event, Snapshot, UnixMillis};
use trueup_domain::fold::{Verdict, fold_event, fold_snapshot};
use trueup_domain::gap::{self, GapSet, Grace, next_gaps};
use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_domain::view::{View, publishes, view};
use trueup_domain::window::{Step, Totals};
use trueup_engine::ports::log::Record;
use trueup_engine::ports::store::Columns;
use trueup_engine::processor::{Folding, Indexed, Opened, OrderState, Processor, Times};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::GapSetRecord;
use trueup_schemas::records::LetterClass;
use trueup_schemas::seal::SigningKeys;

use crate::following;
use crate::opening;
use crate::tally::Tally;
use crate::told::Place;

/// What a record of the inputs tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    Event {
        event: Event,
        received_at: UnixMillis,
    },
    Snapshot(Snapshot),
}

/// Whether the order service's feed is taken in, so that its silence means something.
#[derive(Debug, Clone)]
pub enum OrdersFeed {
    On,
    Off,
    /// Taken in, and on once the topic holds a record. A compacted topic never loses its last, so
    /// it stays on.
    Auto(Arc<AtomicBool>),
}

impl OrdersFeed {
    fn is_on(&self) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Auto(seen) => seen.load(Ordering::Relaxed),
        }
    }

    /// A snapshot was read.
    pub(crate) fn heard(&self) {
        match self {
            Self::On | Self::Off => {}
            Self::Auto(seen) => seen.store(true, Ordering::Relaxed),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Reconciler {
    pub codec: Codec,
    pub keys: SigningKeys,
    /// Full topic names: signatures and dead letters name them.
    pub events_topic: String,
    pub orders_topic: String,
    pub partitions: i32,
    pub grace: Grace,
    pub orders_feed: OrdersFeed,
}

/// What the step adds to the windows, and how long a success waited that is right now.
fn roll(
    folding: &mut Folding<Tally>,
    before: (&View, &GapSet),
    after: (&View, &GapSet),
    Times { at, clock }: Times,
) {
    let step = Step {
        before,
        after,
        at,
        clock,
    };
    if let Some(since) = step.right_since() {
        folding.tally.waited(at.saturating_sub(since));
    }
    for (minute, change) in step.changes() {
        let totals = folding.windows.entry(minute).or_insert(Totals::ZERO);
        totals.add(&change);
    }
}

impl Processor for Reconciler {
    type Fact = Fact;
    type Tally = Tally;

    fn open(&self, record: &Record) -> Opened<Fact> {
        match opening::open(self, record) {
            Ok(Some(opened)) => opened,
            Ok(None) => Opened::Nothing,
            Err(refused) => Opened::Refused(following::dead_letter(self, record, &refused)),
        }
    }

    fn fold(
        &self,
        order: &OrderId,
        state: &mut OrderState,
        fact: &Fact,
        record: &Record,
        times: Times,
        folding: &mut Folding<Tally>,
    ) -> Option<Indexed> {
        let place = Place::of(record);
        let before = view(&state.ledger);
        let verdict = match fact {
            Fact::Event { event, .. } => fold_event(&mut state.ledger, event, record.offset),
            Fact::Snapshot(snapshot) => Ok(fold_snapshot(&mut state.ledger, snapshot)),
        };
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(full) => {
                let refused = opening::Refused::new(LetterClass::OrderFull, full.to_string());
                folding
                    .outputs
                    .push(following::dead_letter(self, record, &refused));
                folding.tally.refused(fact);
                if let Fact::Event { event, .. } = fact {
                    let gaps_before = std::mem::take(&mut state.gaps);
                    state.gaps = gap::refused(&gaps_before, &event.facts, times, self.grace);
                    folding
                        .tally
                        .moved((&before, &gaps_before), (&before, &state.gaps));
                }
                return None;
            }
        };
        folding.tally.folded(order, fact, verdict);
        if let (Some(place), Fact::Event { event, .. }) = (place, fact) {
            let read = (self.events_topic.as_str(), record);
            let spans = &mut folding.tally.spans;
            spans.folded(place, read, order, event, verdict);
        }
        if verdict == Verdict::Duplicate {
            return None;
        }
        let after = view(&state.ledger);
        let gaps_before = std::mem::take(&mut state.gaps);
        state.gaps = next_gaps(
            &state.ledger,
            &after,
            &gaps_before,
            times,
            self.grace,
            self.orders_feed.is_on(),
        );
        folding
            .tally
            .moved((&before, &gaps_before), (&after, &state.gaps));
        roll(
            folding,
            (&before, &gaps_before),
            (&after, &state.gaps),
            times,
        );
        let spans = &mut folding.tally.spans;
        spans.opened(order, (&gaps_before, &state.gaps), place);
        let place = place.filter(|_| publishes(&before, &after));
        let publishing = place.map(Place::publishing);
        if let (Some(place), Fact::Event { event, .. }) = (publishing, fact) {
            let step = (before.status.as_str(), after.status.as_str());
            spans.published(place, order, event, step);
        }
        folding.outputs.extend(following::status_change(
            self,
            order,
            &state.ledger,
            (&before, &after),
            fact,
            record,
            publishing,
        ));
        match fact {
            Fact::Event { event, received_at } if verdict == Verdict::Fresh => Some(Indexed {
                event_id: event.id.clone(),
                created: event.created,
                received_at: *received_at,
            }),
            Fact::Event { .. } | Fact::Snapshot(_) => None,
        }
    }

    fn refold(&self, ledger: &mut Ledger, fact: &Fact, record: &Record) -> Option<Indexed> {
        match fact {
            // A full order refused it the first time too, and the letter is written.
            Fact::Event { event, received_at } => {
                let _ = fold_event(ledger, event, record.offset);
                let first = ledger
                    .events
                    .iter()
                    .any(|seen| seen.id == event.id && seen.offset == record.offset);
                first.then(|| Indexed {
                    event_id: event.id.clone(),
                    created: event.created,
                    received_at: *received_at,
                })
            }
            Fact::Snapshot(snapshot) => {
                fold_snapshot(ledger, snapshot);
                None
            }
        }
    }

    fn tick(
        &self,
        order: &OrderId,
        state: &mut OrderState,
        clock: UnixMillis,
        folding: &mut Folding<Tally>,
    ) {
        let now = view(&state.ledger);
        let before = std::mem::take(&mut state.gaps);
        let times = Times { at: clock, clock };
        let is_fed = self.orders_feed.is_on();
        state.gaps = next_gaps(&state.ledger, &now, &before, times, self.grace, is_fed);
        folding.tally.moved((&now, &before), (&now, &state.gaps));
        let spans = &mut folding.tally.spans;
        spans.opened(order, (&before, &state.gaps), None);
        roll(folding, (&now, &before), (&now, &state.gaps), times);
    }

    fn gaps(&self, order: &OrderId, state: &OrderState) -> Option<Vec<u8>> {
        if state.gaps.is_empty() {
            return None;
        }
        Some(self.codec.encode(&GapSetRecord {
            order_id: order.clone(),
            version: state.ledger.version(),
            gaps: state.gaps.clone(),
        }))
    }

    fn restore_gaps(&self, record: &Record) -> Result<(OrderId, Option<GapSet>), String> {
        let at = record.offset;
        let key = record
            .key
            .as_deref()
            .and_then(|key| std::str::from_utf8(key).ok());
        let order = key
            .and_then(|key| OrderId::try_from(key).ok())
            .ok_or_else(|| format!("gaps record at offset {at} has no order id for a key"))?;
        let Some(value) = record.value.as_deref() else {
            return Ok((order, None));
        };
        let told: GapSetRecord = self
            .codec
            .decode(value)
            .map_err(|fault| format!("gaps record at offset {at} cannot be read: {fault}"))?;
        Ok((order, Some(told.gaps)))
    }

    fn columns(&self, ledger: &Ledger) -> Columns {
        following::columns(ledger)
    }

    fn committed(&self, tally: &Tally, wall_ms: UnixMillis, took_ms: u64) {
        tally.spans.tell(wall_ms, took_ms);
        tally.count(wall_ms);
    }
}
