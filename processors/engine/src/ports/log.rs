//! Kafka as one worker uses it: a member of a group, a transactional producer under one id, and a
//! reader of history that belongs to no group.
//!
//! Every call is a point at which the worker may lose its partitions, die, or be told nothing at
//! all; [`FaultClass`] says which of these it was, as far as anybody knows.

use std::fmt;
use std::time::Duration;

/// The two inputs, partitioned alike; the group knows only of `Events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    Events,
    Orders,
}

impl Input {
    pub const ALL: [Self; 2] = [Self::Events, Self::Orders];
}

/// What may be read again: the inputs, and the state topics that restore a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Input(Input),
    Gaps,
    Windows,
}

/// Where an output goes. All but dead letters go to the partition of their input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    Status,
    Gaps,
    Windows,
    DeadLetters,
}

/// The next offset to read of each input of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    pub events: i64,
    pub orders: i64,
}

impl Position {
    #[must_use]
    pub fn of(self, input: Input) -> i64 {
        match input {
            Input::Events => self.events,
            Input::Orders => self.orders,
        }
    }

    pub fn set(&mut self, input: Input, next: i64) {
        match input {
            Input::Events => self.events = next,
            Input::Orders => self.orders = next,
        }
    }
}

pub type Header = (String, Option<Vec<u8>>);

/// One record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub source: Source,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since the Unix epoch, where the broker gave one.
    pub timestamp: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}

impl Record {
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        value.as_deref()
    }
}

/// One record to write within a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub to: Destination,
    /// `None` where the key decides: dead letters.
    pub partition: Option<i32>,
    pub key: Vec<u8>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

/// A partition, and the next offset of each of [`Input::ALL`] that the group committed, if any.
pub type Committed = (i32, [Option<i64>; 2]);

/// What a group committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offsets {
    /// No transaction that is still open can change it.
    Stable(Vec<Committed>),
    /// What was committed before a transaction that covers some of it, and has not ended.
    Unstable(Vec<Committed>),
}

/// What a rebalance changed. An empty `Assigned` still means a new generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Assigned(Vec<i32>),
    /// Given back, or lost: in either case nothing of them may be written any more.
    Revoked(Vec<i32>),
}

/// What is known of a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultClass {
    /// Nothing happened: the same call may be made again.
    Retriable,
    /// The transaction cannot commit: abort it.
    Abortable,
    /// Abort; the group has moved on to another generation.
    Generation,
    /// The producer is of no more use.
    Fatal,
    /// A later producer of the same id was started, or this one's transaction was overdue.
    ProducerFenced,
    /// Another member of the group has taken this worker's name.
    MemberFenced,
    /// It may or may not have happened.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFault {
    pub operation: &'static str,
    pub class: FaultClass,
    pub reason: String,
}

impl fmt::Display for LogFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kafka could not {}: {} ({:?})",
            self.operation, self.reason, self.class
        )
    }
}

impl std::error::Error for LogFault {}

/// How far [`Log::read`] goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// Up to, and without, this offset.
    Offset(i64),
    /// Up to the record whose barrier header holds this nonce.
    Barrier(String),
    /// What a reader of committed records sees now; only a planted bug relies on it.
    StableEnd,
}

pub trait Log: Send {
    /// Serves the group, then reads up to `most` records of what [`Log::assign`] started, waiting
    /// up to `wait` for the first. Returns early with what changed.
    ///
    /// # Errors
    /// [`FaultClass::Retriable`] while the broker is away, [`FaultClass::MemberFenced`] when another
    /// member took this worker's name.
    fn poll(
        &mut self,
        wait: Duration,
        most: usize,
        into: &mut Vec<Record>,
    ) -> Result<Vec<Change>, LogFault>;

    /// Remembers the group's present generation for the transactions to come. Called before the
    /// first transaction and after each rebalance, never just before a commit: a generation taken
    /// late would let a worker commit for partitions it has lost.
    fn adopt_generation(&mut self);

