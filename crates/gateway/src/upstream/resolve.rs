//! Where a server is: its addresses, fixed or behind a name that is looked up again and again.
//!
//! Invariant: a look-up that fails keeps what was known before, so a name server's trouble stops no traffic.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use smallvec::SmallVec;
use smol_str::SmolStr;

/// A name with more addresses than this is cut.
const MAX_ADDRESSES: usize = 64;

/// A server's addresses.
#[derive(Debug)]
pub(crate) struct Addresses {
    host: SmolStr,
    port: u16,
    known: ArcSwap<SmallVec<[SocketAddr; 2]>>,
    turn: AtomicUsize,
}

impl Addresses {
    /// Those of a host (a name or an address, IPv6 without brackets) and port.
    pub(crate) fn new(host: impl Into<SmolStr>, port: u16) -> Self {
        let host = host.into();
        let fixed = host.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)).into_iter().collect();
        Self { host, port, known: ArcSwap::from_pointee(fixed), turn: AtomicUsize::new(0) }
    }

    /// Every address, beginning with the one whose turn it is; looks the name up if that was never done.
    pub(crate) async fn in_turn(&self) -> io::Result<SmallVec<[SocketAddr; 2]>> {
        if self.known.load().is_empty() {
            self.refresh().await?;
        }
        let mut addresses = SmallVec::clone(&self.known.load());
        if addresses.len() > 1 {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % addresses.len();
            addresses.rotate_left(turn);
        }
        Ok(addresses)
    }

    /// Looks the name up again; tells whether the addresses changed.
    pub(crate) async fn refresh(&self) -> io::Result<Refreshed> {
        if self.host.parse::<IpAddr>().is_ok() {
            return Ok(Refreshed::Same);
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        let mut found: SmallVec<[SocketAddr; 2]> = found.take(MAX_ADDRESSES).collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        if **self.known.load() == found {
            return Ok(Refreshed::Same);
        }
        self.known.store(Arc::new(found));
        Ok(Refreshed::Changed)
    }

    /// Whether a connection to this address still goes to the server.
    pub(crate) fn contains(&self, address: SocketAddr) -> bool {
        self.known.load().contains(&address)
    }
}

/// What looking a name up again brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// The same addresses.
    Same,
    /// Other addresses.
    Changed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_needs_no_look_up_and_a_name_gets_one() {
        let fixed = Addresses::new("127.0.0.1", 80);
        assert_eq!(fixed.in_turn().await.unwrap()[..], ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(fixed.refresh().await.unwrap(), Refreshed::Same);
        let named = Addresses::new("localhost", 81);
        let found = named.in_turn().await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()));
        assert!(named.contains(found[0]) && !named.contains("192.0.2.1:81".parse().unwrap()));
        assert_eq!(named.refresh().await.unwrap(), Refreshed::Same);
    }

    #[tokio::test]
    async fn a_name_that_moved_leads_to_its_new_addresses_and_a_failed_look_up_changes_nothing() {
        let old: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let moved = Addresses::new("localhost", 80);
        moved.known.store(Arc::new(SmallVec::from_slice(&[old])));
        assert_eq!(moved.refresh().await.unwrap(), Refreshed::Changed);
        assert!(!moved.contains(old), "connections to the old address are not used again");
        assert!(moved.in_turn().await.unwrap().iter().all(|address| address.ip().is_loopback()));
        // No name: fails without asking anybody.
        let lost = Addresses::new("no name at all", 80);
        lost.known.store(Arc::new(SmallVec::from_slice(&[old])));
        assert!(lost.refresh().await.is_err());
        assert!(lost.contains(old));
    }

    #[tokio::test]
    async fn addresses_take_turns() {
        let two = Addresses::new("unused.invalid", 80);
        let (a, b) = ("192.0.2.1:80".parse().unwrap(), "192.0.2.2:80".parse().unwrap());
        two.known.store(Arc::new(SmallVec::from_slice(&[a, b])));
        let firsts = [two.in_turn().await.unwrap()[0], two.in_turn().await.unwrap()[0]];
        assert_eq!(firsts, [a, b]);
    }
}
