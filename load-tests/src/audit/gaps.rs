//! The gap sets that lie in `payments.gaps`, against what the oracle finds wrong with each order.

use std::collections::BTreeMap;

use super::{AuditFault, Fault, READ};
use crate::gap_log::{GapEntry, GapReader};
use crate::{kafka, oracle};

/// What each order's last gap set says, by order; what cannot be read is a fault.
pub(crate) fn sets(
    bootstrap: &str,
    topic: &str,
    faults: &mut Vec<Fault>,
) -> Result<BTreeMap<String, Vec<GapEntry>>, AuditFault> {
    let reader = GapReader::new()?;
    let mut sets: BTreeMap<String, Vec<GapEntry>> = BTreeMap::new();
    kafka::read(bootstrap, topic, READ, |record| {
        let key = String::from_utf8_lossy(&record.key).into_owned();
        match reader.decode(&record) {
            Ok(gaps) if gaps.is_empty() => {
                sets.remove(&key);
            }
            Ok(gaps) => {
                sets.insert(key, gaps);
            }
            Err(fault) => faults.push(Fault {
                subject: key,
                what: "a gap set that cannot be read".to_owned(),
                evidence: fault.to_string(),
            }),
        }
    })?;
    Ok(sets)
}

/// Whether an order's set differs from what the oracle finds, all of it open once graces are over.
pub(crate) fn fault(
    order_id: &str,
    gaps: &[oracle::Gap],
    mut told: Vec<GapEntry>,
    is_over: bool,
) -> Option<Fault> {
    if !is_over {
        for entry in &mut told {
            entry.is_open = true;
        }
    }
    let mut expected: Vec<GapEntry> = gaps
        .iter()
        .map(|gap| GapEntry {
            kind: gap.kind.to_owned(),
            payment_intent: gap.payment_intent.clone(),
            amount: gap.amount,
            currency: gap.currency.clone(),
            unpaid: gap.unpaid,
            is_open: true,
        })
        .collect();
    expected.sort();
    told.sort();
    (expected != told).then(|| Fault {
        subject: order_id.to_owned(),
        what: "the last gap set is not what the oracle says".to_owned(),
        evidence: format!("oracle: {expected:?}\nfound: {told:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_says_less_more_or_other_than_the_oracle_is_a_fault() {
        let gap = oracle::Gap {
            kind: "late_success",
            amount: 5,
            currency: "eur".to_owned(),
            payment_intent: None,
            unpaid: true,
        };
        let entry = GapEntry {
            kind: "late_success".to_owned(),
            payment_intent: None,
            amount: 5,
            currency: "eur".to_owned(),
            unpaid: true,
            is_open: true,
        };
        let gaps = [gap];
        assert_eq!(fault("o", &gaps, vec![entry.clone()], true), None);
        assert_eq!(fault("o", &[], Vec::new(), true), None);
        let awaiting = GapEntry {
            is_open: false,
            ..entry.clone()
        };
        assert_eq!(fault("o", &gaps, vec![awaiting], false), None);
        let lies = [
            vec![],
            vec![entry.clone(), entry.clone()],
            vec![GapEntry {
                is_open: false,
                ..entry.clone()
            }],
            vec![GapEntry { amount: 6, ..entry }],
        ];
        for lie in lies {
            assert!(fault("o", &gaps, lie.clone(), true).is_some(), "{lie:?}");
        }
    }
}
