//! A shop's stream on its way in: events by the sender, snapshots by the order service, while
//! somebody else does what he likes with the system. Says what could not be delivered.

use std::sync::atomic::Ordering;

use crate::audit::Fault;
use crate::fixtures::Fixtures;
use crate::sender::{self, Delivery, Progress, SenderOptions, Sent};
use crate::snapshots::{self, SnapshotFault};
use crate::story::Story;

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) fixtures: &'a Fixtures,
    pub(crate) stories: &'a [Story],
    pub(crate) deliveries: &'a [Delivery],
}

/// Where snapshots go.
#[derive(Debug, Clone)]
pub(crate) struct OrderService {
    pub(crate) bootstrap: String,
    pub(crate) topic: String,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: Sent,
    pub(crate) snapshots: u64,
    pub(crate) faults: Vec<Fault>,
}

/// Sends everything while `conduct` runs, which is told how to see that all is sent. Its failure
/// ends the sending.
pub(crate) fn drive<T, E>(
    input: Input<'_>,
    sender: &SenderOptions,
    orders: &OrderService,
    progress: &Progress,
    conduct: impl FnOnce(&dyn Fn() -> bool) -> Result<T, E>,
) -> (Traffic, Result<T, E>) {
    let Input {
        fixtures,
        stories,
        deliveries,
    } = input;
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| sender::send(fixtures, stories, deliveries, sender, progress));
        let writing = scope.spawn(|| {
            let count = deliveries.len();
            snapshots::write(&orders.bootstrap, &orders.topic, stories, count, progress)
        });
        let conducted = conduct(&|| sending.is_finished() && writing.is_finished());
        if conducted.is_err() {
            progress.stop.store(true, Ordering::Relaxed);
        }
        let mut traffic = Traffic {
            sent: sending.join().unwrap_or_default(),
            ..Traffic::default()
        };
        traffic.faults.extend(undelivered(&traffic.sent));
        match writing.join() {
            Ok(Ok(count)) => traffic.snapshots = count,
            Ok(Err(failed @ SnapshotFault::Kafka { .. })) => {
                let evidence = failed.to_string();
                traffic
                    .faults
                    .push(about("snapshots", "could not be written", evidence));
            }
            Ok(Err(lost @ SnapshotFault::Lost { .. })) => {
                traffic
                    .faults
                    .push(about("snapshots", "were lost", lost.to_string()));
            }
            Err(_) => traffic
                .faults
                .push(about("snapshots", "writer panicked", String::new())),
        }
        (traffic, conducted)
    })
}

pub(crate) fn about(subject: &str, what: &str, evidence: String) -> Fault {
    Fault {
        subject: subject.to_owned(),
        what: what.to_owned(),
        evidence,
    }
}

fn undelivered(sent: &Sent) -> Option<Fault> {
    let count = sent.given_up.len();
    (count > 0).then(|| {
        let evidence = format!("{:?}; attempts {:?}", sent.given_up.first(), sent.attempts);
        about(
            "sender",
            &format!("{count} deliveries were given up at the time limit"),
            evidence,
        )
    })
}
