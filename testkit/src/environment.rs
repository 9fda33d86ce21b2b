//! The services shared by all tests of a run, and names that keep the tests apart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// Bootstrap servers of the shared Kafka.
pub const KAFKA_VARIABLE: &str = "TRUEUP_TEST_KAFKA";
/// Contact points of the shared CQL store.
pub const CQL_VARIABLE: &str = "TRUEUP_TEST_CQL";

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Bootstrap servers of the shared Kafka, `host:port`.
///
/// # Panics
/// When the test was started without services; the message says how to start it with them.
#[must_use]
pub fn kafka() -> String {
    given(KAFKA_VARIABLE).unwrap_or_else(|| missing(KAFKA_VARIABLE))
}

/// Contact points of the shared CQL store, `host:port`.
///
/// # Panics
/// As [`kafka`].
#[must_use]
pub fn cql() -> String {
    given(CQL_VARIABLE).unwrap_or_else(|| missing(CQL_VARIABLE))
}

/// A variable of the environment, if it is set and not empty.
#[must_use]
pub fn given(variable: &str) -> Option<String> {
    std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
}

fn missing(variable: &str) -> ! {
    panic!(
        "{variable} is not set, and this test needs the service it names; run `./test`, or \
         `cargo run -p trueup-testkit --bin services -- run -- cargo test …`"
    )
}

/// `name` made unlike any other on the same services: lower case, digits and `_`, so that it
/// serves as a keyspace, a consumer group and a part of a topic's name.
#[must_use]
pub fn unique(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => c,
            _ => '_',
        })
        .collect();
    // Services of one's own outlive a run, and process ids come again.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one clock of this crate: names only"
    )]
    let now = std::time::SystemTime::now();
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}_{seconds:x}_{:x}_{number}", std::process::id())
}

/// A prefix of topics for one test, with its dot.
#[must_use]
pub fn topic_prefix(name: &str) -> String {
    format!("{}.", unique(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_names_are_names_of_keyspaces_and_differ() {
        let (one, two) = (unique("A test!"), unique("A test!"));
        assert_ne!(one, two);
        assert!(one.starts_with("a_test__"), "{one}");
        assert!(one.len() <= 48 && two.len() <= 48, "{one}");
    }
}
