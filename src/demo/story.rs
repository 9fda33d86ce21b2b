//! What the demo says of each thing it hears, and what the shop's order service does about it.
//!
//! Knows no client and no clock: news in, words and snapshots out.

use std::collections::{BTreeMap, BTreeSet};

use trueup_domain::event::SnapshotStatus;
use trueup_domain::gap::{Gap, GapKind, GapStatus};
use trueup_domain::status::OrderStatus;

use super::day::{Order, Service};

/// Something that the topics told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Status {
        order_id: String,
        to: OrderStatus,
        received: i64,
        refunded: i64,
    },
    /// The order's whole set; empty when all of them are gone.
    Gaps { order_id: String, gaps: Vec<Gap> },
}

/// What the order service writes, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub order_id: String,
    pub amount: i64,
    pub status: SnapshotStatus,
    pub version: i64,
    pub late: bool,
}

/// What follows from one piece of news.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Follows {
    pub say: Vec<String>,
    pub mark: Option<Mark>,
}

#[derive(Debug)]
struct Told {
    order: Order,
    status: OrderStatus,
    /// Of the latest snapshot that the service wrote.
    version: i64,
    /// Kinds of the gaps that are open, and of all that ever were.
    open: BTreeSet<GapKind>,
    opened: BTreeSet<GapKind>,
}

impl Told {
    /// Whether nothing more is to come.
    fn is_over(&self) -> bool {
        let marked = match self.order.service {
            Service::Marks | Service::Forgets => true,
            Service::MarksLate => self.opened.contains(&GapKind::PaidNotMarked),
        };
        marked && self.open.iter().eq(self.order.gaps) && self.status == self.order.last
    }

    fn mark(&mut self, status: SnapshotStatus, late: bool) -> Mark {
        self.version += 1;
        Mark {
            order_id: self.order.id.clone(),
            amount: self.order.amount,
            status,
            version: self.version,
            late,
        }
    }
}

#[derive(Debug)]
pub struct Story {
    orders: BTreeMap<String, Told>,
}

impl Story {
    /// All orders are known to the shop, and nothing is paid.
    pub fn new(orders: Vec<Order>) -> Self {
        let told = orders.into_iter().map(|order| {
            let told = Told {
                order,
                status: OrderStatus::Pending,
                version: 0,
                open: BTreeSet::new(),
                opened: BTreeSet::new(),
            };
            (told.order.id.clone(), told)
        });
        Self {
            orders: told.collect(),
        }
    }

    /// What the order service has written before anybody pays.
    pub fn begin(&mut self) -> Vec<Mark> {
        let all = self.orders.values_mut();
        all.map(|told| told.mark(SnapshotStatus::Pending, false))
            .collect()
    }

    pub fn hear(&mut self, news: &News) -> Follows {
        match news {
            News::Status {
                order_id,
                to,
                received,
                refunded,
            } => match self.orders.get_mut(order_id) {
                Some(told) => status(told, *to, *received, *refunded),
                None => Follows::default(),
            },
            News::Gaps { order_id, gaps } => match self.orders.get_mut(order_id) {
                Some(told) => gap(told, gaps),
                None => Follows::default(),
            },
        }
    }

    /// Whether the day is told to its end.
    pub fn is_over(&self) -> bool {
        self.orders.values().all(Told::is_over)
    }

    /// What is still missing.
    pub fn missing(&self) -> Vec<&str> {
        let waiting = self.orders.values().filter(|told| !told.is_over());
        waiting.map(|told| told.order.id.as_str()).collect()
    }

    /// The orders that have an open gap.
    pub fn open(&self) -> Vec<&str> {
        let open = self.orders.values().filter(|told| !told.open.is_empty());
        open.map(|told| told.order.id.as_str()).collect()
    }
}

fn status(told: &mut Told, to: OrderStatus, received: i64, refunded: i64) -> Follows {
    let before = std::mem::replace(&mut told.status, to);
    let amounts = match (refunded, received > told.order.amount) {
        (0, false) => money(received),
        (0, true) => format!(
            "{} for an order of {}",
            money(received),
            money(told.order.amount)
        ),
        (refunded, _) => format!("{} of {} went back", money(refunded), money(received)),
    };
    let mut follows = Follows::default();
    follows
        .say
        .push(line(&told.order.id, to.as_str(), &amounts));
    let marks = told.order.service == Service::Marks;
    let status = match to {
        OrderStatus::Paid if before != OrderStatus::Paid => Some(SnapshotStatus::Paid),
        OrderStatus::Refunded => Some(SnapshotStatus::Refunded),
        OrderStatus::Canceled => Some(SnapshotStatus::Canceled),
        _ => None,
    };
    follows.mark = status
        .filter(|_| marks)
        .map(|status| told.mark(status, false));
    follows
}

