//! systemd: the sockets it opened for this process, and telling it how the process is.
//!
//! Invariants: nothing is said where nobody listens, and nothing waits for it; sockets are taken only where they were
//! meant for this very process.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_gateway::{Door, HandedSocket};
use portcullis_policy::Policy;
use rustix::time::{ClockId, clock_gettime};
use smol_str::SmolStr;

/// What sockets for metrics are called in `FileDescriptorName=`; all others are for clients.
const METRICS: &str = "metrics";

/// A listening socket that was opened for this process, as it is called.
pub(super) type Given = (String, TcpListener);

/// The listening sockets that were opened for this process (`LISTEN_FDS`). Changes the environment, so that programs
/// this one starts do not believe the sockets to be theirs: nothing else may run yet.
pub(super) fn given() -> Result<Vec<Given>> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut given = listenfd::ListenFd::from_env();
    let mut names = names.split(':');
    let mut sockets = Vec::new();
    for place in 0..given.len() {
        let name = names.next().unwrap_or_default();
        let socket = given
            .take_tcp_listener(place)
            .with_context(|| format!("socket {place} (`{name}`) of LISTEN_FDS does not listen for TCP"))?;
        sockets.extend(socket.map(|socket| (name.to_owned(), socket)));
    }
    Ok(sockets)
}

/// What they are for, by a policy.
pub(super) fn sockets(given: Vec<Given>, policy: &Policy) -> Vec<HandedSocket> {
    let metrics = policy.metrics.as_ref().map(|metrics| SmolStr::from(metrics.listen.to_string()));
    let purpose = |name: &str| metrics.clone().filter(|_| name == METRICS).map(|name| (Door::Probe, name));
    given.into_iter().map(|(name, socket)| HandedSocket { was: purpose(&name), socket }).collect()
}

/// All listeners are open.
pub(super) fn ready() {
    tell("READY=1");
}

/// A new policy is being read; [`ready`] says that it was.
pub(super) fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0));
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
}

/// It drains, and ends.
pub(super) fn stopping() {
    tell("STOPPING=1");
}

/// Another process serves in this one's place.
pub(super) fn succeeded_by(process: u32) {
    tell(&format!("MAINPID={process}\nREADY=1"));
}

fn tell(what: &str) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(place.as_encoded_bytes(), what) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

fn send(place: &[u8], what: &str) -> std::io::Result<()> {
    let address = match place.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(String::from_utf8_lossy(place).as_ref())?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(what.as_bytes(), &address).map(drop)
}
