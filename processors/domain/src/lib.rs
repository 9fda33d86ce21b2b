//! The pure domain: money, ids, events, the fold, statuses and gaps.
//!
//! Nothing here knows a clock, a runtime, a log or a serialisation format: bytes become facts
//! elsewhere, and what should happen is returned to the caller.

pub mod money;

pub mod ids;

pub mod event;

pub mod ledger;

pub mod fold;

pub mod status;

pub mod view;

pub mod gap;
