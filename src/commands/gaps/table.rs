//! Open gaps as lines for people: a row each, columns as wide as they need, sums below.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::commands::ask::{list, text};
use crate::human;

const COLUMNS: usize = 6;
const HEADINGS: [&str; COLUMNS] = ["AGE", "KIND", "AMOUNT", "ORDER", "PAYMENT", "SINCE"];
/// Numbers stand to the right.
const RIGHT: [bool; COLUMNS] = [true, false, true, false, false, false];

/// A heading and a row for each gap of a page; only the heading where there is none.
pub fn rows(page: &Value) -> Vec<String> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(list(page, "items").iter().map(row));
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(widths).zip(RIGHT);
        let padded: Vec<String> = cells
            .map(|((cell, width), right)| {
                if right {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(gap: &Value) -> [String; COLUMNS] {
    let number = |field: &str| gap.get(field).and_then(Value::as_i64).unwrap_or_default();
    [
        human::age(number("age_seconds")),
        text(gap, "kind"),
        human::amount(number("amount"), &text(gap, "currency")),
        text(gap, "order_id"),
        text(gap, "payment_intent"),
        text(gap, "since"),
    ]
}

/// How many gaps a page has and what they are worth.
pub fn sums(page: &Value) -> String {
    let gaps = list(page, "items");
    let mut amounts: BTreeMap<String, i128> = BTreeMap::new();
    for gap in gaps {
        let amount = gap.get("amount").and_then(Value::as_i64).unwrap_or(0);
        *amounts.entry(text(gap, "currency")).or_default() += i128::from(amount);
    }
    let amounts = amounts
        .into_iter()
        .map(|(currency, sum)| human::amount(i64::try_from(sum).unwrap_or(i64::MAX), &currency));
    let worth: Vec<String> = amounts.collect();
    match (gaps.len(), page.get("next").and_then(Value::as_str)) {
        (0, _) => "no open gap".to_owned(),
        (1, None) => format!("1 open gap: {}", worth.join(", ")),
        (count, None) => format!("{count} open gaps: {}", worth.join(", ")),
        (count, Some(_)) => format!("the {count} oldest of more: {}", worth.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(next: Option<&str>) -> Value {
        let gap = |order: &str, amount: i64, currency: &str, age: i64| {
            json!({
                "order_id": order, "kind": "paid_not_marked", "status": "open", "amount": amount,
                "currency": currency, "payment_intent": null, "since": "2026-01-01T00:00:00.000Z",
                "deadline": "2026-01-01T00:05:00.000Z", "age_seconds": age,
            })
        };
        let gaps = [
            gap("o-1", 4_200, "usd", 90_000),
            gap("order-two", 5, "usd", 9),
        ];
        json!({"items": gaps, "next": next})
    }

    #[test]
    fn rows_line_up_with_amounts_and_ages_that_people_read() {
        let rows = rows(&page(None));
        assert_eq!(rows.len(), 3);
        assert_eq!(
            rows[0],
            "  AGE  KIND                AMOUNT  ORDER      PAYMENT  SINCE"
        );
        assert_eq!(
            rows[1],
            "1d 1h  paid_not_marked  42.00 USD  o-1        -        2026-01-01T00:00:00.000Z"
        );
        assert_eq!(
            rows[2],
            "   9s  paid_not_marked   0.05 USD  order-two  -        2026-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn sums_say_whether_there_is_more() {
        assert_eq!(sums(&page(None)), "2 open gaps: 42.05 USD");
        assert_eq!(sums(&page(Some("c"))), "the 2 oldest of more: 42.05 USD");
        assert_eq!(sums(&json!({"items": [], "next": null})), "no open gap");
    }
}
