//! The order of the measures: what one server did the other does next, and who goes first changes
//! each time, so that a busy machine is busy for both.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::limits::TRANSACTION_RECORDS;
use crate::options::Options;
use crate::process;
use crate::records::{self, Done, Topics};
use crate::report::{Figures, Line};
use crate::server::Server;
use crate::transact::{Loop, transact};

/// One server and how it is reached.
struct Side {
    server: Server,
    address: String,
    topics: Topics,
    /// Records in the topic that the round is about.
    records: u32,
}

/// What one measure of one server gave; CPU time where its process is known.
struct Measured<T> {
    what: T,
    cpu: Option<Duration>,
}

/// All figures, and the version of the other server.
pub(crate) fn run(options: &Options) -> Outcome<(Figures, String)> {
    say("starting both servers");
    let mut sides = [
        Side::of(Server::embedded()?)?,
        Side::of(Server::kafka(options)?)?,
    ];
    let kafka_version = sides[1].server.version()?;
    let mut figures = Figures::default();
    for number in 0..options.starts {
        say(&format!("start {} of {}", number + 1, options.starts));
        starts(&mut sides, Line::Start, &mut figures)?;
    }
    let mut warm = Figures::default();
    for number in 0..=options.rounds {
        say(&match number {
            0 => "warming up".to_owned(),
            number => format!("round {number} of {}", options.rounds),
        });
        // The first is for the other server's compiler, above all.
        let into = if number == 0 { &mut warm } else { &mut figures };
        round(&mut sides, number, options.time(), into)?;
    }
    let peaks = sides.each_ref().map(|side| {
        let pid = side.server.pid()?;
        Some(process::peak_memory(pid))
    });
    let [embedded, kafka] = peaks;
    figures.add(Line::Memory, [mebibytes(embedded)?, mebibytes(kafka)?]);
    say("a start on the data of the last round");
    starts(&mut sides, Line::StartWithData, &mut figures)?;
    for side in &sides {
        side.delete(options.rounds)?;
    }
    Ok((figures, kafka_version))
}

fn mebibytes(peak: Option<Outcome<u32>>) -> Outcome<Option<f64>> {
    let kibibytes = peak.transpose()?;
    Ok(kibibytes.map(|kibibytes| f64::from(kibibytes) / 1_024.0))
}

fn say(what: &str) {
    eprintln!("measure: {what}");
}

impl Side {
    fn of(server: Server) -> Outcome<Self> {
        let address = server.address()?.to_string();
        Ok(Self {
            topics: Topics::of(&address)?,
            server,
            address,
            records: 0,
        })
    }

    /// Takes away what a round wrote.
    fn delete(&self, round: u32) -> Outcome<()> {
        names(round)
            .iter()
            .try_for_each(|name| self.topics.delete(name))
    }

    fn measured<T>(&self, act: impl FnOnce() -> Outcome<T>) -> Outcome<Measured<T>> {
        let used = |pid| process::cpu(pid);
        let before = self.server.pid().map(used).transpose()?;
        let what = act()?;
        let after = self.server.pid().map(used).transpose()?;
        let cpu = before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before));
        Ok(Measured { what, cpu })
    }
}

/// The topics of a round: what is produced, and what the loop makes of it.
fn names(round: u32) -> [String; 2] {
    let id = std::process::id();
    ["from", "to"].map(|end| format!("measure-{id}-{round}-{end}"))
}

fn starts(sides: &mut [Side; 2], line: Line, figures: &mut Figures) -> Outcome<()> {
    let mut both = [None, None];
    for (place, side) in both.iter_mut().zip(sides.iter_mut()) {
        level();
        *place = side.server.start_again()?.map(milliseconds);
    }
    figures.add(line, both);
    Ok(())
}

fn round(sides: &mut [Side; 2], number: u32, time: Duration, figures: &mut Figures) -> Outcome<()> {
    let [from, to] = names(number);
    let first = usize::from(!number.is_multiple_of(2));
    for side in sides.iter() {
        if let Some(before) = number.checked_sub(1) {
            side.delete(before)?;
        }
        side.topics.create(&from)?;
        side.topics.create(&to)?;
    }
    let produced = in_turns(sides, first, |side| {
        let done = side.measured(|| records::produce(&side.address, &from, time))?;
        Ok((done.what.records, done))
    })?;
    rates(figures, Line::Produce, Line::ProduceCpu, &produced);
    let consumed = in_turns(sides, first, |side| {
        let records = side.records;
        let done = side.measured(|| records::consume(&side.address, &from, records, time))?;
        Ok((records, done))
    })?;
    rates(figures, Line::Consume, Line::ConsumeCpu, &consumed);
    let looped = in_turns(sides, first, |side| {
        let records = side.records;
        let topics = (from.as_str(), to.as_str());
        let done = side.measured(|| transact(&side.address, topics, records, time))?;
        if done.what.commits.is_empty() {
            return Err(format!("not {TRANSACTION_RECORDS} records to read").into());
        }
        Ok((records, done))
    })?;
    let commits = |part| {
        looped
            .each_ref()
            .map(|one| percentile(&one.what, part).map(milliseconds))
    };
    figures.add(Line::CommitMedian, commits(50));
    figures.add(Line::CommitSlow, commits(99));
    let loops = looped.map(|one| Measured {
        what: one.what.done,
        cpu: one.cpu,
    });
    rates(figures, Line::Loop, Line::LoopCpu, &loops);
    Ok(())
}

/// Measures one, then the other, and keeps for each how many records its topic holds.
fn in_turns<T>(
    sides: &mut [Side; 2],
    first: usize,
    measure: impl Fn(&Side) -> Outcome<(u32, T)>,
) -> Outcome<[T; 2]> {
    let [embedded, kafka] = sides;
    let one = |side: &mut Side| -> Outcome<T> {
        level();
        let (records, done) = measure(side)?;
        side.records = records;
        Ok(done)
    };
    if first == 0 {
        let embedded = one(embedded)?;
        Ok([embedded, one(kafka)?])
    } else {
        let kafka = one(kafka)?;
        Ok([one(embedded)?, kafka])
    }
}

fn rates(figures: &mut Figures, rate: Line, cpu: Line, both: &[Measured<Done>; 2]) {
    let records = |done: &Done| f64::from(done.records);
    figures.add(
        rate,
        both.each_ref()
            .map(|one| Some(records(&one.what) / one.what.time.as_secs_f64())),
    );
    figures.add(
        cpu,
        both.each_ref().map(|one| {
            let cpu = one.cpu?;
            Some(cpu.as_secs_f64() * 1_000_000.0 / records(&one.what))
        }),
    );
}

fn percentile(done: &Loop, part: usize) -> Option<Duration> {
    let place = done.commits.len().saturating_sub(1) * part / 100;
    done.commits.get(place).copied()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What one server left unwritten must not be written in the other's time.
fn level() {
    let begun = Instant::now();
    match Command::new("sync").status() {
        Ok(status) if status.success() => {}
        Ok(_) | Err(_) => say("`sync` cannot be run: what one leaves unwritten, the other pays"),
    }
    if begun.elapsed() > Duration::from_secs(10) {
        say("the disk was busy with what was written before");
    }
}
