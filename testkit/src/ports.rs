//! Free ports on loopback that a service can keep over its restarts.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::fault::ServiceFault;
use crate::limits::PORT_TRIES;

/// Below the range from which outgoing connections take their ports: while a service is dead, a
/// client that tries again could otherwise connect to itself on the service's port, and hold it.
const RANGE: Range<u16> = 20_000..32_000;

/// `N` ports that nobody listens on now.
pub(crate) fn free<const N: usize>() -> Result<[u16; N], ServiceFault> {
    let mut held: Vec<(u16, TcpListener)> = Vec::new();
    // The standard library's one source of randomness.
    let mut random = RandomState::new().build_hasher();
    for n in 0..PORT_TRIES {
        random.write_u32(n);
        let span = u64::from(RANGE.end - RANGE.start);
        let Ok(step) = u16::try_from(random.finish() % span) else {
            continue;
        };
        let port = RANGE.start + step;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
        if held.len() == N {
            break;
        }
    }
    let ports: Vec<u16> = held.iter().map(|(port, _)| *port).collect();
    ports.try_into().map_err(|_| ServiceFault::Ports {
        count: N,
        tries: PORT_TRIES,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_can_be_bound() {
        let ports = free::<4>().unwrap();
        let bound: Vec<_> = ports
            .iter()
            .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap())
            .collect();
        assert_eq!(bound.len(), 4);
        assert!(ports.iter().all(|port| RANGE.contains(port)));
    }
}
