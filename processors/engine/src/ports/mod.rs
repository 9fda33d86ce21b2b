//! The outside world as the engine sees it: handed in, never reached for.

pub mod clock;

pub mod log;

pub mod store;

pub mod links;
