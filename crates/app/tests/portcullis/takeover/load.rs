//! Clients that go on until they are stopped, and none of whose requests may fail.
//!
//! A connection whose answer said `Connection: close` is opened anew: that is what clients do. Any other end is a failure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crate::harness::{PATIENCE, get};

/// Running clients.
pub(super) struct Load {
    over: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(address: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let served = Arc::new(AtomicUsize::new(0));
        let kinds: [fn(SocketAddr, &AtomicBool, &AtomicUsize); 3] = [once, keeping, uploading];
        let clients = kinds.iter().cycle().take(6).map(|client| {
            let (client, over, served) = (*client, Arc::clone(&over), Arc::clone(&served));
            std::thread::spawn(move || client(address, &over, &served))
        });
        let clients = clients.collect();
        Self { over, served, clients }
    }

    /// Stops them; how many requests were served. Fails if any failed.
    pub(super) fn stop(self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.join().expect("no request failed");
        }
        self.served.load(Ordering::SeqCst)
    }
}

/// A connection for each request.
fn once(address: SocketAddr, over: &AtomicBool, served: &AtomicUsize) {
    while !over.load(Ordering::SeqCst) {
        let (status, _) = get(address, "/customers/1").expect("answered");
        assert_eq!(status, 200);
        served.fetch_add(1, Ordering::SeqCst);
    }
}

/// One request after the other over a connection.
fn keeping(address: SocketAddr, over: &AtomicBool, served: &AtomicUsize) {
    while !over.load(Ordering::SeqCst) {
        let mut wire = Wire::connect(address);
        while !over.load(Ordering::SeqCst) {
            wire.say("GET /customers/2 HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            let goes_on = wire.answer();
            served.fetch_add(1, Ordering::SeqCst);
            if !goes_on {
                break;
            }
        }
    }
}

/// A body that comes in pieces.
fn uploading(address: SocketAddr, over: &AtomicBool, served: &AtomicUsize) {
    while !over.load(Ordering::SeqCst) {
        let mut wire = Wire::connect(address);
        while !over.load(Ordering::SeqCst) {
            wire.say("POST /orders HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 4000\r\n\r\n");
            (0..4).for_each(|_| wire.say(&"x".repeat(1000)));
            let goes_on = wire.answer();
            served.fetch_add(1, Ordering::SeqCst);
            if !goes_on {
                break;
            }
        }
    }
}

struct Wire(BufReader<TcpStream>);

impl Wire {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_nodelay(true).expect("set");
        Self(BufReader::new(stream))
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("taken");
    }

    /// Reads a 200 to its end; whether the connection goes on.
    fn answer(&mut self) -> bool {
        let (mut length, mut goes_on, mut first) = (0, true, String::new());
        self.0.read_line(&mut first).expect("an answer");
        assert!(first.starts_with("HTTP/1.1 200"), "{first:?}");
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a head");
            let line = line.trim_end().to_ascii_lowercase();
            match line.split_once(": ") {
                _ if line.is_empty() => break,
                Some(("content-length", value)) => length = value.parse().expect("a length"),
                Some(("connection", "close")) => goes_on = false,
                _ => {}
            }
        }
        self.0.read_exact(&mut vec![0; length]).expect("a body");
        goes_on
    }
}
