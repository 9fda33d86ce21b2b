//! What the gap gauges show, or by the oracle must show.

use std::collections::BTreeMap;
use std::fmt;

use crate::oracle::Gap;
use crate::scrape;

/// Open gaps. Kinds of which there is none are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
    /// `payments_reconcile_gap`: money came in and the order is not paid.
    pub reconcile_gap: i64,
    /// `payments_gap_entries` by kind.
    pub entries: BTreeMap<String, i64>,
}

impl Gauges {
    /// The gauges that a page of metrics shows; `None` if it shows none.
    #[must_use]
    pub fn read(page: &str) -> Option<Self> {
        let reconcile_gap = whole(scrape::sum(page, "payments_reconcile_gap")?)?;
        let shown = scrape::by_label(page, "payments_gap_entries", "kind");
        let mut entries = BTreeMap::new();
        for (kind, count) in shown {
            let count = whole(count)?;
            if count != 0 {
                entries.insert(kind, count);
            }
        }
        Some(Self {
            reconcile_gap,
            entries,
        })
    }

    pub fn count(&mut self, gap: &Gap) {
        self.reconcile_gap += i64::from(gap.unpaid);
        *self.entries.entry(gap.kind.to_owned()).or_insert(0) += 1;
    }

    /// Of several processes.
    pub fn add(&mut self, other: &Self) {
        self.reconcile_gap += other.reconcile_gap;
        for (kind, count) in &other.entries {
            *self.entries.entry(kind.clone()).or_insert(0) += count;
        }
    }
}

impl fmt::Display for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} unpaid", self.reconcile_gap)?;
        for (kind, count) in &self.entries {
            write!(f, ", {kind} {count}")?;
        }
        Ok(())
    }
}

/// A gauge of whole entries, so nothing is lost by reading it as text again.
fn whole(number: f64) -> Option<i64> {
    format!("{number:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gauges_of_a_page_are_those_of_its_kinds_that_have_any() {
        let page = "payments_reconcile_gap 2\npayments_gap_entries{kind=\"unlinked\"} 0\n\
                    payments_gap_entries{kind=\"late_success\"} 2\n";
        let mut gauges = Gauges::read(page).unwrap();
        assert_eq!(gauges.to_string(), "2 unpaid, late_success 2");
        gauges.add(&gauges.clone());
        assert_eq!(gauges.to_string(), "4 unpaid, late_success 4");
        assert_eq!(Gauges::read("a 1\n"), None);
    }
}
