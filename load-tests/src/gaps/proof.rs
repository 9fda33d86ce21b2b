//! The end of the run: the audit finds nothing on what the system did by itself, and then each of
//! three things that were done behind its back, and no fourth.

use serde_json::Value;

use super::orders::{Order, Stage};
use super::phases::Run;
use super::{commands, tamper};
use crate::chaos::ChaosFault;
use crate::story::StripeEvent;
use crate::traffic::about;

impl Run<'_> {
    /// Finds nothing on what the system did by itself, and all three things done behind its back.
    pub(super) fn audit_before_and_after_tampering(&mut self) -> Result<(), ChaosFault> {
        self.site.stop();
        let said = commands::audit(&self.site)?;
        if said.code != Some(0) || said.report.get("findings") != Some(&Value::Array(Vec::new())) {
            let what = "finds something where nobody did anything";
            self.report.faults.push(about("audit", what, said.told()));
            return Ok(());
        }
        let Some([altered, changed, deleted]) = victims(self.orders) else {
            let what = "has too few orders to tamper with";
            self.report.faults.push(about("run", what, String::new()));
            return Ok(());
        };
        let success = altered
            .story()
            .events
            .iter()
            .find(|event| event.event_type == "payment_intent.succeeded");
        let event_id = success.map(|event| event.id.clone()).unwrap_or_default();
        self.site.kill_and_restart()?;
        tamper::alter_record(&self.site, &event_id)?;
        self.site.await_rest(self.deadline)?;
        self.site.stop();
        tamper::change_rows(&self.site.data, changed.id(), deleted.id())?;
        let expected = [
            ("changed", "event", event_id.as_str()),
            ("differs", "ledger", changed.id()),
            ("missing", "ledger", deleted.id()),
        ]
        .map(|(fault, subject, id)| format!("{fault} {subject} {id}"));
        let said = commands::audit(&self.site)?;
        let findings = said.report.get("findings").and_then(Value::as_array);
        let name = |finding: &Value| {
            let field = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or("?");
            format!("{} {} {}", field("fault"), field("subject"), field("id"))
        };
        let mut named: Vec<String> = findings.into_iter().flatten().map(name).collect();
        named.sort();
        if said.code != Some(1) || named != expected {
            let what = "does not name what was done, or names more";
            let evidence = format!("expected {expected:?}; {}", said.told());
            self.report.faults.push(about("audit", what, evidence));
        }
        self.report.named = named;
        Ok(())
    }
}

/// Three orders with which nothing is wrong, and that were paid.
fn victims(orders: &[Order]) -> Option<[&Order; 3]> {
    let mut sound = orders.iter().filter(|order| {
        let paid = |event: &StripeEvent| event.event_type.ends_with("succeeded");
        let right = Stage::ALL
            .iter()
            .all(|stage| order.kinds(*stage).is_empty());
        right && order.story().events.iter().any(paid)
    });
    Some([sound.next()?, sound.next()?, sound.next()?])
}
