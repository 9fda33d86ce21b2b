//! Results go to standard output; a reader that goes away is not a fault.

use std::io::{self, Write};

use serde::Serialize;

/// Prints one line.
///
/// # Errors
/// Any fault of writing but a closed pipe.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says something to whoever watches, on standard error; nobody watching is not a fault.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints `value` as one JSON document.
///
/// # Errors
/// As [`line`].
pub fn json<T: Serialize>(value: &T) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}
