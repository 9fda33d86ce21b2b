//! Health: what each component says of itself, asked when somebody asks.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a component says: whether it works, whether it is ready for work, and details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub up: bool,
    pub ready: bool,
    pub details: Map<String, Value>,
}

impl Condition {
    pub fn new(up: bool, ready: bool) -> Self {
        Self {
            up,
            ready,
            details: Map::new(),
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

type Ask = Box<dyn Fn() -> Condition + Send + Sync>;

/// Every component of the process.
#[derive(Default)]
pub struct HealthBoard {
    components: Vec<(&'static str, Ask)>,
}

impl fmt::Debug for HealthBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.components.iter().map(|(name, _)| name))
            .finish()
    }
}

/// An answer and whether it is the good one.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Report {
    pub body: Value,
    #[serde(skip)]
    pub good: bool,
}

impl HealthBoard {
    pub fn component(
        mut self,
        name: &'static str,
        ask: impl Fn() -> Condition + Send + Sync + 'static,
    ) -> Self {
        self.components.push((name, Box::new(ask)));
        self
    }

    /// All components with their details.
    pub fn health(&self) -> Report {
        let mut good = true;
        let mut components = Map::new();
        for (name, ask) in &self.components {
            let condition = ask();
            good &= condition.up;
            let mut body = json!({"status": word(condition.up)});
            if !condition.details.is_empty()
                && let Some(body) = body.as_object_mut()
            {
                body.insert("details".to_owned(), Value::Object(condition.details));
            }
            components.insert((*name).to_owned(), body);
        }
        Report {
            body: json!({"status": word(good), "components": components}),
            good,
        }
    }

    /// Whether every component is ready for work.
    pub fn readiness(&self) -> Report {
        let good = self.components.iter().all(|(_, ask)| ask().ready);
        Report {
            body: json!({"status": word(good)}),
            good,
        }
    }
}

fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_component_down_takes_the_whole_down() {
        let board = HealthBoard::default()
            .component("gateway", || Condition::new(true, true))
            .component("broker", || {
                Condition::new(false, false).with("reason", "away")
            });
        let report = board.health();
        assert!(!report.good && !board.readiness().good);
        assert_eq!(
            report.body,
            json!({"status": "DOWN", "components": {
                "gateway": {"status": "UP"},
                "broker": {"status": "DOWN", "details": {"reason": "away"}},
            }})
        );
    }
}
