//! One call over the network, on a thread of its own: the client blocks, and a caller that no
//! longer waits must not wait for it either.

use std::time::Duration;

use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, RETRY_AFTER};

use super::access::{ApiBase, ApiKey};
use super::fault::TryFault;
use crate::limits::ApiLimits;

/// An answer with whatever status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct Caller {
    agent: Agent,
    base: ApiBase,
    key: ApiKey,
    time_limit: Duration,
    size_limit: u64,
}

impl Caller {
    pub(crate) fn new(base: &ApiBase, key: ApiKey, limits: &ApiLimits) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(base.is_encrypted())
            // The key must not travel to wherever an answer points.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(limits.call))
            .timeout_connect(Some(limits.connect))
            .user_agent(concat!("trueup/", env!("CARGO_PKG_VERSION")));
        // A stand-in on this machine is not behind the proxy that the environment names.
        let config = if base.is_encrypted() {
            config
        } else {
            config.proxy(None)
        };
        Self {
            agent: config.build().new_agent(),
            base: base.clone(),
            key,
            time_limit: limits.call,
            size_limit: limits.answer_bytes,
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Result<Answer, TryFault> {
        let (caller, target) = (self.clone(), target.to_owned());
        let (tell, told) = tokio::sync::oneshot::channel();
        let called = std::thread::Builder::new()
            .name("stripe-api".to_owned())
            .spawn(move || {
                // Whoever asked may have stopped waiting.
                let _ = tell.send(caller.get_now(&target));
            });
        if let Err(fault) = called {
            let reason = format!("no thread for the call: {fault}");
            return Err(TryFault::Connection { reason });
        }
        told.await.unwrap_or_else(|_| {
            let reason = "the call broke off".to_owned();
            Err(TryFault::Connection { reason })
        })
    }

    fn get_now(&self, target: &str) -> Result<Answer, TryFault> {
        let request = self
            .agent
            .get(format!("{}{target}", self.base.url()))
            .header(AUTHORIZATION, self.key.bearer());
        let mut response = request.call().map_err(|fault| self.fault(fault))?;
        let retry_after = response.headers().get(RETRY_AFTER);
        // Stripe gives seconds; a date is left to our own backoff.
        let retry_after = retry_after
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let body = response.body_mut().with_config().limit(self.size_limit);
        let body = body.read_to_vec().map_err(|fault| self.fault(fault))?;
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after,
            body,
        })
    }

    fn fault(&self, fault: ureq::Error) -> TryFault {
        match fault {
            ureq::Error::Timeout(_) => TryFault::Timeout {
                limit: self.time_limit,
            },
            ureq::Error::BodyExceedsLimit(limit) => TryFault::TooLarge { limit },
            // The client's other faults tell of sockets, names and certificates.
            other => TryFault::Connection {
                reason: other.to_string(),
            },
        }
    }
}
