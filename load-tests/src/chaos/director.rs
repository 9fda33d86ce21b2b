//! Carries out the acts while the senders work, and watches for processes that die by
//! themselves. Every blow is noted with its moment.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::act::Act;
use super::cluster::Cluster;
use super::services::Services;
use super::{ChaosFault, ChaosOptions};
use crate::audit::Fault;
use crate::instance::{Instance, last_words};
use crate::sender::Progress;

const LOOK_AGAIN: Duration = Duration::from_millis(20);
const GOODBYE: Duration = Duration::from_secs(40);

/// What was done, and what happened that nobody did.
#[derive(Debug, Default)]
pub struct Conducted {
    /// Each act with its moment since the start.
    pub acts: Vec<(Duration, String)>,
    pub processor_kills: u32,
    pub gateway_kills: u32,
    /// Ends that nobody brought about.
    pub faults: Vec<Fault>,
}

struct Director<'a> {
    started: Instant,
    options: &'a ChaosOptions,
    cluster: &'a mut Cluster,
    services: &'a mut dyn Services,
    /// The frozen processor and when it thaws.
    frozen: Option<(usize, Instant)>,
    /// Processors that were frozen once and may have learnt since that they are fenced.
    fenced: Vec<usize>,
    conducted: Conducted,
}

/// Works the schedule off until the senders are `done` and all acts are; sets `progress.stop`
/// at the deadline.
pub(super) fn conduct(
    options: &ChaosOptions,
    cluster: &mut Cluster,
    services: &mut dyn Services,
    acts: Vec<(u64, Act)>,
    progress: &Progress,
    done: &dyn Fn() -> bool,
    deadline: Instant,
) -> Result<Conducted, ChaosFault> {
    let mut director = Director {
        started: Instant::now(),
        options,
        cluster,
        services,
        frozen: None,
        fenced: Vec::new(),
        conducted: Conducted::default(),
    };
    let mut acts = acts.into_iter().peekable();
    loop {
        let delivered = progress.delivered.load(Ordering::Relaxed);
        if let Some((_, act)) = acts.next_if(|(due, _)| *due <= delivered) {
            director.perform(act)?;
        }
        director.thaw_when_due()?;
        director.watch()?;
        if Instant::now() > deadline {
            progress.stop.store(true, Ordering::Relaxed);
        }
        if done() && director.frozen.is_none() && (acts.peek().is_none() || stopped(progress)) {
            return Ok(director.conducted);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn stopped(progress: &Progress) -> bool {
    progress.stop.load(Ordering::Relaxed)
}

impl Director<'_> {
    fn perform(&mut self, act: Act) -> Result<(), ChaosFault> {
        let note = match act {
            Act::KillProcessor(number) => {
                let Some(processor) = self.running(number) else {
                    return Ok(());
                };
                processor.kill()?;
                processor.restart()?;
                let note = format!("kill -9 {}", processor.name());
                self.conducted.processor_kills += 1;
                note
            }
            Act::KillGateway => {
                self.cluster.gateway.kill()?;
                self.cluster.gateway.restart()?;
                self.conducted.gateway_kills += 1;
                "kill -9 gateway".to_owned()
            }
            Act::Join => {
                self.cluster.join()?;
                "a processor joins".to_owned()
            }
            Act::Leave => {
                if let Some(mut guest) = self.cluster.guest.take() {
                    let status = guest.terminate(GOODBYE)?;
                    if !status.success() {
                        let evidence = last_words(status, &guest.log());
                        self.fault(guest.name(), "left with a failure", evidence);
                    }
                }
                "it leaves by SIGTERM".to_owned()
            }
            Act::Freeze(number) => {
                let until = Instant::now() + self.options.freeze;
                let Some(index) = self.running_index(number) else {
                    return Ok(());
                };
                let Some(processor) = self.cluster.processors.get_mut(index) else {
                    return Ok(());
                };
                processor.freeze()?;
                let note = format!("SIGSTOP {}", processor.name());
                self.frozen = Some((index, until));
                self.fenced.push(index);
                note
            }
            Act::CrashStore => {
                self.services.crash_store()?;
                "kill -9 and restart of the CQL store".to_owned()
            }
            Act::CrashKafka => {
                self.services.crash_kafka()?;
                "kill -9 and restart of Kafka".to_owned()
            }
        };
        self.note(note);
        Ok(())
    }

    /// The processor `number`, or the next that is not frozen.
    fn running_index(&self, number: u32) -> Option<usize> {
        let count = self.cluster.processors.len();
        let first = usize::try_from(number).unwrap_or(0);
        (0..count).map(|step| (first + step) % count).find(|index| {
            self.cluster
                .processors
                .get(*index)
                .is_some_and(|it| !it.is_frozen())
        })
    }

    fn running(&mut self, number: u32) -> Option<&mut Instance> {
        let index = self.running_index(number)?;
        self.cluster.processors.get_mut(index)
    }

    fn thaw_when_due(&mut self) -> Result<(), ChaosFault> {
        let Some((index, until)) = self.frozen else {
            return Ok(());
        };
        if Instant::now() < until {
            return Ok(());
        }
        self.frozen = None;
        if let Some(processor) = self.cluster.processors.get_mut(index) {
            processor.thaw()?;
            let note = format!("SIGCONT {}", processor.name());
            self.note(note);
        }
        Ok(())
    }

    /// Starts again what ended by itself, as a supervisor would. One that was frozen may stop
    /// for being fenced; any other end is a fault.
    fn watch(&mut self) -> Result<(), ChaosFault> {
        let mut ends = Vec::new();
        for (index, processor) in self.cluster.processors.iter_mut().enumerate() {
            if let Some(status) = processor.ended() {
                let log = processor.log();
                processor.restart()?;
                ends.push((Some(index), processor.name().to_owned(), status, log));
            }
        }
        if let Some(status) = self.cluster.gateway.ended() {
            let log = self.cluster.gateway.log();
            self.cluster.gateway.restart()?;
            ends.push((None, "gateway".to_owned(), status, log));
        }
        for (index, name, status, log) in ends {
            self.note(format!(
                "{name} ended by itself with {status}; started again"
            ));
            if !index.is_some_and(|index| self.fenced.contains(&index)) {
                self.fault(&name, "ended by itself", last_words(status, &log));
            }
        }
        Ok(())
    }

    fn note(&mut self, what: String) {
        let at = self.started.elapsed();
        eprintln!("{at:>7.1?}  {what}");
        self.conducted.acts.push((at, what));
    }

    fn fault(&mut self, subject: &str, what: &str, evidence: String) {
        let (subject, what) = (subject.to_owned(), what.to_owned());
        self.conducted.faults.push(Fault {
            subject,
            what,
            evidence,
        });
    }
}
