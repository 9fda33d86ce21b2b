//! Why a request was not accepted: one status, one stable code and one sentence for each.
//! No message ever quotes the body or a secret.

use hyper::StatusCode;
use thiserror::Error;

use crate::envelope::BodyFault;
use crate::limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADER_FIELDS, RETRY_AFTER_S};
use crate::publish::PublishFault;
use crate::signature::SignatureFault;

/// Every answer that is not a yes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error(
        "there is nothing at this path: post to `/webhooks/stripe` or `/webhooks/stripe/<endpoint>`"
    )]
    NotFound,
    #[error("only POST is taken here")]
    MethodNotAllowed,
    #[error("too many requests: try again after {retry_after_s} s")]
    RateLimited { retry_after_s: u64 },
    #[error("the body is larger than {MAX_BODY_BYTES} bytes")]
    BodyTooLarge,
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[error("the body broke off or was sent in a malformed way")]
    BodyBroken,
    #[error("the headers are larger than {MAX_HEADER_BYTES} bytes or {MAX_HEADER_FIELDS} fields")]
    HeadersTooLarge,
    #[error("the request's `Content-Length` or `Transfer-Encoding` makes no sense")]
    BadFraming,
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    #[error("{0}")]
    Body(#[from] BodyFault),
    #[error("the event's livemode is not this endpoint's")]
    WrongLivemode,
    #[error("the event's account is not this endpoint's")]
    WrongAccount,
    #[error("{0}; try again")]
    Publish(#[from] PublishFault),
    #[error("the broker did not acknowledge in time; try again")]
    AcknowledgementTimeout,
    #[error("too many bodies are being read at once; try again")]
    Overloaded,
    #[error("the gateway is stopping; try again")]
    Draining,
}

impl Refusal {
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyBroken
            | Self::BadFraming
            | Self::Signature(_)
            | Self::Body(_)
            | Self::WrongLivemode
            | Self::WrongAccount => StatusCode::BAD_REQUEST,
            Self::Publish(_) | Self::AcknowledgementTimeout | Self::Overloaded | Self::Draining => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The stable code of the error body, also the label of the counter.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RateLimited { .. } => "rate_limited",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_broken",
            Self::HeadersTooLarge => "headers_too_large",
            Self::BadFraming => "bad_framing",
            Self::Signature(SignatureFault::Missing) => "signature_missing",
            Self::Signature(SignatureFault::Repeated | SignatureFault::Malformed) => {
                "signature_malformed"
            }
            Self::Signature(SignatureFault::NoKnownScheme) => "signature_no_v1",
            Self::Signature(SignatureFault::TooOld) => "signature_too_old",
            Self::Signature(SignatureFault::FromTheFuture) => "signature_from_future",
            Self::Signature(SignatureFault::Mismatch) => "signature_mismatch",
            Self::Body(BodyFault::NotUtf8 | BodyFault::NotJson { .. }) => "not_json",
            Self::Body(BodyFault::TooDeep) => "json_too_deep",
            Self::Body(BodyFault::LoneSurrogate) => "json_lone_surrogate",
            Self::Body(BodyFault::DuplicateKey { .. }) => "json_duplicate_key",
            Self::Body(BodyFault::NotAnEvent) => "not_an_event",
            Self::Body(BodyFault::WrongType { .. } | BodyFault::Field { .. }) => "bad_field",
            Self::Body(BodyFault::Amount { .. }) => "bad_amount",
            Self::WrongLivemode | Self::WrongAccount => "wrong_endpoint",
            Self::Publish(PublishFault::NotReady) => "broker_not_ready",
            Self::Publish(PublishFault::QueueFull) => "queue_full",
            Self::Publish(PublishFault::Broker { .. }) => "broker_unavailable",
            Self::AcknowledgementTimeout => "broker_timeout",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
        }
    }

    /// What `Retry-After` says, in seconds.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_s } => Some(*retry_after_s),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER_S),
            _ => None,
        }
    }

    /// Somebody should look at it: a sender set up for another endpoint, an event too large, or
    /// a verified one that cannot be read, which is lost when Stripe gives up.
    #[must_use]
    pub fn alerts(&self) -> bool {
        matches!(
            self,
            Self::WrongLivemode | Self::WrongAccount | Self::BodyTooLarge | Self::Body(_)
        )
    }

    /// The message for the peer. What the broker said stays in the log.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Publish(PublishFault::Broker { .. }) => {
                "the broker did not acknowledge; try again".to_owned()
            }
            _ => self.to_string(),
        }
    }
}
