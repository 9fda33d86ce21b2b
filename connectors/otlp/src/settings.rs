//! Where spans go, and how many of them.

use std::str::FromStr;

/// How OTLP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Protobuf over HTTP/1.1.
    Http,
    Grpc,
}

impl Protocol {
    /// The words of the settings, OpenTelemetry's own among them.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("http", Self::Http),
        ("http/protobuf", Self::Http),
        ("grpc", Self::Grpc),
    ];
}

/// The collector's address, without the path of the signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFault {
    #[error("write http://HOST:PORT; a collector beside the process takes no TLS")]
    NotHttp,
    #[error("the host is missing; write http://HOST:PORT")]
    NoHost,
}

impl FromStr for Endpoint {
    type Err = EndpointFault;

    fn from_str(text: &str) -> Result<Self, EndpointFault> {
        let rest = text.strip_prefix("http://").ok_or(EndpointFault::NotHttp)?;
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') || host.contains(char::is_whitespace) {
            return Err(EndpointFault::NoHost);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl Endpoint {
    /// What requests are sent to: with HTTP each signal has a path of its own.
    pub(crate) fn of(&self, protocol: Protocol) -> String {
        let Self(base) = self;
        match protocol {
            Protocol::Grpc => base.clone(),
            Protocol::Http if base.ends_with("/v1/traces") => base.clone(),
            Protocol::Http => format!("{base}/v1/traces"),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct OtlpSettings {
    pub endpoint: Endpoint,
    pub protocol: Protocol,
    /// The share of traces to send, from 0 to 1.
    pub sample: f64,
    /// `service.name`.
    pub service: String,
    /// `service.instance.id`.
    pub instance: String,
    /// `service.version`.
    pub version: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_http_address_to_which_the_signal_is_added() {
        let of = |text: &str| text.parse::<Endpoint>().map(|it| it.of(Protocol::Http));
        let full = "http://127.0.0.1:4318/v1/traces";
        for text in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/", full] {
            assert_eq!(of(text), Ok(full.to_owned()));
        }
        let grpc: Endpoint = "http://collector:4317".parse().unwrap();
        assert_eq!(grpc.of(Protocol::Grpc), "http://collector:4317");
        assert_eq!(of("https://collector"), Err(EndpointFault::NotHttp));
        assert_eq!(of("collector:4318"), Err(EndpointFault::NotHttp));
        for text in ["http://", "http://:4318", "http:///v1/traces"] {
            assert_eq!(of(text), Err(EndpointFault::NoHost), "{text}");
        }
    }
}
