//! Reads the table of kinds: its own words become Stripe's events and the shop's snapshots, under
//! ids that no other case has.

use serde_json::{Value, json};

pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) order: String,
    pub(crate) other: String,
    pub(crate) posted: Vec<Post>,
    pub(crate) opens: Vec<Expected>,
    /// `None` where nothing ever closes it.
    pub(crate) closed_by: Option<Vec<Post>>,
}

/// One thing to post.
pub(crate) enum Post {
    Event(Value),
    Snapshot { order: String, body: Value },
}

/// An open gap as the table has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) order: String,
    pub(crate) kind: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) payment: Option<String>,
    pub(crate) unpaid: bool,
}

/// The cases of a table, told at `now_s`.
pub(crate) fn read(text: &str, now_s: i64) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix("== ") {
            let number = cases.len();
            cases.push(Case {
                title: title.to_owned(),
                order: format!("order{number}"),
                other: format!("other{number}"),
                posted: Vec::new(),
                opens: Vec::new(),
                closed_by: None,
            });
            continue;
        }
        let Some((what, told)) = line.split_once('|') else {
            assert_eq!(line, "", "neither a title nor a line of two cells");
            continue;
        };
        let case = cases.last_mut().unwrap();
        let posts = |case: &Case| -> Vec<Post> {
            let lines = told.split(';').map(|line| Line::of(case, line, now_s));
            lines.flat_map(Line::posts).collect()
        };
        match (what.trim(), told.trim()) {
            ("posted", _) => case.posted = posts(case),
            ("opens as", _) => {
                case.opens = told.split(';').map(|gap| expected(case, gap)).collect();
            }
            ("closed by", "never") => {}
            ("closed by", _) => case.closed_by = Some(posts(case)),
            (other, _) => panic!("no cell `{other}`"),
        }
    }
    cases
}

fn expected(case: &Case, text: &str) -> Expected {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (whose, words) = match words.as_slice() {
        [first, rest @ ..] if first.ends_with(':') => (*first, rest),
        all => ("", all),
    };
    let [kind, amount, currency, payment, unpaid @ ..] = words else {
        panic!("no gap: {text}");
    };
    let payment = (*payment != "-").then(|| own_id(case, payment));
    Expected {
        order: match whose {
            "" => case.order.clone(),
            "other:" => case.other.clone(),
            "alone:" => format!("pi:{}", payment.as_deref().unwrap()),
            whose => panic!("whose is {whose}"),
        },
        kind: (*kind).to_owned(),
        amount: amount.parse().unwrap(),
        currency: (*currency).to_owned(),
        payment,
        unpaid: match unpaid {
            [] => false,
            ["unpaid"] => true,
            more => panic!("what is {more:?}"),
        },
    }
}

/// Ids of this case alone.
fn own_id(case: &Case, id: &str) -> String {
    format!("{id}{}", case.order)
}

struct Line<'a> {
    case: &'a Case,
    words: Vec<&'a str>,
    pairs: Vec<(&'a str, &'a str)>,
    now_s: i64,
}

impl<'a> Line<'a> {
    fn of(case: &'a Case, line: &'a str, now_s: i64) -> Self {
        let words = line.split_whitespace();
        let (pairs, words): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
        let pairs = pairs.iter().map(|pair| pair.split_once('=').unwrap());
        Self {
            case,
            words,
            pairs: pairs.collect(),
            now_s,
        }
    }

    fn pair(&self, name: &str) -> Option<&'a str> {
        let found = self.pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| *value)
    }

    fn order(&self) -> Option<&str> {
        match self.pair("order") {
            None => Some(&self.case.order),
            Some("other") => Some(&self.case.other),
            Some(none) => {
                assert_eq!(none, "none");
                None
            }
        }
    }

    fn id(&self, place: usize) -> String {
        own_id(self.case, self.words[place])
    }

    fn amount(&self, place: usize) -> i64 {
        self.words[place].parse().unwrap()
    }

    fn posts(self) -> Vec<Post> {
        let at_s = self.pair("at").map_or(0, |at| at.parse::<i64>().unwrap());
        let at_s = self.now_s + at_s;
        if self.words[0] == "shop" {
            let order = self.order().unwrap().to_owned();
            let body = json!({
                "order_id": order, "status": self.words[1], "amount_due": self.amount(2),
                "currency": self.words[3], "version": self.amount(4), "updated_at": at_s * 1_000,
            });
            return vec![Post::Snapshot { order, body }];
        }
        let times: u32 = self.pair("times").map_or(1, |times| times.parse().unwrap());
        let kind = self.kind();
        let object = self.object();
        let one = |number: u32| {
            json!({
                "id": format!("evt_{number}_{}{}", self.words[0], self.id(1)), "object": "event",
                "api_version": "2026-07-29.dahlia", "livemode": false, "pending_webhooks": 1,
                "created": at_s, "type": kind, "data": {"object": object},
            })
        };
        (0..times).map(|number| Post::Event(one(number))).collect()
    }

    /// Stripe's name of the event.
    fn kind(&self) -> String {
        let (object, what) = self.words[0].split_once('.').unwrap();
        match object {
            "session" => format!("checkout.session.{what}"),
            "dispute" => format!("charge.dispute.{what}"),
            _ => format!("{object}.{what}"),
        }
    }

    fn object(&self) -> Value {
        let metadata = match self.order() {
            Some(order) => json!({ "order_id": order }),
            None => json!({}),
        };
        let mut object = json!({
            "id": self.id(1), "amount": self.amount(2), "currency": self.words[3],
            "metadata": metadata,
        });
        let more = match self.words[0].split_once('.').unwrap() {
            ("payment_intent", what) => json!({
                "object": "payment_intent", "status": what,
                "amount_received": if what == "succeeded" { self.amount(2) } else { 0 },
            }),
            ("session", _) => json!({
                "object": "checkout.session", "mode": "payment", "amount_total": self.amount(2),
                "payment_status": "paid", "status": "complete", "payment_intent": self.id(4),
                "client_reference_id": self.order().unwrap(), "metadata": {},
            }),
            ("charge", _) => json!({
                "object": "charge", "amount_captured": self.amount(2), "amount_refunded": 0,
                "captured": true, "paid": true, "status": "succeeded", "payment_intent": self.id(4),
            }),
            ("refund", _) => json!({
                "object": "refund", "status": self.words[4], "charge": null,
                "payment_intent": self.id(5),
            }),
            ("dispute", _) => json!({
                "object": "dispute", "status": self.words[4], "charge": null,
                "payment_intent": self.id(5), "reason": "fraudulent",
            }),
            (other, _) => panic!("no object `{other}`"),
        };
        let fields = more.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(fields);
        object
    }
}
