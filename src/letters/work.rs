//! Replays or discards letters, chunk by chunk and round by round.
//!
//! A record is written back and acknowledged by all in-sync replicas, then its letter is taken away.
//! Killed between the two, the letter stays and its record is written once more by the next replay;
//! the fold knows it by then. So whatever breaks off is simply done again. A letter that could not
//! be written holds back the later ones of its key, so that none overtakes it.

use std::collections::{HashMap, HashSet};

use trueup_plants::{Plant, planted};
use trueup_schemas::records::DeadLetter;

use super::answer::{Deed, Outcome, Report, Told};
use super::entry::{Entry, Lane, Place};
use super::reader::Reader;
use super::target::{self, Back, Prospect, Targets};
use super::writer::Writer;
use super::{LetterFault, Letters, Pace, plan};

/// What is to be done.
pub struct Work<'a> {
    pub deed: Deed,
    /// Without it nothing is changed.
    pub yes: bool,
    pub pace: &'a Pace,
    /// Letters at most, where there is a limit.
    pub most: Option<usize>,
    /// Whether nothing more shall be begun.
    pub is_over: &'a dyn Fn() -> bool,
}

impl Letters {
    /// Does `work` on the letters `selected`, and shows `progress` how far it is.
    ///
    /// # Errors
    /// When Kafka cannot be asked at all; what happens to one letter is in the report.
    pub fn work(
        &self,
        work: &Work<'_>,
        selected: Vec<Entry>,
        progress: &mut dyn FnMut(&Report),
    ) -> Result<Report, LetterFault> {
        let mut ordered = plan::in_order(selected);
        let most = work.most.unwrap_or(usize::MAX);
        let remaining = ordered.len().saturating_sub(most);
        ordered.truncate(most);
        let reader = self.reader()?;
        let mut shift = Shift {
            work,
            targets: Targets::ask(self, &reader.consumer)?,
            writer: Writer::open(&self.kafka, self.topics.dead_letters())?,
            reader,
            held_up: HashSet::new(),
            report: Report::new(work.deed, !work.yes),
        };
        for chunk in plan::chunks(&ordered) {
            shift.chunk(ordered.get(chunk).unwrap_or_default(), progress)?;
        }
        shift.report.remaining = u64::try_from(remaining).unwrap_or(u64::MAX);
        Ok(shift.report)
    }
}

struct Shift<'a> {
    work: &'a Work<'a>,
    reader: Reader,
    targets: Targets,
    writer: Writer,
    /// Lanes of which a letter could not be written.
    held_up: HashSet<Lane<'a>>,
    report: Report,
}

/// A letter whose record is about to be written.
struct Leaving<'a> {
    entry: &'a Entry,
    back: Back,
    prospect: Prospect,
}

type Found = HashMap<Place, DeadLetter>;

impl<'a> Shift<'a> {
    fn chunk(
        &mut self,
        chunk: &'a [Entry],
        progress: &mut dyn FnMut(&Report),
    ) -> Result<(), LetterFault> {
        let mut found = self.reader.fetch(chunk)?;
        if !self.work.yes {
            for entry in chunk {
                let told = match found.remove(&entry.place) {
                    None => gone(entry),
                    Some(_) if self.work.deed == Deed::Discard => {
                        tell(entry, Outcome::WouldDiscard, None)
                    }
                    Some(letter) => foretold(&self.targets, entry, &letter),
                };
                self.report.tell(self.work.deed, told);
            }
            progress(&self.report);
            return Ok(());
        }
        for round in plan::rounds(chunk) {
            for slice in round.chunks(self.work.pace.burst()) {
                let entries: Vec<&Entry> =
                    slice.iter().filter_map(|index| chunk.get(*index)).collect();
                self.slice(&entries, &mut found);
                progress(&self.report);
            }
        }
        Ok(())
    }

