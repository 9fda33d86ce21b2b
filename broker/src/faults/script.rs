//! Rules as a text: one a line, `API [client=PREFIX] [after=N] [times=N] [every=N] WHAT`.
//!
//! WHAT is `drop-request`, `drop-reply`, `duplicate`, `close`, `close-after`, `delay=MS`,
//! `hold=MS` or `error=CODE`; API is Kafka's name or `*`; `#` begins a comment. Nothing is guessed.

use std::time::Duration;

use thiserror::Error;

use super::rule::{Fault, Rule, UnknownApi};
use crate::code::Code;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScriptFault {
    #[error("line {line}: {fault}")]
    Api { line: usize, fault: UnknownApi },
    #[error("line {line}: `{word}` is not understood")]
    Word { line: usize, word: String },
    #[error("line {line}: it does not say what to do")]
    Nothing { line: usize },
}

/// # Errors
/// At the first line that is not understood.
pub fn parse_script(text: &str) -> Result<Vec<Rule>, ScriptFault> {
    let mut rules = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let said = line.split('#').next().unwrap_or_default();
        let mut words = said.split_whitespace();
        let Some(api) = words.next() else { continue };
        rules.push(parse_rule(api, words, line_number)?);
    }
    Ok(rules)
}

fn parse_rule<'a>(
    api: &str,
    words: impl Iterator<Item = &'a str>,
    line: usize,
) -> Result<Rule, ScriptFault> {
    let mut fault = None;
    let mut rule = match api {
        "*" => Rule::new(Fault::Close),
        api => Rule::on(api, Fault::Close).map_err(|fault| ScriptFault::Api { line, fault })?,
    };
    for word in words {
        let not_understood = || ScriptFault::Word {
            line,
            word: word.to_owned(),
        };
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<u64>().map_err(|_| not_understood());
        match key {
            "client" => rule = rule.of_client(value),
            "after" => rule = rule.after(number()?),
            "times" => rule = rule.times(number()?),
            "every" => rule = rule.every(number()?),
            "drop-request" => fault = Some(Fault::DropRequest),
            "drop-reply" => fault = Some(Fault::DropReply),
            "duplicate" => fault = Some(Fault::Duplicate),
            "close" => fault = Some(Fault::Close),
            "close-after" => fault = Some(Fault::CloseAfter),
            "delay" => fault = Some(Fault::Delay(Duration::from_millis(number()?))),
            "hold" => fault = Some(Fault::HoldFor(Duration::from_millis(number()?))),
            "error" => {
                let code = value.parse().ok().and_then(Code::of);
                fault = Some(Fault::Refuse(code.ok_or_else(not_understood)?));
            }
            _ => return Err(not_understood()),
        }
    }
    rule.fault = fault.ok_or(ScriptFault::Nothing { line })?;
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_line_by_line() {
        let text = "# what happens\n\nEndTxn client=worker after=3 times=1 delay=250\n\
                    * every=10 error=56 # each tenth\nEndTxn hold=12000\n";
        let delay = Fault::Delay(Duration::from_millis(250));
        let expected = vec![
            Rule::on("EndTxn", delay)
                .unwrap()
                .of_client("worker")
                .after(3)
                .times(1),
            Rule::new(Fault::Refuse(Code::KafkaStorageError)).every(10),
            Rule::on("EndTxn", Fault::HoldFor(Duration::from_secs(12))).unwrap(),
        ];
        assert_eq!(parse_script(text), Ok(expected));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        for (text, line) in [
            ("Nothing close", 1),
            ("\nProduce", 2),
            ("Produce clos", 1),
            ("Produce error=9999", 1),
            ("Produce delay=soon", 1),
        ] {
            let fault = parse_script(text).unwrap_err().to_string();
            assert!(fault.starts_with(&format!("line {line}: ")), "{fault}");
        }
    }
}
