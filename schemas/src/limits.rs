//! Every limit of this crate.

use std::time::Duration;

/// The largest message of a topic, in bytes: a body may have 1 MiB, its record more.
pub const MAX_MESSAGE_BYTES: u32 = 2 * 1024 * 1024;
/// A dead letter holds a whole refused message and says why.
pub const MAX_LETTER_BYTES: u32 = 3 * 1024 * 1024;
/// The largest value that is decoded, in bytes.
pub const MAX_DATUM_BYTES: usize = 4 * 1024 * 1024;
/// The most items of one list that are decoded.
pub const MAX_LIST_ITEMS: usize = 4096;
/// The longest error text of the decoder that is passed on, in bytes.
pub const MAX_REASON_BYTES: usize = 300;

/// The shortest signing secret, in bytes.
pub const MIN_SECRET_BYTES: usize = 16;
/// The longest name of a signing key, in bytes.
pub const MAX_KEY_ID_BYTES: usize = 64;
/// The most signing keys: one in use, the rest on their way in or out.
pub const MAX_SIGNING_KEYS: usize = 16;

/// The longest wait for one answer of the schema registry.
pub const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer of the schema registry that is read, in bytes.
pub const MAX_REGISTRY_BODY_BYTES: u64 = 1024 * 1024;
/// The most versions of one subject that are fetched, the newest.
pub const MAX_SUBJECT_VERSIONS: usize = 64;
