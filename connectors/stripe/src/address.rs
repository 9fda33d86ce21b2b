//! Whose request it is, for limits per address: the peer, unless the peer is a proxy that is
//! trusted to say for whom it speaks.

use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

use crate::limits::MAX_FORWARDED_HOPS;

/// A network, `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: u128,
    mask: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("prefix length {length} is longer than the address: the limit is {limit}")]
pub struct PrefixTooLong {
    length: u8,
    limit: u8,
}

/// IPv4 lives in IPv6 as `::ffff:a.b.c.d`, so that a mapped peer is the address it maps.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Cidr {
    /// # Errors
    /// A prefix of more than 32 bits for IPv4, or 128 for IPv6.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, PrefixTooLong> {
        let (limit, spare) = if address.is_ipv4() {
            (32_u8, 96_u8)
        } else {
            (128, 0)
        };
        if length > limit {
            return Err(PrefixTooLong { length, limit });
        }
        let host_bits = 128_u8.saturating_sub(length.saturating_add(spare));
        // A shift by all 128 bits is no shift; it stands for the mask that takes everything.
        let mask = u128::MAX.checked_shl(u32::from(host_bits)).unwrap_or(0);
        Ok(Self {
            network: bits(address) & mask,
            mask,
        })
    }

    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.network
    }
}

/// The address that answers for a request: the peer, or where the peer is trusted, the last
/// member of `X-Forwarded-For` that is not.
pub(crate) fn client<'a>(
    peer: IpAddr,
    trusted: &[Cidr],
    forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> IpAddr {
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let members = forwarded_for
        .rev()
        .flat_map(|field| field.rsplit(|byte| *byte == b','));
    for member in members.take(MAX_FORWARDED_HOPS) {
        if !is_trusted(client) {
            break;
        }
        // What cannot be read was not written by a proxy of ours: the last one known answers.
        match std::str::from_utf8(member)
            .ok()
            .and_then(|text| text.trim().parse().ok())
        {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// What one bucket is kept for: an IPv4 address, or the /64 that one IPv6 customer gets.
pub(crate) fn bucket(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & u128::MAX.checked_shl(64).unwrap_or(0);
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn of(peer: &str, fields: &[&str]) -> String {
        let trusted = [
            Cidr::new(ip("10.0.0.0"), 8).unwrap(),
            Cidr::new(ip("fd00::"), 8).unwrap(),
        ];
        client(
            ip(peer),
            &trusted,
            fields.iter().map(|field| field.as_bytes()),
        )
        .to_string()
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let network = |text, length| Cidr::new(ip(text), length).unwrap();
        assert!(network("10.1.2.3", 8).contains(ip("10.255.0.1")));
        assert!(!network("10.1.2.3", 8).contains(ip("11.0.0.1")));
        assert!(network("10.0.0.0", 8).contains(ip("::ffff:10.0.0.1")));
        assert!(network("0.0.0.0", 0).contains(ip("1.2.3.4")));
        assert!(!network("0.0.0.0", 0).contains(ip("::1")));
        assert!(network("::", 0).contains(ip("::1")));
        assert!(network("::1", 128).contains(ip("::1")));
        assert!(Cidr::new(ip("10.0.0.0"), 33).is_err());
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(of("9.9.9.9", &["1.1.1.1"]), "9.9.9.9");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["1.1.1.1, 2.2.2.2"]), "2.2.2.2");
        assert_eq!(of("10.0.0.1", &["1.1.1.1, 2.2.2.2 , 10.0.0.7"]), "2.2.2.2");
        assert_eq!(of("10.0.0.1", &["1.1.1.1", "fd00::1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.1", &["1.1.1.1, nonsense"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["1.1.1.1, ,10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn an_ipv6_customer_has_one_bucket() {
        assert_eq!(bucket(ip("2001:db8::1")), bucket(ip("2001:db8::ffff:1")));
        assert_ne!(bucket(ip("2001:db8::1")), bucket(ip("2001:db8:0:1::1")));
        assert_eq!(bucket(ip("::ffff:1.2.3.4")), ip("1.2.3.4"));
    }
}
