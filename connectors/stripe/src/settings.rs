//! What the gateway is told: endpoints and their secrets, how records are written, and limits.

use trueup_domain::event::UnixMillis;
use trueup_schemas::codec::Codec;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

use crate::address::Cidr;
use crate::limit::RateLimit;
use crate::limits::GatewayLimits;
use crate::secret::Secret;

/// The wall clock, handed in: milliseconds since the Unix epoch.
pub trait Clock: Fn() -> UnixMillis + Clone + Send + Sync + 'static {}

impl<F: Fn() -> UnixMillis + Clone + Send + Sync + 'static> Clock for F {}

/// One endpoint: `POST /webhooks/stripe`, or with its name behind it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `None` for the unnamed endpoint.
    pub name: Option<String>,
    /// All are tried.
    pub secrets: Vec<Secret>,
    /// The only livemode taken; `None` takes both.
    pub livemode: Option<bool>,
    /// The only connected account taken; `None` takes all.
    pub account: Option<String>,
}

/// Everything but the listener, the clock and the order to stop.
#[derive(Debug)]
pub struct GatewaySettings {
    pub endpoints: Vec<Endpoint>,
    pub topics: Topics,
    pub codec: Codec,
    pub keys: SigningKeys,
    /// The Kafka client's settings, `bootstrap.servers` among them.
    pub kafka: Vec<(String, String)>,
    pub limits: GatewayLimits,
    pub rate: RateLimit,
    pub trusted_proxies: Vec<Cidr>,
    /// Set once the topics are known and deliveries can be accepted.
    pub ready: Option<tokio::sync::watch::Sender<bool>>,
}
