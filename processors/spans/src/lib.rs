//! A facade for spans, as `metrics` is one for metrics: a recorder is set once, and where none
//! is set nothing is worked out. A span is told once, finished, when its outcome is known: so an
//! error is kept whatever the sampling says, and nothing is held open over a transaction that
//! may abort.

mod context;

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

pub use context::Context;

/// What a span did, by OpenTelemetry's kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// A finished span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub name: &'static str,
    pub kind: Kind,
    pub context: Context,
    pub parent: Option<[u8; 8]>,
    /// Work that belongs together and lies too far apart to be nested.
    pub links: Vec<Context>,
    pub start: SystemTime,
    pub end: SystemTime,
    pub attributes: Vec<(&'static str, String)>,
    /// What went wrong, if something did: then it is sent whatever the sampling says.
    pub error: Option<String>,
    /// To be sent whatever the sampling says.
    pub keep: bool,
}

/// Takes finished spans; it must never block, since the hot path calls it.
pub trait Recorder: Send + Sync {
    fn record(&self, span: Span);

    /// Whether spans of this trace are sent that nobody marked to be kept.
    fn wants(&self, context: Context) -> bool;
}

static RECORDER: OnceLock<Box<dyn Recorder>> = OnceLock::new();

/// A recorder was set before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadySet;

impl fmt::Display for AlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recorder of spans is set already")
    }
}

impl std::error::Error for AlreadySet {}

/// Sets the process's recorder, once.
pub fn set_recorder(recorder: Box<dyn Recorder>) -> Result<(), AlreadySet> {
    RECORDER.set(recorder).map_err(|_| AlreadySet)
}

/// Whether anybody listens: for what has to be kept at hand until a span can be told.
#[must_use]
pub fn is_heard() -> bool {
    RECORDER.get().is_some()
}

/// Whether anybody wants to hear of this trace, but for errors and what is kept.
#[must_use]
pub fn is_wanted(context: Context) -> bool {
    RECORDER
        .get()
        .is_some_and(|recorder| recorder.wants(context))
}

/// Tells the span that `span` works out, if anyone listens.
pub fn tell(span: impl FnOnce() -> Span) {
    if let Some(recorder) = RECORDER.get() {
        recorder.record(span());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{SyncSender, sync_channel};
    use std::time::UNIX_EPOCH;

    use super::*;

    struct Told(SyncSender<Span>);

    impl Recorder for Told {
        fn record(&self, span: Span) {
            self.0.try_send(span).unwrap();
        }

        fn wants(&self, _context: Context) -> bool {
            true
        }
    }

    #[test]
    fn nothing_is_worked_out_before_a_recorder_is_set_and_it_is_set_once() {
        assert!(!is_heard());
        tell(|| panic!("worked out for nobody"));
        let (sender, told) = sync_channel(1);
        set_recorder(Box::new(Told(sender.clone()))).unwrap();
        assert_eq!(set_recorder(Box::new(Told(sender))), Err(AlreadySet));
        let span = Span {
            name: "webhook",
            kind: Kind::Server,
            context: Context::root(),
            parent: None,
            links: Vec::new(),
            start: UNIX_EPOCH,
            end: UNIX_EPOCH,
            attributes: vec![("order_id", "order-1".to_owned())],
            error: None,
            keep: false,
        };
        assert!(is_heard());
        tell(|| span.clone());
        assert_eq!(told.try_recv(), Ok(span));
    }
}
