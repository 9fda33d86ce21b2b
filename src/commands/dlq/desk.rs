//! Whom `dlq` asks: Kafka, or the ops listener of a running process, which asks Kafka.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::{ask, serving};
use crate::cli::Which;
use crate::clock;
use crate::config::{DlqAsked, OpsTarget};
use crate::failure::Failure;
use crate::letters::answer::{Deed, Page, Report, cursor};
use crate::letters::entry::{Entry, Selection};
use crate::letters::limits::{MAX_CHUNK, MAX_PAGE, USUAL_RATE};
use crate::letters::{Letters, Pace, Work, plan};
use crate::lookup::answer::rfc3339;
use crate::ops::path;

/// Bytes of ids that a request names; more are looked for among all letters.
const MAX_NAMED_BYTES: usize = 4 * 1024;
/// Seconds that one request to a running process may take at its pace.
const SECONDS_A_REQUEST: u32 = 30;

pub enum Desk {
    Kafka(Box<Letters>),
    Ops(OpsTarget),
}

impl Desk {
    pub fn open(asked: DlqAsked) -> Result<Self, Failure> {
        Ok(match asked {
            DlqAsked::Kafka(named) => {
                let codec = serving::codec(&named.kafka)?;
                let letters = Letters::new(&named.kafka, codec, named.signing_keys);
                Self::Kafka(Box::new(letters))
            }
            DlqAsked::Ops(target) => Self::Ops(target),
        })
    }

    /// One page of letters, the longest known first.
    pub fn page(&self, which: &Which, limit: usize, after: Option<&str>) -> Result<Page, Failure> {
        match self {
            Self::Kafka(letters) => {
                let after = after.map(|text| {
                    let unknown = "--cursor is none that `dlq list` gave";
                    cursor::read(text).ok_or_else(|| Failure::failed(unknown))
                });
                let page = letters.page(&selection(which), limit, after.transpose()?.as_ref());
                page.map_err(Failure::failed)
            }
            Self::Ops(target) => {
                let mut path = format!("dead-letters?limit={limit}{}", parameters(which));
                if let Some(after) = after {
                    path.push_str(&format!("&cursor={}", path::encode(after)));
                }
                told(ask::call(target, &path, None)?)
            }
        }
    }

    /// One letter with all that is known of it.
    pub fn show(&self, id: &str) -> Result<Option<Value>, Failure> {
        match self {
            Self::Kafka(letters) => {
                let shown = letters.show(id).map_err(Failure::failed)?;
                let shown = shown.map(serde_json::to_value).transpose();
                shown.map_err(Failure::failed)
            }
            Self::Ops(target) => {
                ask::call(target, &format!("dead-letters/{}", path::encode(id)), None)
            }
        }
    }

    /// Every letter that `which` names, by id.
    pub fn select(&self, which: &Which) -> Result<BTreeMap<String, Entry>, Failure> {
        let selection = selection(which);
        let Self::Ops(_) = self else {
            let Self::Kafka(letters) = self else {
                return Ok(BTreeMap::new());
            };
            return letters.select(&selection).map_err(Failure::failed);
        };
        let mut which = which.clone();
        if which.ids.iter().map(String::len).sum::<usize>() > MAX_NAMED_BYTES {
            which.ids.clear();
        }
        let mut selected = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.page(&which, MAX_PAGE, after.as_deref())?;
            for item in &page.items {
                let entry = item.entry().ok_or_else(|| {
                    Failure::failed(format!("the answer's letter `{}` cannot be read", item.id))
                })?;
                if selection.takes(&entry) {
                    selected.insert(entry.id.clone(), entry);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(selected),
            }
        }
    }

    /// Does `deed` on the letters, in the order of their replay.
    pub fn work(
        &self,
        (deed, yes): (Deed, bool),
        selected: Vec<Entry>,
        rate: Option<NonZeroU32>,
        progress: &mut dyn FnMut(&Report),
    ) -> Result<Report, Failure> {
        let rate = rate.unwrap_or(USUAL_RATE);
        match self {
            Self::Kafka(letters) => {
                let work = Work {
                    deed,
                    yes,
                    pace: &Pace::of(rate),
                    most: None,
                    is_over: &|| false,
                };
                let done = letters.work(&work, selected, progress);
                done.map_err(Failure::failed)
            }
            Self::Ops(target) => {
                let ordered = plan::in_order(selected);
                let mut report = Report::new(deed, !yes);
                let seconds = rate.get().saturating_mul(SECONDS_A_REQUEST);
                let most = usize::try_from(seconds).unwrap_or(MAX_CHUNK);
                // One chunk is done with before the next is asked for, so keys keep their order.
                for chunk in ordered.chunks(most.min(MAX_CHUNK)) {
                    let ids: Vec<&str> = chunk.iter().map(|entry| entry.id.as_str()).collect();
                    let path = match deed {
                        Deed::Replay => format!("dead-letters/replay?rate={rate}"),
                        Deed::Discard => format!("dead-letters/discard?rate={rate}"),
                    };
                    let body = json!({"yes": yes, "ids": ids});
                    let done: Report = told(ask::call(target, &path, Some(&body))?)?;
                    report.merge(done);
                    progress(&report);
                }
                Ok(report)
            }
        }
    }
}

fn told<T: DeserializeOwned>(answer: Option<Value>) -> Result<T, Failure> {
    let answer =
        answer.ok_or_else(|| Failure::failed("the ops listener serves no dead letters"))?;
    serde_json::from_value(answer)
        .map_err(|fault| Failure::failed(format!("the answer cannot be read: {fault}")))
}

fn selection(which: &Which) -> Selection {
    let now = clock::wall_clock();
    Selection {
        classes: which.classes.clone(),
        ids: (!which.ids.is_empty()).then(|| which.ids.iter().cloned().collect()),
        order: which.order.clone(),
        since: which.since.map(|since| since.at(now)),
        until: which.older_than.map(|until| until.at(now)),
    }
}

/// `which` as parameters, each with `&` in front.
fn parameters(which: &Which) -> String {
    let told = selection(which);
    let classes = told
        .classes
        .iter()
        .map(|class| ("class", class.as_str().to_owned()));
    let ids = told.ids.into_iter().flatten().map(|id| ("id", id));
    let order = told.order.map(|order| ("order", order));
    let since = told.since.map(|at| ("since", rfc3339(at)));
    let until = told.until.map(|at| ("older_than", rfc3339(at)));
    classes
        .chain(ids)
        .chain(order)
        .chain(since)
        .chain(until)
        .map(|(name, value)| format!("&{name}={}", path::encode(&value)))
        .collect()
}
