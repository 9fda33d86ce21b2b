//! Holds what lies in the topics at one stage of the run against two lists: the generator's, kind
//! by kind, and the oracle's, amount by amount. The two must agree, too.

use std::collections::BTreeMap;

use super::orders::{Order, Stage};
use crate::audit::{self, Fault, events_of, snapshots_of};
use crate::chaos::ChaosFault;
use crate::fixtures::Fixtures;
use crate::gap_log::GapEntry;
use crate::gauges::Gauges;
use crate::oracle::{self, Gap};
use crate::traffic::about;

/// What must be reported at one stage.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) gauges: Gauges,
    by_order: BTreeMap<String, Vec<Gap>>,
    /// Orders of which the generator says one thing and the oracle another.
    pub(super) faults: Vec<Fault>,
}

impl Expected {
    pub(super) fn at(stage: Stage, fixtures: &Fixtures, orders: &[Order]) -> Self {
        let mut expected = Self {
            gauges: Gauges::default(),
            by_order: BTreeMap::new(),
            faults: Vec::new(),
        };
        for order in orders {
            let known = order.known(stage);
            let events = events_of(fixtures, &known);
            let gaps = oracle::gaps(&events, &snapshots_of(&known), true);
            let mut kinds: Vec<&str> = gaps.iter().map(|gap| gap.kind).collect();
            kinds.sort_unstable();
            if kinds != order.kinds(stage) {
                let evidence = format!("{:?} and {kinds:?}", order.kinds(stage));
                let what = format!("generator and oracle disagree {stage}");
                expected.faults.push(about(order.id(), &what, evidence));
            }
            for gap in &gaps {
                expected.gauges.count(gap);
            }
            if !gaps.is_empty() {
                expected.by_order.insert(order.id().to_owned(), gaps);
            }
        }
        expected
    }

    /// Every order whose last gap set says less, more or other than it must.
    pub(super) fn differences(&self, bootstrap: &str) -> Result<Vec<Fault>, ChaosFault> {
        let mut faults = Vec::new();
        let mut told = audit::gaps::sets(bootstrap, "payments.gaps", &mut faults)?;
        for (order, gaps) in &self.by_order {
            let told = told.remove(order).unwrap_or_default();
            faults.extend(audit::gaps::fault(order, gaps, told, true));
        }
        let unexpected = told
            .into_iter()
            .map(|(order, told): (String, Vec<GapEntry>)| {
                let what = "has gaps where nothing is wrong";
                about(&order, what, format!("{told:?}"))
            });
        faults.extend(unexpected);
        Ok(faults)
    }

    /// Open gaps.
    pub(super) fn count(&self) -> i64 {
        self.gauges.entries.values().sum()
    }

    /// Gaps that were open then and are no more.
    pub(super) fn closed_since(&self, before: &Self) -> usize {
        before
            .by_order
            .iter()
            .flat_map(|(order, gaps)| gaps.iter().map(move |gap| (order, gap)))
            .filter(|(order, gap)| {
                let now = self.by_order.get(*order);
                now.is_none_or(|now| !now.contains(gap))
            })
            .count()
    }
}