    /// Letters of different lanes, at the same time.
    fn slice(&mut self, entries: &[&'a Entry], found: &mut Found) {
        if (self.work.is_over)() {
            for entry in entries {
                self.hold_up(entry, "there was no time left for it; ask again");
            }
            return;
        }
        self.work.pace.wait(entries.len());
        let leaving: Vec<Leaving<'a>> = entries
            .iter()
            .filter_map(|entry| match self.work.deed {
                Deed::Replay => self.leave(entry, found.remove(&entry.place)),
                Deed::Discard => None,
            })
            .collect();
        match self.work.deed {
            Deed::Replay => self.replay(leaving),
            Deed::Discard => self.discard(entries, found),
        }
    }

    /// What is to be written for a letter; `None` where nothing is, and that is told.
    fn leave(&mut self, entry: &'a Entry, letter: Option<DeadLetter>) -> Option<Leaving<'a>> {
        let Some(letter) = letter else {
            self.report.tell(self.work.deed, gone(entry));
            return None;
        };
        if let Some(told) = skipped(entry) {
            self.report.tell(self.work.deed, told);
            return None;
        }
        if self.held_up.contains(&entry.lane()) {
            self.hold_up(entry, "an earlier letter of its key was not replayed");
            return None;
        }
        let Some(back) = self.targets.back(&letter) else {
            self.report.tell(self.work.deed, no_input(entry));
            return None;
        };
        let prospect = self.targets.judge(&letter, &back);
        Some(Leaving {
            entry,
            back,
            prospect,
        })
    }

    fn replay(&mut self, leaving: Vec<Leaving<'a>>) {
        let backs: Vec<&Back> = leaving.iter().map(|leaving| &leaving.back).collect();
        let written = self.writer.write(&backs);
        if planted(Plant::ReplayDiesHalfway) && written.iter().any(Result::is_ok) {
            std::process::abort();
        }
        let mut safe = Vec::with_capacity(leaving.len());
        for (leaving, written) in leaving.into_iter().zip(written) {
            match written {
                Ok(()) => safe.push(leaving),
                Err(reason) if planted(Plant::LetterBuriedUnwritten) => {
                    tracing::debug!(reason, "buried all the same");
                    safe.push(leaving);
                }
                Err(reason) => {
                    let reason = format!("not written to `{}`: {reason}", leaving.back.topic);
                    self.hold_up(leaving.entry, &reason);
                }
            }
        }
        let entries: Vec<&Entry> = safe.iter().map(|leaving| leaving.entry).collect();
        let buried = self.writer.bury(&entries);
        for (leaving, buried) in safe.into_iter().zip(buried) {
            let (outcome, reason) = match (buried, leaving.prospect) {
                (Err(reason), _) => {
                    self.held_up.insert(leaving.entry.lane());
                    let reason =
                        format!("written, but its letter stays: {reason}; replay it again");
                    (Outcome::Failed, Some(reason))
                }
                (Ok(()), Prospect::RefusedAgain(reason)) => (Outcome::Failed, Some(reason)),
                (Ok(()), Prospect::Taken | Prospect::Ignored | Prospect::Unknown(_)) => {
                    (Outcome::Replayed, None)
                }
            };
            let mut told = tell(leaving.entry, outcome, reason);
            told.to = Some(to(&leaving.back));
            self.report.tell(self.work.deed, told);
        }
    }

    fn discard(&mut self, entries: &[&'a Entry], found: &mut Found) {
        let (held, lost): (Vec<&Entry>, Vec<&Entry>) = entries
            .iter()
            .partition(|entry| found.remove(&entry.place).is_some());
        for entry in lost {
            self.report.tell(self.work.deed, gone(entry));
        }
        let buried = self.writer.bury(&held);
        for (entry, buried) in held.into_iter().zip(buried) {
            let told = match buried {
                Ok(()) => tell(entry, Outcome::Discarded, None),
                Err(reason) => tell(entry, Outcome::Failed, Some(reason)),
            };
            self.report.tell(self.work.deed, told);
        }
    }

    fn hold_up(&mut self, entry: &'a Entry, reason: &str) {
        self.held_up.insert(entry.lane());
        let told = tell(entry, Outcome::Failed, Some(reason.to_owned()));
        self.report.tell(self.work.deed, told);
    }
}

fn tell(entry: &Entry, outcome: Outcome, reason: Option<String>) -> Told {
    Told {
        id: entry.id.clone(),
        class: entry.class.as_str().to_owned(),
        outcome,
        to: None,
        reason,
    }
}

fn to(back: &Back) -> String {
    format!("{}/{}", back.topic, back.partition)
}

fn gone(entry: &Entry) -> Told {
    let reason = "it is no longer there: replayed or discarded meanwhile";
    tell(entry, Outcome::Skipped, Some(reason.to_owned()))
}

fn skipped(entry: &Entry) -> Option<Told> {
    let reason = target::never(entry.class)?;
    Some(tell(entry, Outcome::Skipped, Some(reason.to_owned())))
}

fn no_input(entry: &Entry) -> Told {
    let reason = format!("`{}` is no input of this system", entry.topic);
    tell(entry, Outcome::Skipped, Some(reason))
}

/// What a replay of one letter would do.
pub(super) fn foretold(targets: &Targets, entry: &Entry, letter: &DeadLetter) -> Told {
    if let Some(told) = skipped(entry) {
        return told;
    }
    let Some(back) = targets.back(letter) else {
        return no_input(entry);
    };
    let (outcome, reason) = match targets.judge(letter, &back) {
        Prospect::Taken => (Outcome::WouldReplay, None),
        Prospect::Ignored => {
            let reason = "it would be read and change nothing";
            (Outcome::WouldReplay, Some(reason.to_owned()))
        }
        Prospect::Unknown(reason) => (Outcome::WouldReplay, Some(reason.to_owned())),
        Prospect::RefusedAgain(reason) => (Outcome::WouldFail, Some(reason)),
    };
    let mut told = tell(entry, outcome, reason);
    told.to = Some(to(&back));
    told
}
