//! The log is the audit: walks the topics, verifies every signature and digest, derives the facts
//! again from the bodies, folds each order again, and says what is missing, changed or differs.
//!
//! Reads only. What the log no longer holds, or was not asked for, is told as not compared.

mod deliveries;

mod ledgers;

pub mod limits;

pub mod report;

mod spill;

mod walking;

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use trueup_domain::event::UnixMillis;
use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, StoreFault, StoreFaultKind};
use trueup_reconciler::topology::OrdersFeed;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{OrderSnapshotRecord, PaymentEvent};
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

use self::deliveries::Said;
use self::ledgers::{Judgement, OrderLog, Reach};
use self::report::{Fault, Finding, Report, Subject};
use self::spill::Spill;
use crate::config::KafkaTarget;
use crate::lookup::LookupFault;
use crate::lookup::log::LogReader;

/// What keeps an audit from its end. Says nothing about what was found.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    #[error("{0}")]
    Log(#[from] LookupFault),
    #[error("{0}")]
    Store(#[from] StoreFault),
    #[error("what was read could not be put aside: {0}")]
    Spill(#[from] std::io::Error),
}

/// What an audit asks of a store.
pub trait Rows {
    /// # Errors
    /// When the store does not answer.
    fn checkpoint(&self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault>;

    /// The cells of `orders`, in their order.
    ///
    /// # Errors
    /// When the store does not answer, or when one of them was not written by this program.
    fn cells(&self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault>;
}

/// What is told of one order, filed under its id.
#[derive(Debug, Serialize, Deserialize)]
enum Told {
    Event {
        order: String,
        partition: i32,
        offset: i64,
        event: Vec<u8>,
    },
    Snapshot {
        order: String,
        partition: i32,
        offset: i64,
        snapshot: Vec<u8>,
    },
}

pub struct Audit<'a> {
    pub kafka: &'a KafkaTarget,
    pub codec: Codec,
    pub keys: SigningKeys,
    pub orders_feed: OrdersFeed,
    pub epoch: i64,
    /// Only what was received since.
    pub since: Option<UnixMillis>,
    pub rows: &'a dyn Rows,
    pub now: UnixMillis,
    /// Hears how far it has come.
    pub tell: &'a dyn Fn(&str),
}

type Orders = BTreeMap<String, (i32, OrderLog)>;

impl Audit<'_> {
    /// # Errors
    /// [`AuditFault`] when it could not be brought to its end.
    pub fn run(&self) -> Result<Report, AuditFault> {
        let mut report = Report::default();
        let topics = Topics::new(&self.kafka.prefix);
        let log = LogReader::new(self.kafka.clone());
        // Before the log is read: what is below them now is in the rows that are read later.
        let mut reaches = BTreeMap::new();
        for partition in 0..log.partitions(&topics.payments_events())? {
            let key = CheckpointKey {
                topic: topics.payments_events(),
                partition,
                epoch: self.epoch,
            };
            let saved = self.rows.checkpoint(&key)?;
            let reach = Reach {
                events_checkpoint: saved.map_or(0, |saved| saved.events),
                orders_checkpoint: saved.map_or(0, |saved| saved.orders),
                ..Reach::default()
            };
            reaches.insert(partition, reach);
        }
        let mut walk = walking::Walk {
            audit: self,
            log: &log,
            topics: &topics,
            report: &mut report,
            said: Spill::new()?,
            told: Spill::new()?,
            reaches,
            last_told: Instant::now(),
        };
        let bounds = walk.all()?;
        let walking::Walk {
            said,
            told,
            mut reaches,
            ..
        } = walk;
        (self.tell)("comparing records with bodies");
        said.each_bucket::<AuditFault>(|said: Vec<Said>| {
            deliveries::judge(said, &bounds, &mut report);
            Ok(())
        })?;
        (self.tell)("comparing orders with their ledgers");
        let mut again = Orders::new();
        told.each_bucket::<AuditFault>(|told| {
            let orders = sorted(told);
            self.judge(&orders, &reaches, false, &mut again, &mut report)
        })?;
        if !again.is_empty() {
            self.look_again(again, &log, &topics, &mut reaches, &mut report)?;
        }
        report.findings.sort();
        Ok(report)
    }

    fn judge(
        &self,
        orders: &Orders,
        reaches: &BTreeMap<i32, Reach>,
        last_look: bool,
        again: &mut Orders,
        report: &mut Report,
    ) -> Result<(), AuditFault> {
        let all: Vec<(&String, &(i32, OrderLog))> = orders.iter().collect();
        for chunk in all.chunks(limits::ROWS_AT_ONCE) {
            let ids: Vec<&str> = chunk.iter().map(|(id, _)| id.as_str()).collect();
            let rows = self.rows(&ids, report)?;
            for ((id, (partition, log)), row) in chunk.iter().zip(rows) {
                let Row::Read(row) = row else { continue };
                let reach = reaches.get(partition).copied().unwrap_or_default();
                let judged = ledgers::judge(row.as_deref(), log, &reach, last_look);
                if judged == Judgement::Newer && again.len() < limits::MAX_LOOKED_AT_AGAIN {
                    again.insert((*id).clone(), (*partition, log.clone()));
                } else {
                    note(id, judged, report);
                }
            }
        }
        Ok(())
    }

    /// Orders that were written meanwhile: their rows first, and then the log up to its end, which
    /// holds whatever the rows can.
    fn look_again(
        &self,
        mut orders: Orders,
        log: &LogReader,
        topics: &Topics,
        reaches: &mut BTreeMap<i32, Reach>,
        report: &mut Report,
    ) -> Result<(), AuditFault> {
        let ids: Vec<String> = orders.keys().cloned().collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let rows = self.rows(&ids, report)?;
        walking::tails(self, log, topics, reaches, &mut orders)?;
        for ((id, (partition, log)), row) in orders.iter().zip(rows) {
            let Row::Read(row) = row else { continue };
            let reach = reaches.get(partition).copied().unwrap_or_default();
            note(
                id,
                ledgers::judge(row.as_deref(), log, &reach, true),
                report,
            );
        }
        Ok(())
    }

    fn rows(&self, ids: &[&str], report: &mut Report) -> Result<Vec<Row>, AuditFault> {
        let orders: Vec<OrderId> = ids
            .iter()
            .filter_map(|id| OrderId::try_from(*id).ok())
            .collect();
        match self.rows.cells(&orders) {
            Ok(cells) => Ok(ids
                .iter()
                .zip(cells)
                .map(|(id, cell)| self.row(id, cell, report))
                .collect()),
            Err(fault) if fault.kind == StoreFaultKind::Foreign && orders.len() > 1 => {
                // One of them: each is asked for by itself.
                let mut rows = Vec::with_capacity(ids.len());
                for id in ids {
                    rows.extend(self.rows(&[*id], report)?);
                }
                Ok(rows)
            }
            Err(fault) if fault.kind == StoreFaultKind::Foreign => {
                for id in ids {
                    let detail = fault.reason.clone();
                    report.found(Finding::new(Fault::Differs, Subject::Ledger, id, detail));
                }
                Ok(vec![Row::Foreign; ids.len()])
            }
            Err(fault) => Err(fault.into()),
        }
    }

    fn row(&self, id: &str, cell: Option<Vec<u8>>, report: &mut Report) -> Row {
        let Some(cell) = cell else {
            return Row::Read(None);
        };
        match Codec::SingleObject.decode::<Ledger>(&cell) {
            Ok(ledger) => Row::Read(Some(Box::new(ledger))),
            Err(fault) => {
                let detail = format!("its row cannot be read: {fault}");
                report.found(Finding::new(Fault::Differs, Subject::Ledger, id, detail));
                Row::Foreign
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Row {
    Read(Option<Box<Ledger>>),
    /// Told already.
    Foreign,
}

fn note(id: &str, judged: Judgement, report: &mut Report) {
    report.looked_at("orders");
    let differences = match judged {
        Judgement::Compared(differences) => differences,
        Judgement::Partly(differences) => {
            report.not_compared("ledgers that rest on records no longer in the log, in part");
            differences
        }
        Judgement::Missing => {
            let detail = "there is no row, and the order has records below the checkpoint";
            report.found(Finding::new(Fault::Missing, Subject::Ledger, id, detail));
            return;
        }
        Judgement::NotYet => {
            report.not_compared("orders whose records are all above the checkpoint");
            return;
        }
        Judgement::Newer => {
            report.not_compared("ledgers that were written while they were audited");
            return;
        }
    };
    if !differences.is_empty() {
        let detail = differences.join("; ");
        report.found(Finding::new(Fault::Differs, Subject::Ledger, id, detail));
    }
}

fn sorted(told: Vec<Told>) -> Orders {
    let mut orders = Orders::new();
    for told in told {
        match told {
            Told::Event {
                order,
                partition,
                offset,
                event,
            } => {
                // What was spilled can be read: this program wrote it.
                if let Ok(event) = Codec::SingleObject.decode::<PaymentEvent>(&event) {
                    let entry = orders.entry(order).or_default();
                    entry.0 = partition;
                    entry.1.events.push((offset, event.event));
                }
            }
            Told::Snapshot {
                order,
                partition,
                offset,
                snapshot,
            } => {
                if let Ok(told) = Codec::SingleObject.decode::<OrderSnapshotRecord>(&snapshot) {
                    let entry = orders.entry(order).or_default();
                    entry.0 = partition;
                    entry.1.snapshots.push((offset, told.snapshot));
                }
            }
        }
    }
    for (_, log) in orders.values_mut() {
        log.events.sort_by_key(|(offset, _)| *offset);
        log.snapshots.sort_by_key(|(offset, _)| *offset);
    }
    orders
}
