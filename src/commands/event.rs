//! `event ID`: one event's position, facts and body, and whether its signature holds.

use serde_json::Value;

use super::ask::{self, text};
use crate::config::AskConfig;
use crate::failure::Failure;
use crate::lookup::Lookup;
use crate::output;

pub fn run(config: AskConfig, id: &str) -> Result<(), Failure> {
    let Some(answer) = ask::find(config.asked, "events", id, Lookup::event)? else {
        return Err(Failure::failed(format!("no event `{id}` is known")));
    };
    if config.json {
        return Ok(output::json(&answer)?);
    }
    Ok(output::line(&page(&answer))?)
}

fn page(event: &Value) -> String {
    let position = event.get("position").unwrap_or(&Value::Null);
    let signature = match event.get("signature_valid").and_then(Value::as_bool) {
        Some(true) => "valid",
        Some(false) => "NOT VALID",
        None => "not checked (the record or the signing keys are missing)",
    };
    let pretty = |field: &str| match event.get(field) {
        None | Some(Value::Null) => "no longer in the log".to_owned(),
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    [
        format!(
            "event     {} {}",
            text(event, "event_id"),
            text(event, "event_type")
        ),
        format!("order     {}", text(event, "order_id")),
        format!(
            "position  {}/{}/{}",
            text(position, "topic"),
            text(position, "partition"),
            text(position, "offset")
        ),
        format!("received  {}", text(event, "received_at")),
        format!("signature {signature}"),
        format!("facts     {}", pretty("facts")),
        format!("body      {}", pretty("body")),
    ]
    .join("\n")
}
