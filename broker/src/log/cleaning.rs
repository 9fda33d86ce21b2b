//! Compacting closed segments: of each key the last committed value is kept.
//!
//! It runs on whatever thread, on files that nobody writes to, and changes none of them. What is
//! in doubt is kept as it is: a transaction without an end, a batch that cannot be unpacked, and
//! every tombstone after one of these, for it may still have something to delete.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use trueup_plants::{Plant, planted};

use super::fates::{Fate, Fates};
use super::fault::LogFault;
use super::scan::{Scan, length};
use super::segment::Segment;
use super::settings::LogSettings;
use super::swap;
use crate::batch::{Batch, Marker};
use crate::disk::{Disk, DiskFile};
use crate::limits::{COMPACTION_KEY_OVERHEAD_BYTES, MAX_COMPACTION_KEY_BYTES, SCAN_BYTES};

/// A segment to be compacted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) base: i64,
    pub(super) until: i64,
    pub(super) written: u64,
}

/// The order to compact the closed segments of a log.
#[derive(Debug)]
pub struct Compaction {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: String,
    pub(super) settings: LogSettings,
    pub(super) sources: Vec<Source>,
    pub(super) dirty_from: i64,
    pub(super) now_ms: i64,
    pub(super) aborts_forgotten_below: i64,
}

/// Compacted segments, ready to be put in the place of the others.
#[derive(Debug)]
pub struct Compacted {
    pub(super) groups: Vec<Group>,
    pub(super) cleaned_until: i64,
    pub(super) until: i64,
    /// Not all dirty keys were seen: there is more to do at once.
    pub(super) keys_left: bool,
    pub(super) next_horizon_ms: Option<i64>,
    pub(super) aborted_gone_below: i64,
}

/// One compacted segment, and those that it replaces.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) sources: Vec<Source>,
    pub(super) segment: Segment,
}

/// The last offset of each key in the dirty part.
#[derive(Debug)]
struct Keys {
    last: HashMap<Bytes, i64>,
    /// From here on no keys were noted.
    until: i64,
    first_open: i64,
}

impl Compaction {
    /// Writes the compacted segments, durably, beside the others.
    pub fn run(self) -> Result<Compacted, LogFault> {
        let mut fates = Fates::default();
        self.each(&self.sources, |batch| {
            fates.note(&batch);
            Ok(true)
        })?;
        let keys = self.keys(&fates)?;
        let until = self.sources.last().map_or(0, |last| last.until);
        let mut filter = Filter {
            compaction: &self,
            fates: &fates,
            keys: &keys,
            unreadable: false,
            alive: HashSet::new(),
            next_horizon_ms: None,
        };
        let mut groups = Vec::new();
        for sources in grouped(&self.sources, self.settings.segment_bytes) {
            if let Some(segment) = self.clean(sources, &mut filter)? {
                groups.push(Group {
                    sources: sources.to_vec(),
                    segment,
                });
            }
        }
        Ok(Compacted {
            groups,
            cleaned_until: keys.until.min(keys.first_open),
            until,
            keys_left: keys.until < until,
            next_horizon_ms: filter.next_horizon_ms,
            aborted_gone_below: until.min(keys.first_open),
        })
    }

