//! systemd's side: sockets it opened, what it is told, and the binary that is started again by a signal.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use super::policy;
use crate::harness::{BINARY, Gateway, PATIENCE};

/// `serve` as systemd starts it, with these sockets as its descriptors from 3 on.
fn activated(first: TcpListener, second: TcpListener, names: &str) -> Command {
    let mut command = Command::new("sh");
    let script =
        "exec 3<&0 4<&2 2>/dev/null </dev/null; export LISTEN_PID=$$; exec \"$0\" serve --json --log warn";
    command.args(["-c", script, BINARY]).env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names);
    command.stdin(Stdio::from(OwnedFd::from(first))).stderr(Stdio::from(OwnedFd::from(second)));
    command
}

/// A process that is no child of this one, asked to stop when this is dropped.
struct Stopped(String);

impl Drop for Stopped {
    fn drop(&mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.0]).status().expect("runs").success());
    }
}

fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

#[test]
fn sockets_that_systemd_opened_are_listened_on() {
    let ((site, address), (metrics, watched)) = (listening(), listening());
    // By its address the one, by its name the other.
    let policy = policy(403).replacen("127.0.0.1:0", &address.to_string(), 1);
    let mut gateway = Gateway::prepare(&policy);
    gateway.run_command(activated(site, metrics, "portcullis.socket:metrics"));
    assert_eq!(gateway.address(), address);
    assert_eq!(gateway.get("/one").0, 200);
    let text = crate::harness::get(watched, "/readyz").expect("answered");
    assert_eq!((text.0, text.1.trim()), (200, "ready"));
    assert!(gateway.stop().success());
}

#[test]
fn systemd_is_told_and_a_signal_starts_the_binary_again() {
    let mut gateway = Gateway::prepare(&policy(403));
    let told = UnixDatagram::bind(gateway.path("notify")).expect("a socket");
    told.set_read_timeout(Some(PATIENCE)).expect("set");
    let hears = || {
        let mut text = [0; 500];
        let length = told.recv(&mut text).expect("told");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let mut command = Command::new(BINARY);
    command.args(["serve", "--json", "--log", "warn"]).env("NOTIFY_SOCKET", "notify");
    gateway.run_command(command);
    assert_eq!(hears(), "READY=1");
    gateway.signal("-HUP");
    assert!(hears().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(hears(), "READY=1");
    gateway.signal("-USR2");
    let mut said = [hears(), hears()];
    said.sort();
    let process = said[0].strip_prefix("MAINPID=").expect("another process").to_owned();
    assert_eq!(said[1], "READY=1", "the other one's own");
    let process = process.trim_end_matches("\nREADY=1");
    assert_ne!(process, gateway.id().to_string());
    let successor = Stopped(process.to_owned());
    assert!(gateway.ended().success());
    assert_eq!(gateway.get("/one").0, 200);
    drop(successor);
    assert_eq!(hears(), "STOPPING=1");
}
