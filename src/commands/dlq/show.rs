//! `dlq show ID`: one letter, its record as it was, and what a replay would do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::ask::{list, text};
use super::desk::Desk;
use super::plain;
use crate::failure::Failure;
use crate::output;

/// Bytes of a payload that are printed; `--json` has all of them.
const SHOWN_BYTES: usize = 2_048;

pub fn run(desk: &Desk, id: &str, json: bool) -> Result<(), Failure> {
    let Some(letter) = desk.show(id)? else {
        return Err(Failure::failed(format!("no dead letter `{id}` is known")));
    };
    if json {
        return Ok(output::json(&letter)?);
    }
    Ok(output::line(&page(&letter))?)
}

fn page(letter: &Value) -> String {
    let replay = letter.get("replay").unwrap_or(&Value::Null);
    let mut lines = vec![
        format!("letter    {}", text(letter, "id")),
        format!("class     {}", text(letter, "class")),
        format!("reason    {}", plain(&text(letter, "reason"))),
        format!("key       {}", plain(&text(letter, "key"))),
        format!("written   {}", text(letter, "timestamp")),
        format!(
            "seen      {} first, refused {} times",
            text(letter, "first_seen"),
            text(letter, "attempts")
        ),
        format!(
            "replay    {} to {} ({})",
            text(replay, "outcome"),
            text(replay, "to"),
            plain(&text(replay, "reason"))
        ),
    ];
    for header in list(letter, "headers") {
        let value = match header.get("value_base64") {
            Some(_) => format!("base64 {}", text(header, "value_base64")),
            None => text(header, "value"),
        };
        lines.push(format!(
            "header    {}: {}",
            plain(&text(header, "name")),
            plain(&value)
        ));
    }
    lines.push(format!("payload   {}", payload(letter)));
    lines.join("\n")
}

/// As text with everything unprintable escaped: what a stranger wrote shall not reach a terminal.
fn payload(letter: &Value) -> String {
    let Some(bytes) = letter.get("payload_base64").and_then(Value::as_str) else {
        return "none".to_owned();
    };
    let bytes = STANDARD.decode(bytes).unwrap_or_default();
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(&bytes).escape_ascii();
    let more = bytes.len().saturating_sub(SHOWN_BYTES);
    match more {
        0 => format!("{} bytes: {shown}", bytes.len()),
        more => format!("{} bytes: {shown} and {more} more", bytes.len()),
    }
}
