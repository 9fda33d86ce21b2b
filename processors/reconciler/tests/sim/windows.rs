//! what the windows must hold when all is quiet, by the inputs and the gaps alone.

use std::collections::BTreeMap;

use trueup_domain::event::UnixMillis;
use trueup_domain::fold::fold_event;
use trueup_domain::gap::{GapKind, GapSet, GapStatus};
use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_domain::view::{PaymentStatus, view};
use trueup_domain::window::{Minute, Stages, Totals};
use trueup_engine::ports::log::{Input, Source};
use trueup_schemas::codec::Codec;
use trueup_schemas::keys;
use trueup_schemas::records::{GapSetRecord, PartitionState, PaymentEvent, ReconcileWindow};

use super::cluster::{Cluster, Topic};
use super::judge::{Verdict, order_of};
use super::shop::eur;

/// Minutes further back are no longer corrected.
const KEPT_MS: i64 = 25 * 3_600_000;

pub type Minutes = BTreeMap<Minute, Totals>;

/// What the topic holds of a partition: its minutes, and its last state record.
pub fn told(cluster: &Cluster, partition: i32) -> (Minutes, Option<PartitionState>) {
    let mut minutes = Minutes::new();
    let mut state = None;
    for record in cluster.visible(Topic::Read(Source::Windows), partition) {
        let key = record.key.as_deref().unwrap();
        if key == keys::state(partition).as_bytes() {
            let value = record.value.as_deref().unwrap();
            state = Some(Codec::SingleObject.decode(value).unwrap());
        }
        let Some((_, start_ms, _)) = keys::read_window(key) else {
            continue;
        };
        minutes.remove(&Minute::of(start_ms));
        if let Some(value) = record.value.as_deref() {
            let told: ReconcileWindow = Codec::SingleObject.decode(value).unwrap();
            let (minute, totals) = told.totals().unwrap();
            minutes.insert(minute, totals);
        }
    }
    (minutes, state)
}

fn stages(succeeded: i64, in_gap: i64) -> Stages {
    Stages {
        succeeded: succeeded.into(),
        reconciled: 0,
        in_gap: in_gap.into(),
    }
}

fn add(minutes: &mut Minutes, at: UnixMillis, counts: Stages, amounts: Stages) {
    let totals = minutes.entry(Minute::of(at)).or_insert(Totals::ZERO);
    totals.counts = totals.counts.plus(counts);
    totals.add_amount(eur(), amounts);
}

/// Count and money of the payments that succeeded.
fn succeeded(ledger: &Ledger) -> (i64, i64) {
    let view = view(ledger);
    let succeeded = view
        .payments
        .iter()
        .filter(|payment| payment.status == PaymentStatus::Succeeded);
    succeeded.fold((0, 0), |(count, money), payment| {
        (count + 1, money + payment.received.get())
    })
}

/// Successes by the receipt of the event that told each, gaps by what the sets say last; also how
/// many orders anything is known of.
fn expected(cluster: &Cluster, partition: i32) -> (Minutes, usize) {
    let mut minutes = Minutes::new();
    let mut ledgers: BTreeMap<OrderId, Ledger> = BTreeMap::new();
    for record in cluster.visible(Topic::Read(Source::Input(Input::Events)), partition) {
        let value = record.value.as_deref().unwrap();
        let told: PaymentEvent = Codec::SingleObject.decode(value).unwrap();
        let ledger = ledgers.entry(order_of(record)).or_default();
        let before = succeeded(ledger);
        fold_event(ledger, &told.event, record.offset).unwrap();
        let after = succeeded(ledger);
        let (count, money) = (after.0 - before.0, after.1 - before.1);
        add(
            &mut minutes,
            told.received_at,
            stages(count, 0),
            stages(money, 0),
        );
    }
    for record in cluster.visible(Topic::Read(Source::Input(Input::Orders)), partition) {
        ledgers.entry(order_of(record)).or_default();
    }
    let mut sets: BTreeMap<Vec<u8>, GapSet> = BTreeMap::new();
    for record in cluster.visible(Topic::Read(Source::Gaps), partition) {
        let told = record.value.as_deref().map(|value| {
            let told: GapSetRecord = Codec::SingleObject.decode(value).unwrap();
            told.gaps
        });
        sets.insert(record.key.clone().unwrap(), told.unwrap_or_default());
    }
    for gap in sets.values().flat_map(|set| &set.gaps) {
        let counted = matches!(
            gap.kind,
            GapKind::PaidNotMarked
                | GapKind::LateSuccess
                | GapKind::OrphanPayment
                | GapKind::CurrencyMismatch
                | GapKind::AmountMismatch
                | GapKind::Unlinked
        );
        if counted && gap.status == GapStatus::Open {
            add(&mut minutes, gap.since, stages(0, 1), stages(0, gap.amount));
        }
    }
    (minutes, ledgers.len())
}

/// The same without what depends on the order in which the two inputs were read.
fn checked(minutes: &Minutes, clock: UnixMillis) -> Minutes {
    let first = Minute::of(clock - KEPT_MS);
    let kept = minutes.range(first..);
    let without = kept.map(|(minute, totals)| {
        let mut without = Totals::ZERO;
        without.counts = Stages {
            reconciled: 0,
            ..totals.counts
        };
        for (currency, amounts) in totals.amounts() {
            let amounts = Stages {
                reconciled: 0,
                ..amounts
            };
            without.add_amount(currency, amounts);
        }
        (*minute, without)
    });
    without.filter(|(_, totals)| !totals.is_zero()).collect()
}

/// when all is quiet, the windows of each partition are what its successes and its gaps say,
/// none is older than is kept, and the number of its orders is right.
pub fn windows_are_right(cluster: &Cluster) -> Verdict {
    for partition in 0..cluster.partitions {
        let (minutes, state) = told(cluster, partition);
        let (expected, orders) = expected(cluster, partition);
        let Some(state) = state else {
            if expected.is_empty() {
                continue;
            }
            return Err(format!("R-8: partition {partition} has no state record"));
        };
        let (told, expected) = (
            checked(&minutes, state.clock),
            checked(&expected, state.clock),
        );
        if told != expected {
            return Err(format!(
                "R-8: the windows of partition {partition} are {told:?}, should be {expected:?}"
            ));
        }
        let first = Minute::of(state.clock - KEPT_MS);
        if let Some((oldest, _)) = minutes.first_key_value()
            && *oldest < first
        {
            return Err(format!(
                "R-8: partition {partition} keeps {oldest:?}, which is before {first:?}"
            ));
        }
        if state.known_orders != u64::try_from(orders).unwrap() {
            return Err(format!(
                "R-8: partition {partition} knows {} orders, should be {orders}",
                state.known_orders
            ));
        }
    }
    Ok(())
}