    /// Shows every batch of `sources` to `visit`, until that says no.
    fn each(
        &self,
        sources: &[Source],
        mut visit: impl FnMut(Batch) -> Result<bool, LogFault>,
    ) -> Result<(), LogFault> {
        for source in sources {
            let path = Segment::path(&self.directory, source.base);
            let file = self.disk.open(&path)?;
            let mut scan = Scan::new(file, path, 0, source.written);
            while let Some((_, batch)) = scan.next()? {
                if !visit(batch)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn keys(&self, fates: &Fates) -> Result<Keys, LogFault> {
        let until = self.sources.last().map_or(0, |last| last.until);
        let mut keys = Keys {
            last: HashMap::new(),
            until,
            first_open: fates.first_open().unwrap_or(i64::MAX),
        };
        let first = self
            .sources
            .partition_point(|source| source.until <= self.dirty_from);
        let dirty = self.sources.get(first..).unwrap_or_default();
        let mut room = MAX_COMPACTION_KEY_BYTES;
        self.each(dirty, |batch| {
            let counts = match fates.of(&batch.header) {
                Fate::Committed => true,
                Fate::Aborted => planted(Plant::AbortedShadows),
                Fate::Open => false,
            };
            if batch.header.is_control() || !counts || batch.header.next_offset() <= self.dirty_from
            {
                return Ok(true);
            }
            for record in batch.records().unwrap_or_default() {
                let offset = record.offset(&batch.header);
                let Some(key) = record.key else {
                    continue;
                };
                if let Some(last) = keys.last.get_mut(&key) {
                    *last = offset;
                    continue;
                }
                let takes = key.len().saturating_add(COMPACTION_KEY_OVERHEAD_BYTES);
                if takes > room && !keys.last.is_empty() {
                    keys.until = batch.header.base_offset;
                    return Ok(false);
                }
                room = room.saturating_sub(takes);
                // A copy of its own: the slice would keep the whole segment in memory.
                keys.last.insert(Bytes::copy_from_slice(&key), offset);
            }
            Ok(true)
        })?;
        Ok(keys)
    }

    /// Writes what is left of `sources`; `None` if that is everything, in as many files.
    fn clean(
        &self,
        sources: &[Source],
        filter: &mut Filter<'_>,
    ) -> Result<Option<Segment>, LogFault> {
        let Some(base) = sources.first().map(|first| first.base) else {
            return Ok(None);
        };
        let path = swap::unfinished_path(&self.directory, base);
        let mut output = Output {
            file: self.disk.create(&path)?,
            segment: Segment::new(base),
            buffered: Vec::new(),
            buffered_bytes: 0,
        };
        let mut changed = sources.len() > 1;
        self.each(sources, |batch| {
            match filter.kept(&batch)? {
                Some(kept) => {
                    changed |= kept.bytes != batch.bytes;
                    output.put(kept, self.settings.index_interval_bytes)?;
                }
                None => changed = true,
            }
            Ok(true)
        })?;
        if changed {
            return output.finish().map(Some);
        }
        self.disk.remove(&path)?;
        Ok(None)
    }
}

/// Runs of segments that fit into one.
fn grouped(sources: &[Source], segment_bytes: u64) -> Vec<&[Source]> {
    let mut groups = Vec::new();
    let mut rest = sources;
    while !rest.is_empty() {
        let mut bytes = 0_u64;
        let fits = rest.iter().take_while(|source| {
            bytes = bytes.saturating_add(source.written);
            bytes <= segment_bytes
        });
        let (group, later) = rest.split_at(fits.count().max(1));
        groups.push(group);
        rest = later;
    }
    groups
}

/// Decides what is kept of each batch; sees all of them in order.
struct Filter<'a> {
    compaction: &'a Compaction,
    fates: &'a Fates,
    keys: &'a Keys,
    /// A batch before this one could not be read, and may have any key.
    unreadable: bool,
    /// Producers of which data was kept since their last marker.
    alive: HashSet<i64>,
    next_horizon_ms: Option<i64>,
}

impl Filter<'_> {
    fn kept(&mut self, batch: &Batch) -> Result<Option<Batch>, LogFault> {
        let header = &batch.header;
        if header.is_control() {
            return Ok(self.keeps_control(batch).then(|| batch.clone()));
        }
        let kept = match self.fates.of(header) {
            Fate::Aborted => None,
            Fate::Open => Some(batch.clone()),
            Fate::Committed => self.latest(batch)?,
        };
        if kept.is_some() && header.is_transactional() {
            self.alive.insert(header.producer_id);
        }
        Ok(kept)
    }

    /// A marker is needed as long as there is data that it decides. That of an abort is also
    /// needed while readers are told of the abort: they wait for it.
    fn keeps_control(&mut self, batch: &Batch) -> bool {
        let alive = self.alive.remove(&batch.header.producer_id);
        match batch.marker_kind() {
            Some(Marker::Commit) => alive,
            Some(Marker::Abort) => {
                alive || batch.header.base_offset >= self.compaction.aborts_forgotten_below
            }
            None => true,
        }
    }

    fn latest(&mut self, batch: &Batch) -> Result<Option<Batch>, LogFault> {
        let header = &batch.header;
        let Ok(mut records) = batch.records() else {
            self.unreadable = true;
            return Ok(Some(batch.clone()));
        };
        let all = records.len();
        // Only here is it certain that nothing older of the same key is left.
        let settled =
            header.next_offset() <= self.keys.until.min(self.keys.first_open) && !self.unreadable;
        let horizon_ms = header.delete_horizon_ms();
        let over = horizon_ms.is_some_and(|horizon_ms| horizon_ms <= self.compaction.now_ms)
            || planted(Plant::TombstoneEarly);
        let mut tombstones = false;
        records.retain(|record| {
            let Some(key) = &record.key else {
                return false;
            };
            let last = self.keys.last.get(key);
            if last.is_some_and(|last| *last > record.offset(header)) {
                return false;
            }
            if record.value.is_some() {
                return true;
            }
            let stays = !(settled && over);
            tombstones |= stays;
            stays
        });
        if records.is_empty() {
            return Ok(None);
        }
        let fresh_horizon_ms = (tombstones && settled && horizon_ms.is_none()).then(|| {
            self.compaction
                .now_ms
                .saturating_add(self.compaction.settings.delete_retention_ms)
        });
        // One that is over and had to stay waits for something else than time.
        if tombstones
            && let Some(horizon_ms) = horizon_ms.or(fresh_horizon_ms)
            && horizon_ms > self.compaction.now_ms
        {
            let next_ms = self.next_horizon_ms.unwrap_or(i64::MAX);
            self.next_horizon_ms = Some(next_ms.min(horizon_ms));
        }
        if records.len() == all && fresh_horizon_ms.is_none() {
            return Ok(Some(batch.clone()));
        }
        Ok(Some(batch.with_records(&records, fresh_horizon_ms)?))
    }
}

/// A segment being written.
struct Output {
    file: Arc<dyn DiskFile>,
    segment: Segment,
    buffered: Vec<Bytes>,
    buffered_bytes: usize,
}

impl Output {
    fn put(&mut self, batch: Batch, index_interval_bytes: u64) -> Result<(), LogFault> {
        let position = self.segment.written;
        self.segment
            .note(&batch.header, position, index_interval_bytes);
        self.segment.written = position.saturating_add(length(batch.bytes.len()));
        self.buffered_bytes = self.buffered_bytes.saturating_add(batch.bytes.len());
        self.buffered.push(batch.bytes);
        if self.buffered_bytes >= SCAN_BYTES {
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), LogFault> {
        let parts: Vec<&[u8]> = self.buffered.iter().map(AsRef::as_ref).collect();
        self.file.append(&parts)?;
        self.buffered.clear();
        self.buffered_bytes = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<Segment, LogFault> {
        self.write_out()?;
        self.file.sync()?;
        self.segment.exists = true;
        // The next checkpoint writes its index file.
        self.segment.unsynced = true;
        Ok(self.segment)
    }
}
