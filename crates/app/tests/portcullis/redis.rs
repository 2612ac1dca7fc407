//! Servers of a test's own, Redis or Valkey, by themselves or with Sentinels; and a wire to one that can be cut.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::harness::PATIENCE;

/// A server of a test's own, stopped by its handle.
pub(crate) struct Redis {
    process: Child,
    pub(crate) port: u16,
    program: PathBuf,
    args: Vec<String>,
    folder: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// One with more arguments.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::start_program(Path::new("redis-server"), tempfile::tempdir().expect("a folder"), args)
    }

    /// Another server that speaks the same.
    pub(crate) fn start_other(program: &Path) -> Self {
        Self::start_program(program, tempfile::tempdir().expect("a folder"), &[])
    }

    /// A Sentinel that watches a server under the name `shop` and needs another one's word to replace it.
    pub(crate) fn start_sentinel(watched: &Self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("sentinel.conf");
        let text = format!(
            "sentinel monitor shop 127.0.0.1 {} 2\nsentinel down-after-milliseconds shop 1000\n\
             sentinel failover-timeout shop 5000\n",
            watched.port
        );
        std::fs::write(&config, text).expect("written");
        // The file has to come first among the arguments.
        let args = [&config.display().to_string(), "--sentinel"];
        Self::start_program(Path::new("redis-server"), folder, &args)
    }

    fn start_program(program: &Path, folder: tempfile::TempDir, args: &[&str]) -> Self {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let (port, process) = start_somewhere(program, &args, folder.path());
        Self { process, port, program: program.to_owned(), args, folder }
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("gone");
    }

    pub(crate) fn revive(&mut self) {
        self.process = spawn(&self.program, self.port, &self.args, self.folder.path());
        self.await_answer();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
    }

    pub(crate) fn ask(&self, words: &[&str]) -> String {
        ask(self.port, words)
    }

    /// A number that `INFO` tells.
    pub(crate) fn figure(&self, name: &str) -> u64 {
        let told = self.ask(&["INFO"]);
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("{name} in {told}"))
    }

    /// Asks until what it answers is what is awaited.
    pub(crate) fn await_said(&self, words: &[&str], awaited: impl Fn(&str) -> bool) {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let said = self.ask(words);
            if awaited(&said) {
                return;
            }
            assert!(std::time::Instant::now() < end, "{words:?} still says {said}");
        }
    }

    fn await_answer(&self) {
        self.await_said(&["PING"], |said| said == "PONG");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts it on a free port, on another one if somebody else took that in between.
fn start_somewhere(program: &Path, args: &[String], folder: &Path) -> (u16, Child) {
    for _ in 0..10 {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let mut process = spawn(program, port, args, folder);
        let end = std::time::Instant::now() + PATIENCE;
        while process.try_wait().expect("a child").is_none() {
            // Somebody else could answer there.
            if ask(port, &["INFO", "server"]).contains(&format!("process_id:{}\r", process.id())) {
                return (port, process);
            }
            assert!(std::time::Instant::now() < end, "{} does not answer", program.display());
        }
    }
    panic!("{} does not stay on any port", program.display());
}

fn ask(port: u16, words: &[&str]) -> String {
    let said = Command::new("redis-cli").args(["-p", &port.to_string()]).args(words).output();
    String::from_utf8_lossy(&said.expect("it runs").stdout).trim().to_owned()
}

fn spawn(program: &Path, port: u16, args: &[String], folder: &Path) -> Child {
    let sentinel = args.iter().any(|arg| arg == "--sentinel");
    let mut command = Command::new(program);
    command.args(args).args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder);
    if !sentinel {
        command.args(["--save", ""]);
    }
    command.stdout(Stdio::null()).spawn().expect("redis-server is installed (`cargo xtask test` does)")
}

/// A Valkey server's program: what `PORTCULLIS_VALKEY` names (`cargo xtask test` sees to it), else what is installed.
/// Where there is none the test says so, and is skipped.
pub(crate) fn valkey() -> Option<PathBuf> {
    let named = std::env::var_os("PORTCULLIS_VALKEY").map(PathBuf::from);
    let found = named.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("valkey-server")).find(|file| file.is_file())
    });
    if found.is_none() {
        let said = "skipped: there is no valkey-server, and PORTCULLIS_VALKEY names none\n";
        std::io::stderr().write_all(said.as_bytes()).expect("told");
    }
    found
}

/// A wire to a server: while it is cut, connections stay and nothing comes through, as behind a dead switch.
pub(crate) struct Wire {
    pub(crate) port: u16,
    cut: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
}

impl Wire {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let cut = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let (shared, counter) = (Arc::clone(&cut), Arc::clone(&connections));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                let Ok(far) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().expect("cloned"), to.try_clone().expect("cloned"));
                    let cut = Arc::clone(&shared);
                    std::thread::spawn(move || carry(from, to, &cut));
                }
            }
        });
        Self { port, cut, connections }
    }

    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// How many connections were made over it so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
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
