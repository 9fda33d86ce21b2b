//! Events over age: `payments.unlinked` read a second time, by a group of its own that stays the
//! age behind. The topic is in order of receipt, so its place in the log is all there is to keep:
//! no timers, nothing to restore, and memory for one record per partition.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use trueup_domain::event::UnixMillis;

use crate::kafka::{Inlet, KafkaFault, TopicNames};
use crate::limits::MAX_AGED_RECORDS;
use crate::machine::Told;
use crate::opening::{Input, Opener, Record};
use crate::service::{LinkerSettings, group_of, millis};

pub(crate) struct Aging {
    inlet: Inlet,
    age_ms: i64,
    /// The first record of each partition that is not due, and when it will be.
    held: HashMap<i32, (Record, UnixMillis)>,
}

/// Records that are due, to be committed once they are dealt with, and what they say.
pub(crate) struct Due {
    pub(crate) records: Vec<Record>,
    pub(crate) told: Vec<(usize, Told)>,
}

impl Aging {
    pub(crate) fn join(
        settings: &LinkerSettings,
        topics: &TopicNames,
        settled: Arc<AtomicBool>,
    ) -> Result<Self, KafkaFault> {
        let inlet = Inlet::join(
            &settings.kafka,
            &format!("{}.age", group_of(&settings.topics)),
            &format!("{}-linker-age", settings.instance_id),
            topics,
            &[Input::Unlinked],
            settled,
        )?;
        Ok(Self {
            inlet,
            age_ms: millis(settings.unlinked_age),
            held: HashMap::new(),
        })
    }

    /// Reads again all that is not committed.
    pub(crate) fn rejoin(&mut self) -> Result<(), KafkaFault> {
        self.held.clear();
        self.inlet.rejoin()
    }

    /// What is due at `now`, without waiting. After a fault it has to rejoin: a record that could
    /// not be held would be passed over.
    pub(crate) fn due(&mut self, opener: &Opener, now: UnixMillis) -> Result<Due, KafkaFault> {
        let inlet = &self.inlet;
        self.held.retain(|_, (record, due_at)| {
            let held = *due_at > now;
            if !held {
                inlet.resume(record);
            }
            held
        });
        let mut due = Due {
            records: Vec::new(),
            told: Vec::new(),
        };
        let records = self
            .inlet
            .poll(Duration::ZERO, Duration::ZERO, MAX_AGED_RECORDS)?;
        let mut passed: HashMap<i32, (Record, UnixMillis)> = HashMap::new();
        for record in records {
            if passed.contains_key(&record.partition) {
                continue;
            }
            // What cannot be opened has its letter from the one who reads it first.
            if let Ok(Some(Told::Event(parked))) = opener.open(&record) {
                let due_at = parked.event.received_at.saturating_add(self.age_ms);
                if due_at > now {
                    passed.insert(record.partition, (record, due_at));
                    continue;
                }
                due.told.push((due.records.len(), Told::Overdue(parked)));
            }
            due.records.push(record);
        }
        for (partition, (record, due_at)) in passed {
            self.inlet.hold(&record)?;
            self.held.insert(partition, (record, due_at));
        }
        Ok(due)
    }

    pub(crate) fn commit(&self, records: &[Record]) {
        self.inlet.commit(records);
    }
}
