//! Names of record headers. Other programs read them: they must stay stable.

/// The provider's event id.
pub const EVENT_ID: &str = "event-id";
/// The provider's event type.
pub const EVENT_TYPE: &str = "event-type";
/// The W3C trace context of the delivery.
pub const TRACEPARENT: &str = "traceparent";
/// Which signing key made the signature.
pub const KEY_ID: &str = "trueup-key-id";
/// Lower-case hex of the signature, see [`crate::seal`].
pub const SIGNATURE: &str = "trueup-signature";
/// On a replayed dead letter: what [`crate::replay::ReplayMark`] says. No signature covers it.
pub const REPLAY: &str = "trueup-replay";
