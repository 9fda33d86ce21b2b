//! Reading a log: whole batches from an offset on, and the offset of a time.

use bytes::{Bytes, BytesMut};

use super::Log;
use super::fault::{LogFault, OutOfRange};
use super::scan::length;
use super::segment::Segment;
use crate::batch::{Batch, BatchHeader, HEADER_BYTES};
use crate::disk::Disk;
use crate::limits::MAX_STORED_BATCH_BYTES;

/// The first record that is not before a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundTime {
    pub offset: i64,
    pub timestamp_ms: i64,
}

/// What to read, and how much more of it.
struct Wanted {
    from: i64,
    below: i64,
    max_bytes: usize,
    /// Nothing was found yet, so the first batch is taken whatever its size.
    first: bool,
    found: Vec<Bytes>,
}

impl Wanted {
    /// Whether a batch with this header may be added to what was found, `more` of it apart.
    fn takes(&self, header: &BatchHeader, more: usize) -> bool {
        let fits = more.saturating_add(header.size()) <= self.max_bytes;
        header.last_offset() < self.below && (fits || (self.first && more == 0))
    }

    fn take(&mut self, bytes: Bytes, next: i64) {
        self.max_bytes = self.max_bytes.saturating_sub(bytes.len());
        self.first = false;
        self.from = next;
        self.found.push(bytes);
    }
}

