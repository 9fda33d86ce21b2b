//! Settings: flags, variables and a TOML file, merged in that order of precedence, each value
//! with the place it came from.

pub mod table;

pub mod fault;

pub mod file;

pub mod merge;

pub mod secret;

pub mod value;

pub mod endpoint;

pub mod kafka;

pub mod reader;

pub use fault::Faults;
pub use merge::{Environment, Flags, Merged};
pub use reader::Reader;
