//! The open gaps of every order, oldest first, in pages. Refuses nothing: what is beyond its limit
//! is left out, and said once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trueup_domain::gap::{Gap, GapKind, GapStatus};
use trueup_domain::ids::OrderId;

use super::limits;

/// Where one gap stands among all: by age, then by order, so that a page can go on after it even
/// when it has closed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    since: i64,
    order: Arc<str>,
    kind: GapKind,
    /// Tells gaps of one kind and one order apart, which disputes have.
    nth: u16,
}

/// A place as text that clients hand back and do not read.
impl Place {
    pub fn cursor(&self) -> String {
        let kind = self.kind.as_str();
        let text = format!("{}.{kind}.{}.{}", self.since, self.nth, self.order);
        URL_SAFE_NO_PAD.encode(text)
    }

    /// `None` for what [`Place::cursor`] did not make.
    pub fn of_cursor(cursor: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.splitn(4, '.');
        let since = parts.next()?.parse().ok()?;
        let kind = kind(parts.next()?)?;
        let nth = parts.next()?.parse().ok()?;
        let order = OrderId::try_from(parts.next()?).ok()?;
        Some(Self {
            since,
            order: order.as_str().into(),
            kind,
            nth,
        })
    }
}

/// The kind of that name.
fn kind(name: &str) -> Option<GapKind> {
    let mut kinds = GapKind::ALL.iter().copied();
    kinds.find(|kind| kind.as_str() == name)
}

/// What a page shall hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GapQuery {
    /// Every kind, where none is named.
    pub kinds: Vec<GapKind>,
    /// The last gap of the page before.
    pub after: Option<Place>,
    pub limit: usize,
}

/// An open gap and its order.
pub type Listed<'a> = (&'a str, &'a Gap);

#[derive(Debug, Default)]
pub struct OpenGaps {
    by_age: BTreeMap<Place, Gap>,
    of_order: HashMap<Arc<str>, Vec<Place>>,
    /// Whether some had to be left out.
    pub left_out: bool,
}

