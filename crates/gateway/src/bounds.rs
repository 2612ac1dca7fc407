//! How many connections may be open: in all, and by client.
//!
//! Invariants: a connection counts from admission to the drop of its [`Place`]; the table by client holds only
//! clients that have one open, so it is never larger than the bound on all. A client is an IPv4 address or an
//! IPv6 /64. Addresses of trusted proxies have no bound of their own: they carry many clients.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use portcullis_model::CallerKey;

/// Shards of the table by client, so that accepting on several cores does not meet on one lock.
const SHARDS: usize = 16;

/// How many connections are allowed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// In all.
    pub(crate) all: usize,
    /// Of one client; `None` for a trusted proxy.
    pub(crate) client: Option<usize>,
}

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The gateway has as many as it may.
    Full,
    /// This client has as many as it may.
    Client,
}

impl Turned {
    /// The word used in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Client => "client",
        }
    }
}

/// The count of open connections.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    open: AtomicUsize,
    clients: [Mutex<HashMap<IpAddr, usize, foldhash::fast::RandomState>>; SHARDS],
}

/// One admitted connection; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    bounds: Arc<Bounds>,
    client: Option<IpAddr>,
}

impl Bounds {
    /// Takes a place for a connection from `ip`.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr, room: Room) -> Result<Place, Turned> {
        let taken = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < room.all).then_some(open + 1));
        if taken.is_err() {
            return Err(Turned::Full);
        }
        // From here on dropping the place gives the count back.
        let mut place = Place { bounds: Arc::clone(self), client: None };
        if let Some(most) = room.client {
            let client = client_of(ip);
            if !self.count_client(client, most) {
                return Err(Turned::Client);
            }
            place.client = Some(client);
        }
        Ok(place)
    }

    fn count_client(&self, client: IpAddr, most: usize) -> bool {
        let mut clients = self.shard(client).lock();
        let open = clients.entry(client).or_insert(0);
        let admitted = *open < most;
        if admitted {
            *open += 1;
        } else if *open == 0 {
            clients.remove(&client);
        }
        admitted
    }

    fn shard(&self, client: IpAddr) -> &Mutex<HashMap<IpAddr, usize, foldhash::fast::RandomState>> {
        let folded = match client {
            IpAddr::V4(ip) => ip.octets().into_iter().fold(0, usize_xor),
            IpAddr::V6(ip) => ip.octets().into_iter().fold(0, usize_xor),
        };
        let [first, ..] = &self.clients;
        self.clients.get(folded % SHARDS).unwrap_or(first)
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

fn usize_xor(folded: usize, octet: u8) -> usize {
    folded ^ usize::from(octet)
}

fn client_of(ip: IpAddr) -> IpAddr {
    match CallerKey::address(ip) {
        CallerKey::Address(client) => client,
        CallerKey::Identity(_) => ip,
    }
}

impl Place {
    /// Counts it as this client's, where it was no client's before.
    pub(crate) fn claim(&mut self, ip: IpAddr, room: Room) -> Result<(), Turned> {
        let Some(most) = room.client.filter(|_| self.client.is_none()) else { return Ok(()) };
        let client = client_of(ip);
        if !self.bounds.count_client(client, most) {
            return Err(Turned::Client);
        }
        self.client = Some(client);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bounds.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut clients = self.bounds.shard(client).lock();
        if let Some(open) = clients.get_mut(&client) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(bounds: &Arc<Bounds>, ip: &str) -> Result<Place, Turned> {
        bounds.admit(ip.parse().unwrap(), Room { all: 3, client: Some(2) })
    }

    #[test]
    fn counts_in_all_and_by_client() {
        let bounds = Arc::new(Bounds::default());
        let first = admit(&bounds, "203.0.113.1").unwrap();
        let _second = admit(&bounds, "203.0.113.1").unwrap();
        assert_eq!(admit(&bounds, "203.0.113.1").unwrap_err(), Turned::Client);
        let _third = admit(&bounds, "203.0.113.2").unwrap();
        assert_eq!(admit(&bounds, "203.0.113.3").unwrap_err(), Turned::Full);
        drop(first);
        assert_eq!(bounds.open(), 2);
        assert!(admit(&bounds, "203.0.113.1").is_ok());
    }

    #[test]
    fn an_ipv6_client_is_its_network_and_the_table_empties() {
        let bounds = Arc::new(Bounds::default());
        let places = [admit(&bounds, "2001:db8::1").unwrap(), admit(&bounds, "2001:db8::ffff:1").unwrap()];
        assert_eq!(admit(&bounds, "2001:db8::2").unwrap_err(), Turned::Client);
        drop(places);
        assert_eq!(bounds.open(), 0);
        assert!(bounds.clients.iter().all(|shard| shard.lock().is_empty()));
    }

    #[test]
    fn a_trusted_proxy_counts_only_in_all() {
        let bounds = Arc::new(Bounds::default());
        let room = Room { all: 3, client: None };
        let places: Vec<_> = (0..3).map(|_| bounds.admit([10, 0, 0, 1].into(), room).unwrap()).collect();
        assert_eq!(bounds.admit([10, 0, 0, 1].into(), room).unwrap_err(), Turned::Full);
        drop(places);
        assert_eq!(bounds.open(), 0);
    }
}