    /// Starts reading both inputs of these partitions at the given positions.
    ///
    /// # Errors
    /// [`LogFault`] when the client refuses; then nothing is read of them.
    fn assign(&mut self, live: &[(i32, Position)]) -> Result<(), LogFault>;

    /// Stops reading both inputs of these partitions.
    ///
    /// # Errors
    /// [`LogFault`] when the client refuses.
    fn release(&mut self, partitions: &[i32]) -> Result<(), LogFault>;

    /// Pauses or resumes both inputs of these partitions, which stay assigned.
    ///
    /// # Errors
    /// [`LogFault`] when the client refuses.
    fn pause(&mut self, partitions: &[i32], paused: bool) -> Result<(), LogFault>;

    /// Committed positions, `None` where the group never committed. Transactions that are about
    /// to end are waited for, for a moment.
    ///
    /// # Errors
    /// [`LogFault`] when the broker did not answer.
    fn committed(&mut self, partitions: &[i32]) -> Result<Offsets, LogFault>;

    /// First offset kept, and the first that a committed reader has not been shown.
    ///
    /// # Errors
    /// [`LogFault`] when the broker did not answer.
    fn bounds(&mut self, source: Source, partition: i32) -> Result<(i64, i64), LogFault>;

    /// Reads committed records in order, from offset `from`, outside the group. `Ok(false)` when
    /// `most` records were handed over before the end: read on from behind the last.
    ///
    /// # Errors
    /// [`LogFault`] when the end was not reached in time; what was handed over stays valid.
    fn read(
        &mut self,
        source: Source,
        partition: i32,
        from: i64,
        until: &Until,
        most: usize,
        take: &mut dyn FnMut(Record),
    ) -> Result<bool, LogFault>;

    /// Whether no broker could be reached at some moment since the last recycle: they may have
    /// forgotten how our last transaction ended, and only a recycle can tell.
    fn was_away(&mut self) -> bool;

    /// # Errors
    /// [`LogFault`] of any class; [`FaultClass::Fatal`] also after [`Log::was_away`].
    fn begin(&mut self) -> Result<(), LogFault>;

    /// Hands a record to the producer; it is acknowledged by [`Log::drain`].
    ///
    /// # Errors
    /// [`LogFault`] of any class.
    fn produce(&mut self, output: Output) -> Result<(), LogFault>;

    /// Waits until every record handed over is acknowledged.
    ///
    /// # Errors
    /// [`FaultClass::Abortable`] when one of them was refused or not acknowledged in time.
    fn drain(&mut self) -> Result<(), LogFault>;

    /// # Errors
    /// [`LogFault`] of any class.
    fn send_offsets(&mut self, positions: &[(i32, Position)]) -> Result<(), LogFault>;

    /// # Errors
    /// [`LogFault`] of any class; [`FaultClass::Unknown`] also when the call took as long as the
    /// client waits for an answer, or the brokers were all away meanwhile, whatever it said then.
    fn commit(&mut self) -> Result<(), LogFault>;

    /// Where a record of the last transaction lies in [`Destination::Windows`]: partition and
    /// offset. A reader of committed records that can pass it sees the whole transaction.
    fn witness(&self) -> Option<(i32, i64)>;

    /// # Errors
    /// [`LogFault`] of any class.
    fn abort(&mut self) -> Result<(), LogFault>;

    /// Drops the producer and makes a new one under the same id, which ends whatever the old one
    /// left open and shuts out anything of it that is still under way. Then what the brokers have
    /// forgotten to end is ended as aborted, in every log that this id may have written. A consumer that is of no
    /// more use is replaced too, and what was assigned to it is returned as revoked.
    ///
    /// # Errors
    /// [`LogFault`] when the broker did not answer.
    fn recycle(&mut self) -> Result<Vec<Change>, LogFault>;

    /// Who the brokers say they are; a position means nothing in another cluster.
    ///
    /// # Errors
    /// [`LogFault`] when the broker did not answer.
    fn cluster_id(&mut self) -> Result<String, LogFault>;

    /// Partitions of every topic this worker uses, which must be equal.
    fn partitions(&self) -> i32;
}