impl OpenGaps {
    pub fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.by_age.values()
    }

    /// Puts the order's set in the place of what was held of it.
    pub fn set(&mut self, order: &str, gaps: Vec<Gap>) {
        for place in self.of_order.remove(order).unwrap_or_default() {
            self.by_age.remove(&place);
        }
        let open = gaps
            .into_iter()
            .filter(|gap| gap.status == GapStatus::Open)
            .collect::<Vec<_>>();
        if open.is_empty() {
            return;
        }
        if self.by_age.len().saturating_add(open.len()) > limits::MAX_OPEN_GAPS {
            if !self.left_out {
                let limit = limits::MAX_OPEN_GAPS;
                tracing::warn!(limit, "more gaps are open than are kept; some are left out");
            }
            self.left_out = true;
            return;
        }
        let order: Arc<str> = order.into();
        let mut places: Vec<Place> = Vec::with_capacity(open.len());
        for gap in open {
            let alike = places.iter().filter(|place| place.kind == gap.kind).count();
            let place = Place {
                since: gap.since,
                order: Arc::clone(&order),
                kind: gap.kind,
                nth: u16::try_from(alike).unwrap_or(u16::MAX),
            };
            self.by_age.insert(place.clone(), gap);
            places.push(place);
        }
        self.of_order.insert(order, places);
    }

    /// The page that `query` asks for, oldest first, and where the next one begins, if there is
    /// one.
    pub fn page(&self, query: &GapQuery) -> (Vec<Listed<'_>>, Option<Place>) {
        let from = query.after.as_ref();
        let bounds = (
            from.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        let mut asked = self
            .by_age
            .range::<Place, _>(bounds)
            .filter(|(place, _)| query.kinds.is_empty() || query.kinds.contains(&place.kind));
        let page: Vec<(&Place, &Gap)> = asked.by_ref().take(query.limit).collect();
        let next = asked
            .next()
            .and(page.last().map(|(place, _)| (*place).clone()));
        let listed = page.into_iter().map(|(place, gap)| (&*place.order, gap));
        (listed.collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_domain::money::Currency;

    fn gap(kind: GapKind, since: i64, status: GapStatus) -> Gap {
        Gap {
            kind,
            status,
            amount: 1,
            currency: Currency::try_from("eur").unwrap(),
            payment: None,
            since,
            deadline: since,
        }
    }

    const PAID: GapKind = GapKind::PaidNotMarked;
    const DISPUTE: GapKind = GapKind::DisputeOpen;

    fn held() -> OpenGaps {
        let mut held = OpenGaps::default();
        let open = |kind, since| gap(kind, since, GapStatus::Open);
        held.set("b", vec![open(PAID, 20)]);
        held.set(
            "a.1",
            vec![open(PAID, 20), open(DISPUTE, 5), open(DISPUTE, 5)],
        );
        held.set("c", vec![open(DISPUTE, 10)]);
        held.set("d", vec![gap(PAID, 1, GapStatus::Awaiting)]);
        held
    }

    fn told(page: &[Listed<'_>]) -> Vec<(String, i64)> {
        page.iter()
            .map(|(order, gap)| ((*order).to_owned(), gap.since))
            .collect()
    }

    fn all(held: &OpenGaps, kinds: &[GapKind], limit: usize) -> Vec<(String, i64)> {
        let mut query = GapQuery {
            kinds: kinds.to_vec(),
            after: None,
            limit,
        };
        let mut all = Vec::new();
        loop {
            let (page, next) = held.page(&query);
            assert!(page.len() <= limit);
            all.extend(told(&page));
            match next {
                Some(next) => query.after = Some(Place::of_cursor(&next.cursor()).unwrap()),
                None => return all,
            }
        }
    }

    fn expected(of: &[(&str, i64)]) -> Vec<(String, i64)> {
        of.iter()
            .map(|(order, at)| ((*order).to_owned(), *at))
            .collect()
    }

    #[test]
    fn open_gaps_come_oldest_first_and_awaiting_ones_not_at_all_whatever_the_page() {
        let oldest_first = [("a.1", 5), ("a.1", 5), ("c", 10), ("a.1", 20), ("b", 20)];
        for limit in 1..7 {
            assert_eq!(all(&held(), &[], limit), expected(&oldest_first), "{limit}");
        }
    }

    #[test]
    fn kinds_are_told_apart_and_several_may_be_asked_for() {
        let disputes = [("a.1", 5), ("a.1", 5), ("c", 10)];
        assert_eq!(all(&held(), &[DISPUTE], 2), expected(&disputes));
        assert_eq!(all(&held(), &[PAID, DISPUTE], 9).len(), 5);
        assert_eq!(all(&held(), &[GapKind::Unlinked], 9), []);
    }

    #[test]
    fn a_new_set_replaces_the_old_one_and_an_empty_one_closes_it() {
        let mut held = held();
        held.set("a.1", vec![gap(PAID, 30, GapStatus::Open)]);
        assert_eq!(
            all(&held, &[], 9),
            expected(&[("c", 10), ("b", 20), ("a.1", 30)])
        );
        held.set("c", vec![]);
        held.set("b", vec![gap(PAID, 20, GapStatus::Awaiting)]);
        assert_eq!(all(&held, &[], 9), expected(&[("a.1", 30)]));
        assert_eq!(held.iter().count(), 1);
    }

    #[test]
    fn a_page_goes_on_where_the_last_ended_although_that_gap_has_closed() {
        let mut held = held();
        let query = GapQuery {
            limit: 3,
            ..GapQuery::default()
        };
        let (_, next) = held.page(&query);
        held.set("c", vec![]);
        let rest = GapQuery {
            after: next,
            ..query
        };
        let (page, next) = held.page(&rest);
        assert_eq!(
            (told(&page), next),
            (expected(&[("a.1", 20), ("b", 20)]), None)
        );
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for wrong in ["", "x", "MS4", "!!!", "MS5wYWlkX25vdF9tYXJrZWQuMC4"] {
            assert_eq!(Place::of_cursor(wrong), None, "{wrong}");
        }
    }
}
