//! A record's headers, whoever wrote them. Refuses nothing: a record is judged by who knows what it
//! should be.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers, Message};

/// Stands for a name that is not UTF-8, and for its value.
pub const UNREADABLE: &str = "\u{FFFD}";

/// Name and value of each, in the order of the record.
#[must_use]
pub fn of(message: &BorrowedMessage<'_>) -> Vec<(String, Option<Vec<u8>>)> {
    message.headers().map_or_else(Vec::new, |headers| {
        (0..headers.count()).map(|at| read(headers, at)).collect()
    })
}

/// The protocol asks for UTF-8 in a name, and no broker checks it. The binding reads nothing of such
/// a header and panics, which must not be the end of a worker that anybody's record can bring about.
fn read(headers: &BorrowedHeaders, at: usize) -> (String, Option<Vec<u8>>) {
    let read = catch_unwind(AssertUnwindSafe(|| {
        let header = headers.get(at);
        (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
    }));
    read.unwrap_or_else(|_| (UNREADABLE.to_owned(), None))
}
