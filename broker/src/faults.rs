//! Injected faults: rules by API, client and count that do to a request or its reply what a bad
//! network or a bad broker would.
//!
//! A rule acts at the connection, so the core never knows. Without rules nothing is done.

mod rule;

mod script;

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use kafka_protocol::messages::ApiKey;
use tokio::sync::watch;

pub use rule::{Fault, Rule};
pub use script::{ScriptFault, parse_script};

use crate::limits::{FAULT_LOG_BYTES_MAX, FAULT_RULES_MAX};

/// The rules now in force.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Vec<Entry>>,
    log: Mutex<Option<Log>>,
}

/// Where each fault is written down as it is injected.
#[derive(Debug)]
struct Log {
    file: File,
    left_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    seen: u64,
    hits: watch::Sender<u64>,
    released: watch::Sender<bool>,
}

/// A rule that was added: how often it acted, and how what it holds is let go.
#[derive(Debug)]
pub struct Placed {
    hits: watch::Receiver<u64>,
    released: watch::Sender<bool>,
}

/// What a connection does to one request.
#[derive(Debug)]
pub(crate) struct Struck {
    pub(crate) fault: Fault,
    released: watch::Receiver<bool>,
}

impl Faults {
    /// Puts a rule behind those in force; the first that fits a request is the one that acts.
    /// Beyond the limit the oldest rule makes room.
    pub fn add(&self, rule: Rule) -> Placed {
        let entry = Entry {
            rule,
            seen: 0,
            hits: watch::Sender::new(0),
            released: watch::Sender::new(false),
        };
        let placed = Placed {
            hits: entry.hits.subscribe(),
            released: entry.released.clone(),
        };
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if rules.len() >= FAULT_RULES_MAX {
            rules.remove(0);
        }
        rules.push(entry);
        placed
    }

    /// From now on writes a line for each injected fault, `API WHAT CLIENT`: a process that is
    /// killed has still told of it. The file is added to, and up to a limit.
    pub fn log_to(&self, file: File) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        *log = Some(Log {
            file,
            left_bytes: FAULT_LOG_BYTES_MAX,
        });
    }

    /// Takes all rules away. What is held stays held until it is released.
    pub fn clear(&self) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.clear();
    }

    pub(crate) fn strike(&self, key: ApiKey, client: &str) -> Option<Struck> {
        let struck = self.find(key, client)?;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = log.as_mut()
            && !open.tell(&format!("{key:?} {} {client:?}\n", struck.fault))
        {
            *log = None;
        }
        Some(struck)
    }

    fn find(&self, key: ApiKey, client: &str) -> Option<Struck> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in rules.iter_mut() {
            if !entry.rule.fits(key, client) {
                continue;
            }
            entry.seen += 1;
            if entry.rule.acts_on(entry.seen) {
                entry.hits.send_modify(|hits| *hits += 1);
                return Some(Struck {
                    fault: entry.rule.fault,
                    released: entry.released.subscribe(),
                });
            }
        }
        None
    }
}

impl Log {
    /// Whether it has room for another. What cannot be written is not worth a request.
    fn tell(&mut self, line: &str) -> bool {
        let left = self.left_bytes.checked_sub(line.len());
        let Some(left) = left else { return false };
        self.left_bytes = left;
        self.file.write_all(line.as_bytes()).is_ok()
    }
}

impl Placed {
    #[must_use]
    pub fn hits(&self) -> u64 {
        *self.hits.borrow()
    }

    /// Waits until the rule has acted `count` times.
    pub async fn hit(&mut self, count: u64) {
        // The rule may have been cleared meanwhile; then what it did remains what it did.
        let _ = self.hits.wait_for(|hits| *hits >= count).await;
    }

    /// Lets go what the rule holds now and later.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Struck {
    /// Waits for the release; nobody left who could release is one too.
    pub(crate) async fn released(&mut self) {
        let _ = self.released.wait_for(|released| *released).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_acts_on_its_api_and_client_from_its_count_on_and_so_often() {
        let faults = Faults::default();
        let rule = Rule::on("Produce", Fault::Close).unwrap();
        let placed = faults.add(rule.of_client("me").after(1).times(2));
        let strike = |key, client| faults.strike(key, client).is_some();
        assert!(!strike(ApiKey::Fetch, "me"));
        assert!(!strike(ApiKey::Produce, "you"));
        let acted: Vec<bool> = (0..4).map(|_| strike(ApiKey::Produce, "me-1")).collect();
        assert_eq!(acted, [false, true, true, false]);
        assert_eq!(placed.hits(), 2);
        faults.clear();
        assert!(!strike(ApiKey::Produce, "me"));
    }

    #[test]
    fn each_fault_is_told_in_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("faults");
        let faults = Faults::default();
        faults.log_to(File::create(&path).unwrap());
        let rule = Rule::on("EndTxn", Fault::Hold).unwrap();
        faults.add(rule.times(2));
        for client in ["one", "a\nb", "three"] {
            faults.strike(ApiKey::EndTxn, client);
        }
        let told = std::fs::read_to_string(&path).unwrap();
        assert_eq!(told, "EndTxn hold \"one\"\nEndTxn hold \"a\\nb\"\n");
    }

    #[test]
    fn without_rules_nothing_is_struck() {
        assert!(Faults::default().strike(ApiKey::Produce, "").is_none());
    }
}
