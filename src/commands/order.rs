//! `order ID`: one order's state, payments, gaps and whole timeline.

use serde_json::Value;

use super::ask::{self, list, text};
use crate::config::AskConfig;
use crate::failure::Failure;
use crate::lookup::Lookup;
use crate::output;

pub fn run(config: AskConfig, id: &str) -> Result<(), Failure> {
    let Some(answer) = ask::find(config.asked, "orders", id, Lookup::order)? else {
        return Err(Failure::failed(format!("no order `{id}` is known")));
    };
    if config.json {
        return Ok(output::json(&answer)?);
    }
    Ok(output::line(&page(&answer))?)
}

fn page(order: &Value) -> String {
    let mut lines = vec![
        format!("order     {}", text(order, "order_id")),
        format!(
            "status    {} (version {})",
            text(order, "status"),
            text(order, "version")
        ),
        format!(
            "amounts   due {}, received {}, refunded {} {} (minor units)",
            text(order, "amount_due"),
            text(order, "amount_received"),
            text(order, "amount_refunded"),
            text(order, "currency"),
        ),
    ];
    for payment in list(order, "payments") {
        lines.push(format!(
            "payment   {} {} received {} {}",
            text(payment, "payment_intent"),
            text(payment, "status"),
            text(payment, "amount_received"),
            text(payment, "currency"),
        ));
    }
    for gap in list(order, "gaps") {
        lines.push(format!(
            "gap       {} {} {} {} since {}, deadline {}",
            text(gap, "kind"),
            text(gap, "status"),
            text(gap, "amount"),
            text(gap, "currency"),
            text(gap, "since"),
            text(gap, "deadline"),
        ));
    }
    lines.push("timeline".to_owned());
    for moment in list(order, "timeline") {
        let position = moment.get("position").unwrap_or(&Value::Null);
        lines.push(format!(
            "  {}  {:<42} {} -> {}  v{}  {}  {}/{}/{}",
            text(moment, "at"),
            moment
                .get("event_type")
                .map_or_else(|| text(moment, "kind"), |_| text(moment, "event_type")),
            text(moment, "from"),
            text(moment, "to"),
            text(moment, "version"),
            text(moment, "event_id"),
            text(position, "topic"),
            text(position, "partition"),
            text(position, "offset"),
        ));
    }
    lines.join("\n")
}
