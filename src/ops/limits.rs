//! Limits of the ops listener.

use std::time::Duration;

/// Connections served at once; more wait in the listen queue.
pub const MAX_CONNECTIONS: usize = 64;
/// Header fields of one request.
pub const MAX_HEADERS: usize = 64;
/// Bytes buffered for one connection, the request's head included.
pub const MAX_BUFFER_BYTES: usize = 16 * 1024;
/// How long a client may take to send a request's head.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one connection may live; then it is closed after the answer under way.
pub const CONNECTION_LIFE: Duration = Duration::from_secs(300);
/// How long open connections are waited for when the process stops.
pub const DRAIN: Duration = Duration::from_secs(2);
/// Orders and events looked up at once; more are answered 503.
pub const MAX_LOOKUPS: usize = 4;
/// How often the recorder tidies what it has measured.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// The wait after the system refused a connection (no descriptors, for one).
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Bytes of a request's body: the ids of as many letters as one request may name.
pub const MAX_BODY_BYTES: usize = 512 * 1024;
/// How long a client may take to send a request's body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
