//! Listening sockets that somebody else opened: the process that served before this one, or a supervisor.
//!
//! Invariants: a socket is claimed once; one that nobody claims is closed with the rest. It does not know how sockets
//! come from one process to another.

use std::net::{SocketAddr, TcpListener};

use smol_str::SmolStr;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Clients' requests.
    Traffic,
    /// Metrics and probes.
    Probe,
}

/// A socket that listens already.
#[derive(Debug)]
pub struct HandedSocket {
    /// What it was for where it comes from, and its address as the policy there writes it; `None` if only the socket
    /// itself tells.
    pub was: Option<(Door, SmolStr)>,
    /// The socket.
    pub socket: TcpListener,
}

/// Sockets that listen already, for a gateway to begin with.
#[derive(Debug, Default)]
pub struct Handed(Vec<HandedSocket>);

impl Handed {
    /// These.
    pub fn new(sockets: Vec<HandedSocket>) -> Self {
        Self(sockets)
    }

    /// The socket for a listener of policy: the one that was called so, else one of that very address.
    pub(crate) fn claim(&mut self, door: Door, name: &str, address: SocketAddr) -> Option<TcpListener> {
        let called =
            |known: &HandedSocket| known.was.as_ref().is_some_and(|(was, text)| *was == door && text == name);
        let place = self.0.iter().position(called).or_else(|| {
            self.0.iter().position(|known| {
                known.was.as_ref().is_none_or(|(was, _)| *was == door)
                    && known.socket.local_addr().is_ok_and(|bound| bound == address)
            })
        })?;
        Some(self.0.remove(place).socket)
    }

    /// Where those listen that nobody claimed.
    pub(crate) fn unclaimed(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|known| known.socket.local_addr().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn a_socket_is_claimed_once_by_name_or_by_address() {
        let (named, bare) = (open(), open());
        let (first, second) = (named.local_addr().unwrap(), bare.local_addr().unwrap());
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut handed = Handed::new(vec![
            HandedSocket { was: Some((Door::Traffic, "127.0.0.1:0".into())), socket: named },
            HandedSocket { was: None, socket: bare },
        ]);
        assert!(handed.claim(Door::Probe, "127.0.0.1:0", first).is_none(), "it was no probe's");
        let claimed = handed.claim(Door::Traffic, "127.0.0.1:0", any).unwrap();
        assert_eq!(claimed.local_addr().unwrap(), first);
        assert!(handed.claim(Door::Traffic, "127.0.0.1:0", any).is_none());
        assert_eq!(handed.unclaimed(), [second]);
        assert!(handed.claim(Door::Probe, "metrics", second).is_some());
        assert!(handed.unclaimed().is_empty());
    }
}
