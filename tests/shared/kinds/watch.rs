//! What a consumer of `payments.gaps` and a scraper of `/metrics` see, and whether they agree.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use trueup_domain::gap::{Gap, GapKind, GapSet, GapStatus};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::GapSetRecord;
use trueup_testkit::{partition_count, wait_until};

use super::table::Expected;
use crate::shared::{LIMIT, Site};

pub(crate) struct Watch {
    ops: String,
    consumer: BaseConsumer,
    /// Each order's last set; none after a tombstone.
    sets: BTreeMap<String, GapSet>,
    /// Gaps that were open before their grace was over, by the log's own time.
    pub(crate) early: Vec<String>,
}

/// What the gauges show, or what they should: in all, by kind, and minor units by currency.
#[derive(Debug, Default, PartialEq, Eq)]
struct Gauges {
    reconcile_gap: i64,
    entries: BTreeMap<String, i64>,
    amounts: BTreeMap<String, i64>,
}

impl Watch {
    pub(crate) fn of(site: &impl Site) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", site.kafka())
            .set("group.id", "watch")
            .set("isolation.level", "read_committed")
            .create()
            .unwrap();
        let mut places = TopicPartitionList::new();
        let topic = format!("{}payments.gaps", site.prefix());
        for partition in 0..partition_count(&site.kafka(), &topic) {
            places
                .add_partition_offset(&topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&places).unwrap();
        Self {
            ops: site.ops(),
            consumer,
            sets: BTreeMap::new(),
            early: Vec::new(),
        }
    }

    /// Takes what is new in the topic.
    fn follow(&mut self) {
        while let Some(message) = self.consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            let order = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
            let Some(value) = message.payload() else {
                self.sets.remove(&order);
                continue;
            };
            let told: GapSetRecord = Codec::SingleObject.decode(value).unwrap();
            let at = message.timestamp().to_millis().unwrap();
            for gap in told.gaps.open().filter(|gap| gap.deadline > at) {
                self.early.push(format!("{order} at {at}: {gap:?}"));
            }
            self.sets.insert(order, told.gaps);
        }
    }

    /// Every gap of the topic, open or not.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = (&str, &Gap)> {
        let all = self.sets.iter();
        all.flat_map(|(order, set)| set.gaps.iter().map(move |gap| (order.as_str(), gap)))
    }

    /// Waits until the topic holds exactly these gaps, all of them open.
    pub(crate) fn becomes(&mut self, expected: &[Expected]) {
        let mut expected = expected.to_vec();
        expected.sort();
        let found = wait_until(LIMIT, || {
            self.follow();
            let mut gaps: Vec<Expected> = self.gaps().map(as_told).collect();
            gaps.sort();
            let open = self.gaps().all(|(_, gap)| gap.status == GapStatus::Open);
            (open && gaps == expected).then_some(())
        });
        let missing = || {
            let gaps: Vec<Expected> = self.gaps().map(as_told).collect();
            let only = |one: &[Expected], two: &[Expected]| {
                let only = one.iter().filter(|gap| !two.contains(gap));
                only.cloned().collect::<Vec<Expected>>()
            };
            let (lack, more) = (only(&expected, &gaps), only(&gaps, &expected));
            format!("missing {lack:#?}\nunexpected {more:#?}")
        };
        assert!(found.is_some(), "{}", missing());
        self.gauges_agree();
    }

    /// Waits until the first gap is there, and says how it is.
    pub(crate) fn first(&mut self) -> Gap {
        let found = wait_until(LIMIT, || {
            self.follow();
            self.gaps().next().map(|(_, gap)| gap.clone())
        });
        found.expect("there is no gap")
    }

    /// The gauges show the topic's open entries.
    fn gauges_agree(&self) {
        let mut expected = Gauges::default();
        for kind in GapKind::ALL {
            expected.entries.insert(kind.as_str().to_owned(), 0);
        }
        for (_, gap) in self.gaps() {
            expected.reconcile_gap += i64::from(gap.unpaid);
            *expected.entries.get_mut(gap.kind.as_str()).unwrap() += 1;
            *expected
                .amounts
                .entry(gap.currency.to_string())
                .or_default() += gap.amount;
        }
        expected.amounts.retain(|_, amount| *amount != 0);
        // The gauges move once the transaction is known committed, which readers may know before.
        let agree = wait_until(LIMIT, || (self.gauges() == expected).then_some(()));
        assert!(
            agree.is_some(),
            "{:?}\nshould be {expected:?}",
            self.gauges()
        );
    }

    fn gauges(&self) -> Gauges {
        let url = format!("http://{}/metrics", self.ops);
        let page = ureq::get(&url).call().unwrap();
        let page = page.into_body().read_to_string().unwrap();
        let mut gauges = Gauges::default();
        for line in page
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            let (series, number) = line.rsplit_once(' ').unwrap();
            // Whole numbers all of them.
            let number = || number.split('.').next().unwrap().parse().unwrap();
            let (name, label) = series.split_once('{').unwrap_or((series, ""));
            let label = label.split('"').nth(1).unwrap_or_default().to_owned();
            match name {
                "payments_reconcile_gap" => gauges.reconcile_gap = number(),
                "payments_gap_entries" => {
                    gauges.entries.insert(label, number());
                }
                "payments_gap_amount_minor_units" if number() != 0 => {
                    gauges.amounts.insert(label, number());
                }
                _ => {}
            }
        }
        gauges
    }
}

fn as_told((order, gap): (&str, &Gap)) -> Expected {
    Expected {
        order: order.to_owned(),
        kind: gap.kind.as_str().to_owned(),
        amount: gap.amount,
        currency: gap.currency.to_string(),
        payment: gap.payment.as_ref().map(ToString::to_string),
        unpaid: gap.unpaid,
    }
}
