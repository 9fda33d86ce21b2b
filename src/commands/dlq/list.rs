//! `dlq list`: a page of letters, the longest known first.

use super::desk::Desk;
use super::plain;
use crate::cli::Which;
use crate::failure::Failure;
use crate::letters::answer::{LetterAnswer, Page};
use crate::letters::limits::USUAL_PAGE;
use crate::output;

pub fn run(
    desk: &Desk,
    which: &Which,
    limit: Option<usize>,
    cursor: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    let page = desk.page(which, limit.unwrap_or(USUAL_PAGE), cursor)?;
    if json {
        return Ok(output::json(&page)?);
    }
    Ok(output::line(&table(&page))?)
}

fn table(page: &Page) -> String {
    if page.items.is_empty() {
        return "no dead letters".to_owned();
    }
    let ids = page.items.iter().map(|item| item.id.len());
    let width = ids.max().unwrap_or(0);
    let mut lines: Vec<String> = page.items.iter().map(|item| line(item, width)).collect();
    if let Some(next) = &page.next {
        lines.push(format!("more: --cursor {next}"));
    }
    lines.join("\n")
}

fn line(letter: &LetterAnswer, width: usize) -> String {
    format!(
        "{:<width$}  {:<10}  {}  tried {}  {}  {}",
        letter.id,
        letter.class,
        letter.first_seen,
        letter.attempts,
        plain(letter.key.as_deref().unwrap_or("-")),
        plain(&letter.reason),
    )
}
