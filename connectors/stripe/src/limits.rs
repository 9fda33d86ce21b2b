//! Every limit of the gateway and its number. Those in [`GatewayLimits`] can be made smaller by
//! tests; the others are part of what users are promised.

use std::time::Duration;

/// The largest body taken, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The deepest nesting of JSON taken; the root counts 1.
pub const MAX_JSON_DEPTH: usize = 64;
/// How old a signature may be, in seconds.
pub const MAX_SIGNATURE_AGE_S: i64 = 300;
/// How far in the future a signature may be, in seconds.
pub const MAX_SIGNATURE_LEAD_S: i64 = 60;
/// The most digits of a signature's `t`: enough for the year 33658.
pub const MAX_STAMP_DIGITS: usize = 12;
/// The most `v1` signatures in one header; Stripe sends one per active secret.
pub const MAX_SIGNATURES: usize = 16;
/// The least length of a webhook secret, in bytes.
pub const MIN_SECRET_BYTES: usize = 16;
/// The longest event type taken, in bytes.
pub const MAX_EVENT_TYPE_BYTES: usize = 255;
/// The latest `created` taken, in Unix seconds: the end of the year 9999.
pub const MAX_CREATED_S: i64 = 253_402_300_799;
/// The most header fields of a request.
pub const MAX_HEADER_FIELDS: usize = 64;
/// The most bytes of a request's line and header fields together.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The most bytes that one connection buffers before a body is read from it.
pub const MAX_READ_BUFFER_BYTES: usize = 64 * 1024;
/// The buckets that client addresses are spread over; some share one when they are many.
pub const ADDRESS_BUCKETS: usize = 65_536;
/// The most members of `X-Forwarded-For` that are looked at, from the right.
pub const MAX_FORWARDED_HOPS: usize = 16;
/// What `Retry-After` says on 503, in seconds.
pub const RETRY_AFTER_S: u64 = 5;

/// The largest record sent to the broker, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;
/// The most records waiting for the broker; beyond, the gateway answers 503.
pub const MAX_QUEUED_RECORDS: usize = 50_000;
/// The most memory of records waiting for the broker, in KiB.
pub const MAX_QUEUED_KIB: usize = 128 * 1024;
/// How long the producer tries to deliver one record.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(6);
/// How long one question for the topics' partitions may take.
pub const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause between two such questions.
pub const METADATA_PAUSE: Duration = Duration::from_secs(1);
/// The pause after the system refused a new connection (too many open files).
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits that tests make small so that they need not wait.
#[derive(Debug, Clone)]
pub struct GatewayLimits {
    /// Open connections; further ones wait in the listener's backlog.
    pub connections: usize,
    /// Bytes of bodies held at once, over all connections; beyond, the answer is 503.
    pub body_bytes: usize,
    /// From a request's first byte to the end of its headers; then the connection is closed.
    pub header_read: Duration,
    /// From the end of the headers to the end of the body; then the answer is 408.
    pub body_read: Duration,
    /// How long a connection may stay silent between requests.
    pub idle: Duration,
    /// From the end of the headers to the answer; then it is 503. Stripe waits 10 s.
    pub answer: Duration,
    /// How long a closing connection is read from, so that the peer sees its answer.
    pub linger: Duration,
    /// The most bytes thrown away while lingering.
    pub linger_bytes: usize,
    /// From the order to stop to the end of [`crate::serve`], at most.
    pub drain: Duration,
    /// How long kept-alive connections are still answered (with 503) after the last request.
    pub drain_linger: Duration,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            body_bytes: 128 * 1024 * 1024,
            header_read: Duration::from_secs(10),
            body_read: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            answer: Duration::from_secs(8),
            linger: Duration::from_secs(2),
            linger_bytes: 8 * 1024 * 1024,
            drain: Duration::from_secs(25),
            drain_linger: Duration::from_millis(200),
        }
    }
}

/// How far back Stripe lists events.
pub const LONGEST_SINCE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How far back the first pass without a cursor begins, in seconds: as long as Stripe itself tries.
pub const FIRST_SINCE_S: i64 = 3 * 24 * 60 * 60;
/// The shortest and the longest time between two rounds of the probe.
pub const PROBE_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long a sweep that ends waits for the broker to tell its topics.
pub const TOPICS_DEADLINE: Duration = Duration::from_secs(30);
/// Events of one page: the most that Stripe gives.
pub const PAGE_EVENTS: usize = 100;
/// The time that one slice of a pass covers, in seconds: what is read again after a fault.
pub const SLICE_S: i64 = 60 * 60;
/// The most pages of one slice; more of them can only be an API that goes in circles.
pub const MAX_PAGES: usize = 100_000;
/// Events younger than this are left to their own delivery, in seconds.
pub const SETTLE_S: i64 = 60;
/// Payments that one round of the probe asks for, before it looks at the gaps again.
pub const MAX_PROBES: usize = 1_000;
/// Payments whose last probe is remembered; beyond, the oldest are forgotten and asked again.
pub const MAX_PROBED: usize = 100_000;
/// A payment whose gap lasts is asked for again after this.
pub const PROBE_AGAIN: Duration = Duration::from_secs(60 * 60);
/// Orders in gap that the probe looks at, the first ones by key.
pub const MAX_ORDERS_IN_GAP: usize = 1_000_000;
/// How long one reading of the gaps may take.
pub const GAPS_DEADLINE: Duration = Duration::from_secs(60);

/// The limits of the API's client that tests make small so that they need not wait.
#[derive(Debug, Clone)]
pub struct ApiLimits {
    /// From the start of a call to the end of its answer.
    pub call: Duration,
    /// Until the connection stands.
    pub connect: Duration,
    /// Bytes of one answer: a page of a hundred events may be large.
    pub answer_bytes: u64,
    /// Tries of one question.
    pub tries: usize,
    /// The first and the longest wait between tries, before jitter.
    pub backoff_first: Duration,
    pub backoff_longest: Duration,
    /// The longest `Retry-After` that is kept to; more is asked for anew.
    pub longest_retry_after: Duration,
    /// Added to each wait for the rate limit, by chance.
    pub rate_jitter: Duration,
    /// Until the broker has acknowledged what one page gave rise to.
    pub acknowledge: Duration,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            answer_bytes: 64 * 1024 * 1024,
            tries: 6,
            backoff_first: Duration::from_millis(500),
            backoff_longest: Duration::from_secs(30),
            longest_retry_after: Duration::from_secs(60),
            rate_jitter: Duration::from_millis(10),
            acknowledge: Duration::from_secs(30),
        }
    }
}
