//! Restoring a partition behind its barrier: its state record and gaps are read, and compared with
//! the logs they speak of. What does not fit is refused with the way out, and nothing is changed.

use std::collections::BTreeMap;

use trueup_plants::{Plant, planted};

use crate::limits::HISTORY_CHUNK_RECORDS;
use crate::machine::Outcome;
use crate::metrics;
use crate::partition::{Last, Partition, Progress};
use crate::ports::clock::Clock;
use crate::ports::log::{Input, Log, Position, Record, Source, Until};
use crate::ports::store::LedgerStore;
use crate::processor::Processor;
use crate::recovery::Recovering;
use crate::state::{self, Place};
use crate::windows;
use crate::worker::Worker;

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    pub(crate) fn restore(&mut self) -> Outcome {
        let place = match self.log.cluster_id() {
            Ok(cluster_id) => Place {
                cluster_id,
                partitions: self.log.partitions(),
            },
            Err(fault) => return self.fault(&fault),
        };
        let partitions: Vec<i32> = self.recovering.keys().copied().collect();
        for partition in partitions {
            if let Err(outcome) = self.restore_partition(partition, &place) {
                return outcome;
            }
        }
        Outcome::Done
    }

    fn restore_partition(&mut self, partition: i32, place: &Place) -> Result<(), Outcome> {
        let Some(mut found) = self.recovering.get(&partition).cloned() else {
            return Ok(());
        };
        let told = self.read_state(partition)?;
        let mut progress = match found.checkpoint {
            // The brokers may have forgotten the only transactions that held a state record, and
            // kept their offsets. The checkpoint was saved before any of them.
            Some(saved) => Progress {
                position: Position {
                    events: saved.events,
                    orders: saved.orders,
                },
                ..Progress::default()
            },
            None => Progress {
                position: found.position,
                ..Progress::default()
            },
        };
        if let Some((known, told)) = told {
            self.compare_places(partition, &known, place)?;
            progress = told;
        }
        if found.ever_committed && progress.position != found.position {
            metrics::offsets_disagree();
            tracing::error!(
                partition,
                group = ?found.position,
                state = ?progress.position,
                "the group's offsets are not those of the state record, which wins"
            );
        }
        found.position = progress.position;
        self.check_log(partition, &found, &progress)?;
        let settled = self.checkpoint_of(partition, &found)?;
        found.cursor = settled;
        self.tenure = self.tenure.saturating_add(1);
        self.forget(partition);
        let held = Partition::new(progress, self.tenure, settled, found.checkpoint);
        self.partitions.insert(partition, held);
        self.recovering.insert(partition, found);
        self.read_gaps(partition)?;
        self.read_windows(partition)
    }

    fn until(&self) -> Until {
        if planted(Plant::RestoreToStableOffset) {
            Until::StableEnd
        } else {
            Until::Barrier(self.barrier.clone())
        }
    }

    /// The last state record before the barrier. It lies near the end, so the reading starts there
    /// and goes further back only while none is found.
    fn read_state(&mut self, partition: i32) -> Result<Option<(Place, Progress)>, Outcome> {
        let (start, end) = self
            .log
            .bounds(Source::Windows, partition)
            .map_err(|fault| self.fault(&fault))?;
        let mut back: i64 = 256;
        loop {
            let from = end.saturating_sub(back).max(start);
            let mut last = Ok(None);
            let codec = self.settings.codec.clone();
            self.read_all(
                Source::Windows,
                partition,
                from,
                &mut |record| match state::read(&codec, partition, &record) {
                    Ok(Some(found)) => last = Ok(Some(found)),
                    Ok(None) => {}
                    Err(reason) => last = Err(reason),
                },
            )?;
            match last {
                Ok(None) if from > start => back = back.saturating_mul(16),
                Ok(found) => return Ok(found),
                Err(reason) => return Err(self.refuse(reason)),
            }
        }
    }

    fn read_gaps(&mut self, partition: i32) -> Result<(), Outcome> {
        let (start, _) = self
            .log
            .bounds(Source::Gaps, partition)
            .map_err(|fault| self.fault(&fault))?;
        let mut records = Vec::new();
        self.read_all(Source::Gaps, partition, start, &mut |record| {
            if record.header(state::BARRIER_NONCE).is_none() {
                records.push(record);
            }
        })?;
        for record in records {
            match self.processor.restore_gaps(&record) {
                Ok((order, gaps)) => self.set_gaps(partition, order, gaps.unwrap_or_default()),
                Err(reason) => return Err(self.refuse(reason)),
            }
        }
        Ok(())
    }

    /// The topic is compacted, so most of it is the state records of the last hour.
    fn read_windows(&mut self, partition: i32) -> Result<(), Outcome> {
        let (start, _) = self
            .log
            .bounds(Source::Windows, partition)
            .map_err(|fault| self.fault(&fault))?;
        let codec = self.settings.codec.clone();
        let mut minutes = BTreeMap::new();
        let mut unreadable = None;
        self.read_all(
            Source::Windows,
            partition,
            start,
            &mut |record| match windows::read(&codec, &record) {
                Ok(Some((minute, totals))) => {
                    minutes.insert(minute, Some(totals));
                }
                Ok(None) => {}
                Err(reason) => unreadable = Some(reason),
            },
        )?;
        if let Some(reason) = unreadable {
            return Err(self.refuse(reason));
        }
        if let Some(held) = self.partitions.get_mut(&partition) {
            held.windows.install(minutes);
            let clock_ms = held.progress.clock_ms;
            self.show_windows(partition, clock_ms);
        }
        Ok(())
    }

    fn read_all(
        &mut self,
        source: Source,
        partition: i32,
        from: i64,
        take: &mut dyn FnMut(Record),
    ) -> Result<(), Outcome> {
        let until = self.until();
        let mut next = from;
        loop {
            let done = self
                .log
                .read(
                    source,
                    partition,
                    next,
                    &until,
                    HISTORY_CHUNK_RECORDS,
                    &mut |record| {
                        next = record.offset.saturating_add(1);
                        take(record);
                    },
                )
                .map_err(|fault| self.fault(&fault))?;
            if done {
                return Ok(());
            }
        }
    }

    fn compare_places(
        &mut self,
        partition: i32,
        known: &Place,
        place: &Place,
    ) -> Result<(), Outcome> {
        if known.partitions != place.partitions {
            return Err(self.refuse(format!(
                "partition {partition} was processed with {} partitions, the topics now have {}; \
                 keys moved: restore the old count, or start anew under another `--topic-prefix`",
                known.partitions, place.partitions
            )));
        }
        if known.cluster_id != place.cluster_id {
            return Err(self.refuse(format!(
                "partition {partition} was processed on Kafka cluster `{}`, this is `{}`; connect to \
                 the first, or adopt the store with a new epoch",
                known.cluster_id, place.cluster_id
            )));
        }
        Ok(())
    }

    /// A position says something only about the log it was taken from.
    fn check_log(
        &mut self,
        partition: i32,
        found: &Recovering,
        progress: &Progress,
    ) -> Result<(), Outcome> {
        for (input, last) in [
            (Input::Events, progress.last_events),
            (Input::Orders, progress.last_orders),
        ] {
            let position = progress.position.of(input);
            // The end was asked for before the barrier; a log only grows.
            if position > found.ends.of(input) {
                return Err(self.refuse(format!(
                    "partition {partition} of {input:?} was read up to offset {position}, the log \
                     ends at {}: the topic was made anew or lost records; restore it, or adopt the \
                     store with a new epoch",
                    found.ends.of(input)
                )));
            }
            if let Some(last) = last {
                self.check_last(partition, input, last)?;
            }
        }
        Ok(())
    }

    fn check_last(&mut self, partition: i32, input: Input, last: Last) -> Result<(), Outcome> {
        let mut same = true;
        let until = Until::Offset(last.offset.saturating_add(1));
        self.log
            .read(
                Source::Input(input),
                partition,
                last.offset,
                &until,
                1,
                &mut |record| {
                    // Retention and compaction may have taken it; what stands there must be it.
                    same = record.offset != last.offset || record.timestamp == last.timestamp;
                },
            )
            .map_err(|fault| self.fault(&fault))?;
        if same {
            return Ok(());
        }
        Err(self.refuse(format!(
            "partition {partition} of {input:?} holds another record at offset {} than was consumed: \
             the topic was made anew; restore it, or adopt the store with a new epoch",
            last.offset
        )))
    }

    /// Where re-folding begins.
    fn checkpoint_of(&mut self, partition: i32, found: &Recovering) -> Result<Position, Outcome> {
        let start = match found.checkpoint {
            Some(saved) => Position {
                events: saved.events,
                orders: saved.orders,
            },
            // Without a checkpoint all of the log has to be folded again.
            None => Position::default(),
        };
        for input in Input::ALL {
            let behind = start.of(input) < found.position.of(input);
            if behind && found.starts.of(input) > start.of(input) {
                return Err(self.refuse(format!(
                    "partition {partition} of {input:?}: the store has what lies below offset {}, the \
                     log begins at {} and was read up to {}: what lies between is gone; restore the \
                     store, or adopt it with a new epoch",
                    start.of(input),
                    found.starts.of(input),
                    found.position.of(input)
                )));
            }
        }
        if let Some(saved) = found.checkpoint {
            let age_ms = self.clock.wall_ms().saturating_sub(saved.saved_at);
            if start.orders < found.position.orders && age_ms > self.settings.orders_lag_ms {
                return Err(self.refuse(format!(
                    "partition {partition}: the checkpoint is {age_ms} ms old, and `orders` may be \
                     compacted after {} ms: what has to be folded again may be gone; restore the \
                     store, or adopt it with a new epoch",
                    self.settings.orders_lag_ms
                )));
            }
        }
        Ok(start)
    }
}
