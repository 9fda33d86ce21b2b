//! Opening a log as of its last checkpoint.
//!
//! What the segments have beyond it was never promised here, and the journal has it: it is cut off.
//! What they should have below it, and have not, is damage.

use std::sync::Arc;

use super::Log;
use super::checkpoint::IndexFile;
use super::compaction::Progress;
use super::fault::LogFault;
use super::position::LogPosition;
use super::segment::Segment;
use super::settings::LogSettings;
use super::swap;
use crate::disk::{Disk, read_whole};
use crate::limits::{INDEX_FILE_FROM_BYTES, MAX_INDEX_FILE_BYTES};

impl Log {
    /// Opens the log in `directory`, which may be empty, and cuts it back to `position`.
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: &str,
        settings: LogSettings,
        position: LogPosition,
    ) -> Result<Self, LogFault> {
        disk.create_directory(directory)?;
        let names = disk.list(directory)?;
        let mut log = Self {
            disk,
            directory: directory.to_owned(),
            settings,
            segments: Vec::new(),
            start: position.start,
            end: position.end,
            cleaned_until: position.cleaned_until,
            names_changed: true,
            compaction: Progress::default(),
            shared: Arc::default(),
        };
        for name in names.iter().filter(|name| is_left_over(name)) {
            log.disk.remove(&format!("{directory}/{name}"))?;
        }
        let bases = bases(&swap::complete(log.disk.as_ref(), directory, &names)?);
        for orphan in names.iter().filter_map(|name| base_of(name, ".index")) {
            if bases.binary_search(&orphan).is_err() {
                log.disk.remove(&Segment::index_path(directory, orphan))?;
            }
        }
        for (index, base) in bases.iter().enumerate() {
            let until = bases
                .get(index.saturating_add(1))
                .map_or(position.end, |next| position.end.min(*next));
            if *base >= position.end || until <= position.start {
                log.remove_segment(*base)?;
            } else {
                let segment = log.load(*base, until)?;
                log.segments.push(segment);
            }
        }
        log.leave_compacted_segment();
        let first = log
            .segments
            .first()
            .map_or(position.end, |first| first.base);
        log.start = position.start.max(first);
        log.cleaned_until = position.cleaned_until.clamp(log.start, log.end);
        Ok(log)
    }

    /// Drops all batches from `offset` on.
    pub fn cut_to(&mut self, offset: i64) -> Result<(), LogFault> {
        let offset = offset.max(self.start);
        if offset >= self.end {
            return Ok(());
        }
        self.flush()?;
        while let Some(last) = self.segments.last() {
            let (base, next, exists) = (last.base, last.next, last.exists);
            if base >= offset {
                if exists {
                    self.remove_segment(base)?;
                }
                self.segments.pop();
                continue;
            }
            if next > offset {
                self.disk
                    .remove(&Segment::index_path(&self.directory, base))?;
                let cut = self.load(base, offset)?;
                self.segments.pop();
                self.segments.push(cut);
            }
            break;
        }
        self.names_changed = true;
        self.end = offset;
        self.cleaned_until = self.cleaned_until.min(offset);
        self.leave_compacted_segment();
        Ok(())
    }

    /// Begins another segment if compaction took the last batches before the log's end. Where
    /// those should be, the next opening could not tell what a crash tore from what is damaged.
    fn leave_compacted_segment(&mut self) {
        if self
            .segments
            .last()
            .is_some_and(|last| last.next < self.end)
        {
            self.segments.push(Segment::new(self.end));
        }
    }

    pub(super) fn remove_segment(&self, base: i64) -> Result<(), LogFault> {
        self.disk
            .remove(&Segment::index_path(&self.directory, base))?;
        self.disk.remove(&Segment::path(&self.directory, base))?;
        Ok(())
    }

    /// Reads a segment's batches below `until`, from its index where that knows them, and cuts off
    /// the others.
    pub(super) fn load(&self, base: i64, until: i64) -> Result<Segment, LogFault> {
        let disk = self.disk.as_ref();
        let directory = self.directory.as_str();
        let file = disk.open(&Segment::path(directory, base))?;
        let length = file.length()?;
        let mut segment = Segment::new(base);
        segment.exists = true;
        segment.written = length;
        let index_path = Segment::index_path(directory, base);
        let known = read_whole(disk, &index_path, MAX_INDEX_FILE_BYTES)?
            .and_then(|bytes| IndexFile::decode(&bytes))
            .filter(|known| known.covered <= length && known.next <= until);
        let mut covered = 0_u64;
        if let Some(known) = known {
            covered = known.covered;
            segment.next = known.next;
            segment.first_timestamp = known.first_timestamp;
            segment.max_timestamp = known.max_timestamp;
            segment.index = known.index;
        } else {
            disk.remove(&index_path)?;
        }
        let mut scan = segment.scan(disk, directory, covered)?;
        let mut good = covered;
        while segment.next < until {
            let Some((position, batch)) = scan.next()? else {
                break;
            };
            if batch.header.base_offset < segment.next {
                return Err(scan.corrupt("offsets go back".to_owned()));
            }
            if batch.header.next_offset() > until {
                break;
            }
            segment.note(&batch.header, position, self.settings.index_interval_bytes);
            good = scan.position();
        }
        segment.written = good;
        if good < length {
            file.truncate(good)?;
        }
        // The batches are durable, but the cut is not, or they deserve an index file.
        segment.unsynced = good < length || (good > covered && good >= INDEX_FILE_FROM_BYTES);
        Ok(segment)
    }
}

/// What a crash interrupted before it had a meaning.
fn is_left_over(name: &str) -> bool {
    name.ends_with(".new") || name.ends_with(swap::UNFINISHED_SUFFIX)
}

/// Where the segments begin, in order.
fn bases(names: &[String]) -> Vec<i64> {
    let mut bases: Vec<i64> = names
        .iter()
        .filter_map(|name| base_of(name, ".log"))
        .collect();
    bases.sort_unstable();
    bases
}

fn base_of(name: &str, suffix: &str) -> Option<i64> {
    let base = name.strip_suffix(suffix)?.parse().ok()?;
    (base >= 0).then_some(base)
}
