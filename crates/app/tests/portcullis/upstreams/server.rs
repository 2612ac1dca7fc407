//! A server that says who it is and what it was asked; how it fares can be changed while it runs.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Asked>,
}

/// What it was asked, and what it says.
struct Asked {
    name: &'static str,
    requests: AtomicUsize,
    status: AtomicU16,
    checks: AtomicU16,
    heads: Mutex<Vec<String>>,
    held: Mutex<bool>,
    released: Condvar,
}

impl Server {
    /// One that answers 200 with its name and the head of the request, a line each.
    pub(crate) fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::new(Asked {
            name,
            requests: AtomicUsize::new(0),
            status: AtomicU16::new(200),
            checks: AtomicU16::new(200),
            heads: Mutex::default(),
            held: Mutex::default(),
            released: Condvar::new(),
        });
        let server = Self { address, asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let asked = Arc::clone(&asked);
                std::thread::spawn(move || asked.answer_all(&stream));
            }
        });
        server
    }

    /// As policy writes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers everything with that status from now on.
    pub(crate) fn answer_with(&self, status: u16) {
        self.asked.status.store(status, Ordering::SeqCst);
        self.asked.checks.store(status, Ordering::SeqCst);
    }

    /// Answers checks, and only them, with 500 from now on.
    pub(crate) fn fail_checks(&self) {
        self.asked.checks.store(500, Ordering::SeqCst);
    }

    /// Answers nothing from now on.
    pub(crate) fn hold(&self) {
        *self.asked.held.lock().expect("not poisoned") = true;
    }

    /// Answers again, also what it was asked meanwhile.
    pub(crate) fn release(&self) {
        *self.asked.held.lock().expect("not poisoned") = false;
        self.asked.released.notify_all();
    }

    /// The head of the last request for what begins so.
    pub(crate) fn last_of(&self, target: &str) -> Option<String> {
        let heads = self.asked.heads.lock().expect("not poisoned");
        heads.iter().rev().find(|head| head.contains(&format!(" {target}"))).cloned()
    }

    /// How many requests it answered.
    pub(crate) fn count(&self) -> usize {
        self.asked.requests.load(Ordering::SeqCst)
    }
}

impl Asked {
    fn answer_all(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut writer = stream.try_clone().ok()?;
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).ok()? == 0 {
                    return None;
                }
            }
            self.requests.fetch_add(1, Ordering::SeqCst);
            let body = format!("{}\n{head}", self.name);
            let status = if head.contains(" /healthz") { &self.checks } else { &self.status };
            let status = status.load(Ordering::SeqCst);
            self.heads.lock().ok()?.push(head);
            drop(self.released.wait_while(self.held.lock().ok()?, |held| *held).ok()?);
            write!(writer, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
        }
    }
}
