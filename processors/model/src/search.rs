//! Breadth-first search of every history: each state once, the shortest way to each broken property.
//!
//! It keeps every state it has seen, whole. A hash in its place would be smaller, and could pass
//! over a state that it never tried.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;

use crate::properties::{Property, is_finished};
use crate::protocol::Model;
use crate::state::State;
use crate::step::Step;

/// States after which a search gives up: about 1 GB.
pub const STATES_MAX: usize = 3_000_000;

/// How a state was first reached: the number of the state before, and the step.
type Origin = Option<(usize, Step)>;

#[derive(Debug)]
pub struct Report {
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// States in which everything is read, published, visible and stored.
    pub finished: usize,
    /// Whether every state was tried; if not, what was not found may still be there.
    pub is_exhausted: bool,
    /// The broken properties, each with a shortest history that breaks it.
    pub broken: BTreeMap<Property, Vec<Step>>,
}

/// How long a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Exhausted,
    /// The first broken property is enough.
    Broken,
}

/// Tries every history of `model`, up to `STATES_MAX` states.
#[must_use]
pub fn search(model: &Model, until: Until) -> Report {
    let start = model.start();
    let mut numbers: HashMap<State, usize> = HashMap::from([(start, 0)]);
    let mut origins: Vec<Origin> = vec![None];
    let mut queue = VecDeque::from([(0, start)]);
    let mut report = Report {
        states: 0,
        steps: 0,
        finished: 0,
        is_exhausted: false,
        broken: BTreeMap::new(),
    };
    while let Some((number, state)) = queue.pop_front() {
        let is_enough = until == Until::Broken && !report.broken.is_empty();
        if is_enough || origins.len() > STATES_MAX {
            report.states = origins.len();
            return report;
        }
        for (step, next) in model.successors(&state) {
            report.steps += 1;
            for property in Property::ALL {
                let is_known = report.broken.contains_key(&property);
                if !is_known && property.is_broken(model, &step, &next) {
                    report
                        .broken
                        .insert(property, history(&origins, number, step));
                }
            }
            if let Entry::Vacant(slot) = numbers.entry(next) {
                slot.insert(origins.len());
                queue.push_back((origins.len(), next));
                origins.push(Some((number, step)));
                report.finished += usize::from(is_finished(model, &next));
            }
        }
    }
    report.states = origins.len();
    report.is_exhausted = true;
    report
}

/// The steps from the start to state `number`, and `last`.
fn history(origins: &[Origin], mut number: usize, last: Step) -> Vec<Step> {
    let mut steps = vec![last];
    while let Some((before, step)) = origins.get(number).copied().flatten() {
        steps.push(step);
        number = before;
    }
    steps.reverse();
    steps
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            states,
            steps,
            finished,
            ..
        } = self;
        let how_far = if self.is_exhausted {
            "exhausted"
        } else {
            "not exhausted"
        };
        writeln!(
            f,
            "{states} states, {steps} steps, {finished} finished, {how_far}"
        )?;
        if self.broken.is_empty() {
            writeln!(f, "no property is broken")?;
        }
        for (property, history) in &self.broken {
            writeln!(f, "broken: {property}")?;
            for (number, step) in (1..).zip(history) {
                writeln!(f, "  {number:>2}. {step}")?;
            }
        }
        Ok(())
    }
}