impl Log {
    /// Whole batches from the one with offset `from` on, none with an offset that is not below
    /// `below`: at least one if there is one, else at most `max_bytes`.
    pub fn read(&self, from: i64, max_bytes: usize, below: i64) -> Result<Bytes, LogFault> {
        if from < self.start || from > self.end {
            return Err(OutOfRange {
                offset: from,
                start: self.start,
                end: self.end,
            }
            .into());
        }
        let mut wanted = Wanted {
            from,
            below,
            max_bytes,
            first: true,
            found: Vec::new(),
        };
        let first = self
            .segments
            .partition_point(|segment| segment.next <= from);
        for segment in self.segments.iter().skip(first) {
            if segment.base >= below {
                break;
            }
            let more = read_file(segment, self.disk.as_ref(), &self.directory, &mut wanted)?
                && read_memory(segment, &mut wanted);
            if !more {
                break;
            }
        }
        Ok(match wanted.found.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            several => {
                let size = several.iter().map(Bytes::len).sum();
                let mut joined = BytesMut::with_capacity(size);
                several
                    .iter()
                    .for_each(|piece| joined.extend_from_slice(piece));
                joined.freeze()
            }
        })
    }

    /// The first record below `below` that is not earlier than `timestamp_ms`.
    pub fn offset_for_time(
        &self,
        timestamp_ms: i64,
        below: i64,
    ) -> Result<Option<FoundTime>, LogFault> {
        let late = self
            .segments
            .iter()
            .filter(|segment| segment.next > self.start && segment.max_timestamp >= timestamp_ms);
        for segment in late {
            let mut found = None;
            let mut look = |batch: &Batch| {
                found = self.time_in(batch, timestamp_ms, below);
                found.is_some() || batch.header.base_offset >= below
            };
            let mut done = false;
            if segment.written > 0 {
                let position = segment.index.position_of_time(timestamp_ms);
                let mut scan = segment.scan(self.disk.as_ref(), &self.directory, position)?;
                while !done && let Some((_, batch)) = scan.next()? {
                    done = look(&batch);
                }
            }
            if done || segment.pending.iter().any(look) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The greatest timestamp of any record that is kept.
    #[must_use]
    pub fn max_timestamp(&self) -> Option<i64> {
        self.segments
            .iter()
            .filter(|segment| segment.first_timestamp.is_some())
            .map(|segment| segment.max_timestamp)
            .max()
    }

    fn time_in(&self, batch: &Batch, timestamp_ms: i64, below: i64) -> Option<FoundTime> {
        let header = &batch.header;
        let range = self.start..below.min(self.end);
        if header.max_timestamp < timestamp_ms || !range.contains(&header.last_offset()) {
            return None;
        }
        if let Ok(records) = batch.records() {
            return records
                .iter()
                .map(|record| FoundTime {
                    offset: record.offset(header),
                    timestamp_ms: record.timestamp(header),
                })
                .find(|found| found.timestamp_ms >= timestamp_ms && range.contains(&found.offset));
        }
        // Nobody can read its records, so its first offset stands for all of them.
        Some(FoundTime {
            offset: header.base_offset.max(self.start),
            timestamp_ms: header.max_timestamp,
        })
    }
}

/// Takes what is wanted from the file; says whether more may be taken after it.
fn read_file(
    segment: &Segment,
    disk: &dyn Disk,
    directory: &str,
    wanted: &mut Wanted,
) -> Result<bool, LogFault> {
    let mut position = segment.index.position_of(wanted.from);
    if position >= segment.written {
        return Ok(true);
    }
    let file = segment.open(disk, directory)?;
    let mut read = wanted.max_bytes.saturating_add(READ_AHEAD_BYTES);
    while position < segment.written {
        let left = segment.written.saturating_sub(position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(read);
        let bytes = file.read_at(position, most)?;
        let damaged = |reason: String| {
            segment
                .scan(disk, directory, position)
                .map_or_else(LogFault::from, |scan| scan.corrupt(reason))
        };
        match walk(&bytes, wanted).map_err(damaged)? {
            Walked::Enough => return Ok(false),
            Walked::On { until: 0, needed } if needed <= read => {
                return Err(damaged("the segment ends within a batch".to_owned()));
            }
            Walked::On { until, needed } => {
                position = position.saturating_add(length(until));
                read = wanted
                    .max_bytes
                    .max(needed)
                    .saturating_add(READ_AHEAD_BYTES);
            }
        }
    }
    Ok(true)
}

/// How much more is read than is wanted: the first batch may lie this far behind its mark.
const READ_AHEAD_BYTES: usize = 8 * 1024;

enum Walked {
    /// No more is wanted.
    Enough,
    /// The bytes were used up to here, and the batch there takes so many.
    On { until: usize, needed: usize },
}

/// Goes through the batches in `bytes` and takes the run of them that is wanted.
fn walk(bytes: &Bytes, wanted: &mut Wanted) -> Result<Walked, String> {
    let mut at = 0_usize;
    let mut run: Option<(usize, i64)> = None;
    let outcome = loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.len() < HEADER_BYTES {
            break Walked::On {
                until: at,
                needed: HEADER_BYTES,
            };
        }
        let header = BatchHeader::parse(rest).map_err(|fault| fault.to_string())?;
        let size = header.size();
        if size > MAX_STORED_BATCH_BYTES {
            return Err(format!("a batch of {size} bytes"));
        }
        let skipped = run.is_none() && header.last_offset() < wanted.from;
        if !skipped {
            let begun = run.map_or(at, |(begun, _)| begun);
            if !wanted.takes(&header, at.saturating_sub(begun)) {
                break Walked::Enough;
            }
        }
        if size > rest.len() {
            break Walked::On {
                until: at,
                needed: size,
            };
        }
        if !skipped {
            let begun = run.map_or(at, |(begun, _)| begun);
            run = Some((begun, header.next_offset()));
        }
        at = at.saturating_add(size);
    };
    if let Some((begun, next)) = run {
        wanted.take(bytes.slice(begun..at), next);
    }
    Ok(outcome)
}

/// Takes what is wanted of the batches in memory; says whether more may be taken after them.
fn read_memory(segment: &Segment, wanted: &mut Wanted) -> bool {
    let first = segment
        .pending
        .partition_point(|batch| batch.header.last_offset() < wanted.from);
    for batch in segment.pending.iter().skip(first) {
        if !wanted.takes(&batch.header, 0) {
            return false;
        }
        wanted.take(batch.bytes.clone(), batch.header.next_offset());
    }
    true
}
