//! `payment ID`: the order that a payment, charge or session belongs to.

use super::ask::{self, text};
use crate::config::AskConfig;
use crate::failure::Failure;
use crate::lookup::Lookup;
use crate::output;

pub fn run(config: AskConfig, id: &str) -> Result<(), Failure> {
    let Some(answer) = ask::find(config.asked, "payments", id, Lookup::payment)? else {
        return Err(Failure::failed(format!(
            "no order of payment `{id}` is known"
        )));
    };
    if config.json {
        return Ok(output::json(&answer)?);
    }
    let lines = [
        format!("payment   {}", text(&answer, "object_id")),
        format!("order     {}", text(&answer, "order_id")),
    ];
    Ok(output::line(&lines.join("\n"))?)
}
