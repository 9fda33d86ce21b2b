//! What a page tells somebody to type at night is a command with flags that the binary has.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::{files, root};

/// Commands of two words.
const GROUPS: [&str; 3] = ["topics", "ledger", "dlq"];

/// `gaps`, `dlq replay`: and the flags that follow.
fn typed(text: &str) -> Vec<(String, Vec<String>)> {
    let text = text.replace('\n', " ");
    let starts = text.match_indices("trueup ");
    let mut typed = Vec::new();
    for (at, _) in starts {
        // Not the end of a path or of another word.
        let before = text[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_ascii_alphanumeric() || "-_/=".contains(letter)) {
            continue;
        }
        let line = &text[at + "trueup ".len()..];
        let end = line.find(['`', '#', '|', '&', '(']).unwrap_or(line.len());
        let mut words = line[..end].split_whitespace();
        let Some(first) = words.next() else { continue };
        if !first.chars().all(|letter| letter.is_ascii_lowercase()) {
            continue;
        }
        let mut command = first.to_owned();
        if GROUPS.contains(&first)
            && let Some(second) = words.next()
        {
            command = format!("{command} {second}");
        }
        let flags = words
            .take_while(|word| *word != "trueup" && *word != "curl" && *word != "```")
            .filter(|word| word.starts_with("--"))
            .map(str::to_owned);
        typed.push((command, flags.collect()));
    }
    typed
}

fn help(command: &str) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(command.split(' '))
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// Every command and, as `command --flag`, every flag of the pages.
fn told() -> BTreeSet<(String, Option<String>)> {
    let mut told = BTreeSet::new();
    for path in files(&root().join("docs/runbooks"), ".md") {
        for (command, flags) in typed(&fs::read_to_string(path).unwrap()) {
            told.insert((command.clone(), None));
            told.extend(flags.into_iter().map(|flag| (command.clone(), Some(flag))));
        }
    }
    told
}

fn exists(command: &str, flag: Option<&str>) -> bool {
    help(command).is_some_and(|help| {
        flag.is_none_or(|flag| help.split_whitespace().any(|word| word == flag))
    })
}

#[test]
fn every_command_of_the_runbooks_exists_with_its_flags() {
    let told = told();
    assert!(told.len() > 15, "only {told:?} was read");
    for (command, flag) in told {
        assert!(
            exists(&command, flag.as_deref()),
            "there is no `trueup {command}` {}",
            flag.unwrap_or_default()
        );
    }
}

#[test]
fn commands_are_read_out_of_sentences_and_blocks() {
    let page = "Run `trueup dlq list --class CLASS` or `docker compose exec a trueup gaps`.\n\
                ```sh\ntrueup check   # all\ntrueup topics apply\n```\nThe trueup-data folder.";
    let read: Vec<_> = typed(page)
        .into_iter()
        .map(|(command, _)| command)
        .collect();
    assert_eq!(read, ["dlq list", "gaps", "check", "topics apply"]);
}