fn gap(told: &mut Told, gaps: &[Gap]) -> Follows {
    let mut follows = Follows::default();
    let open = || gaps.iter().filter(|gap| gap.status == GapStatus::Open);
    let kinds: BTreeSet<GapKind> = open().map(|gap| gap.kind).collect();
    let before = std::mem::replace(&mut told.open, kinds);
    for gap in open().filter(|gap| !before.contains(&gap.kind)) {
        told.opened.insert(gap.kind);
        let what = format!("{} of {}", gap.kind.as_str(), money(gap.amount));
        follows.say.push(line(&told.order.id, "GAP OPENS", &what));
        if gap.kind == GapKind::PaidNotMarked && told.order.service == Service::MarksLate {
            follows.mark = Some(told.mark(SnapshotStatus::Paid, true));
        }
    }
    for kind in before.difference(&told.open) {
        follows
            .say
            .push(line(&told.order.id, "gap closes", kind.as_str()));
    }
    follows
}

fn line(order: &str, what: &str, more: &str) -> String {
    format!("{order:<14} {what:<18} {more}")
}

/// Minor units of the shop's currency, which has a hundred of them.
fn money(units: i64) -> String {
    let currency = super::objects::CURRENCY;
    format!("{}.{:02} {currency}", units / 100, units % 100)
}

#[cfg(test)]
mod tests {
    use trueup_domain::money::Currency;

    use super::*;

    fn story(service: Service) -> Story {
        let mut story = Story::new(vec![Order {
            id: "mug-1".to_owned(),
            amount: 1_990,
            service,
            last: OrderStatus::Paid,
            gaps: match service {
                Service::Marks | Service::MarksLate => &[],
                Service::Forgets => &[GapKind::PaidNotMarked],
            },
        }]);
        assert_eq!(story.begin()[0].version, 1);
        story
    }

    fn paid() -> News {
        News::Status {
            order_id: "mug-1".to_owned(),
            to: OrderStatus::Paid,
            received: 1_990,
            refunded: 0,
        }
    }

    fn gaps(status: &[GapStatus]) -> News {
        let gap = |status: &GapStatus| Gap {
            kind: GapKind::PaidNotMarked,
            status: *status,
            amount: 1_990,
            currency: Currency::try_from("eur").unwrap(),
            payment: None,
            unpaid: true,
            since: 0,
            deadline: 1,
        };
        News::Gaps {
            order_id: "mug-1".to_owned(),
            gaps: status.iter().map(gap).collect(),
        }
    }

    #[test]
    fn a_paid_order_is_told_and_marked_once() {
        let mut story = story(Service::Marks);
        let follows = story.hear(&paid());
        assert!(follows.say[0].contains("paid") && follows.say[0].contains("19.90 eur"));
        assert_eq!(follows.mark.unwrap().version, 2);
        assert!(story.is_over());
        assert_eq!(story.hear(&paid()).mark, None);
    }

    #[test]
    fn a_late_mark_follows_the_gap_and_ends_it() {
        let mut story = story(Service::MarksLate);
        assert_eq!(story.hear(&paid()).mark, None);
        assert_eq!(
            story.hear(&gaps(&[GapStatus::Awaiting])),
            Follows::default()
        );
        let opens = story.hear(&gaps(&[GapStatus::Open]));
        assert!(opens.say[0].contains("GAP OPENS") && opens.mark.unwrap().late);
        assert!(!story.is_over());
        assert!(story.hear(&gaps(&[])).say[0].contains("gap closes"));
        assert!(story.is_over() && story.open().is_empty());
    }

    #[test]
    fn a_forgotten_order_ends_with_its_gap_open() {
        let mut story = story(Service::Forgets);
        story.hear(&paid());
        assert_eq!(story.missing(), ["mug-1"]);
        assert_eq!(story.hear(&gaps(&[GapStatus::Open])).mark, None);
        assert!(story.is_over());
        assert_eq!(story.open(), ["mug-1"]);
    }

    #[test]
    fn other_orders_are_none_of_its_business() {
        let mut story = story(Service::Marks);
        let other = News::Gaps {
            order_id: "else".to_owned(),
            gaps: Vec::new(),
        };
        assert_eq!(story.hear(&other), Follows::default());
    }
}
