//! A `redis-server` of a test's own, and a wire to it that can be cut.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::PATIENCE;

/// A server of a test's own, stopped by its handle.
pub(crate) struct Redis {
    process: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let redis = Self { process: spawn(port, folder.path()), port, folder };
        redis.await_answer();
        redis
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("gone");
    }

    pub(crate) fn revive(&mut self) {
        self.process = spawn(self.port, self.folder.path());
        self.await_answer();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
    }

    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let port = self.port.to_string();
        let said = Command::new("redis-cli").args(["-p", &port]).args(words).output().expect("it runs");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    fn await_answer(&self) {
        let end = std::time::Instant::now() + PATIENCE;
        while self.ask(&["PING"]) != "PONG" {
            assert!(std::time::Instant::now() < end, "redis-server does not answer");
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(port: u16, folder: &std::path::Path) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed (`cargo xtask test` does)")
}

/// A wire to a server: while it is cut, connections stay and nothing comes through, as behind a dead switch.
pub(crate) struct Wire {
    pub(crate) port: u16,
    cut: Arc<AtomicBool>,
}

impl Wire {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let cut = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&cut);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().expect("cloned"), to.try_clone().expect("cloned"));
                    let cut = Arc::clone(&shared);
                    std::thread::spawn(move || carry(from, to, &cut));
                }
            }
        });
        Self { port, cut }
    }

    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

/// Carries bytes one way until either side is gone; those of a cut wire wait.
fn carry(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let _ = from.set_read_timeout(Some(Duration::from_millis(20)));
    let mut bytes = [0; 4096];
    loop {
        if cut.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => {
                while cut.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Answers as a server of this version would when it is asked for it; its port.
pub(crate) fn old_server(version: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer_commands(&stream, version));
        }
    });
    port
}

/// Commands are `*COUNT`, then each word behind its length.
fn answer_commands(mut stream: &TcpStream, version: &str) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let count: usize = lines.next()?.ok()?.strip_prefix('*')?.parse().ok()?;
        let words: Vec<String> = lines.by_ref().take(2 * count).map_while(Result::ok).collect();
        let asked = words.get(1)?.eq_ignore_ascii_case("EVAL");
        let answer =
            if asked { format!("${}\r\n{version}\r\n", version.len()) } else { "+OK\r\n".to_owned() };
        stream.write_all(answer.as_bytes()).ok()?;
    }
}
