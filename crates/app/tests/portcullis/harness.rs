//! A gateway process with a site behind it, both on free ports, both stopped when dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_portcullis");

/// The policy of a shop with a contract, whose other APIs are watched; more of the site may follow.
pub(crate) const SHOP: &str = r#"
listen: [{ address: "127.0.0.1:0" }]
sites:
  shop:
    hosts: ["*"]
    upstream: { servers: [UPSTREAM] }
    contract: { files: [openapi.yaml] }
    unknown_apis: monitor
"#;

/// No wait in these tests is longer than this; nothing waits this long when things work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A site: answers every request with its path, and counts them.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Site {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || answer_all(&stream, &counter));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers requests on one connection until it ends.
fn answer_all(stream: &TcpStream, counter: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream.try_clone().ok()?;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).ok()? == 0 {
            return None;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut Read::take(&mut reader, length), &mut std::io::sink()).ok()?;
        counter.fetch_add(1, Ordering::SeqCst);
        let path = first.split(' ').nth(1)?;
        let body = format!("{{\"path\":\"{path}\"}}");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        writer.write_all(head.as_bytes()).ok()?;
        if !first.starts_with("HEAD ") {
            writer.write_all(body.as_bytes()).ok()?;
        }
    }
}

/// A folder with a policy, and the process that runs it.
pub(crate) struct Gateway {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) site: Site,
    child: Option<Child>,
    address: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

impl Gateway {
    /// A folder with `policy` in it; `UPSTREAM` stands for the site's URL.
    pub(crate) fn prepare(policy: &str) -> Self {
        let gateway = Self {
            folder: tempfile::tempdir().expect("a folder"),
            site: Site::start(),
            child: None,
            address: None,
            metrics: None,
        };
        gateway.write_policy(policy);
        gateway
    }

    /// The same, running.
    pub(crate) fn start(policy: &str) -> Self {
        let mut gateway = Self::prepare(policy);
        gateway.run();
        gateway
    }

    /// The same, with a contract beside the policy, `openapi.yaml`.
    pub(crate) fn start_with_contract(policy: &str, contract: &str) -> Self {
        let mut gateway = Self::prepare(policy);
        gateway.write("openapi.yaml", contract);
        gateway.run();
        gateway
    }

    /// Starts the process and waits until it says where it listens.
    pub(crate) fn run(&mut self) {
        self.run_with(&[]);
    }

    /// The same with more arguments of `serve`.
    pub(crate) fn run_with(&mut self, more: &[&str]) {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--json", "--log", "warn"]).args(more);
        self.run_command(command);
    }

    /// Starts another process in this one's place and waits until it serves; answers the one before.
    pub(crate) fn take_over(&mut self) -> Child {
        let before = self.child.take().expect("running");
        self.run_with(&["--takeover"]);
        before
    }

    /// The same as [`Self::run`] of a command that comes to be `serve --json`.
    pub(crate) fn run_command(&mut self, mut command: Command) {
        let mut child = command
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("says where it listens").expect("readable");
        let said: serde_json::Value = serde_json::from_str(&first).expect("JSON");
        let address = said["listening"][0].as_str().expect("an address").parse().expect("an address");
        // Drained, so that it never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
        self.address = Some(address);
        self.metrics = said["metrics"].as_str().map(|address| address.parse().expect("an address"));
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("running")
    }

    /// Where metrics are served.
    pub(crate) fn metrics_address(&self) -> SocketAddr {
        self.metrics.expect("a listener for metrics")
    }

    /// What `/metrics` says.
    pub(crate) fn metrics(&self) -> String {
        let mut stream =
            TcpStream::connect(self.metrics.expect("a listener for metrics")).expect("it listens");
        let asked = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(asked).expect("asked");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answered");
        text
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write_policy(&self, policy: &str) {
        self.write("portcullis.yaml", &policy.replace("UPSTREAM", &format!("http://{}", self.site.address)));
    }

    /// Writes a file as an editor does: aside, then into place.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let aside = self.path(&format!("{name}.aside"));
        std::fs::write(&aside, text).expect("written");
        std::fs::rename(aside, self.path(name)).expect("in place");
    }

    /// Runs a command of the binary in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        run_in(self.folder.path(), arguments)
    }

    /// Runs a command and reads the JSON it prints, one document a line.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let output = self.command(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        serde_json::Deserializer::from_str(&text).into_iter().map(|one| one.expect("JSON")).collect()
    }

    /// Runs a command that ends with this exit code, and reads the one JSON document it prints.
    pub(crate) fn json_of(&self, arguments: &[&str], code: i32) -> serde_json::Value {
        let output = self.command(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// One GET over a connection of its own: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(self.address(), path).expect("answered")
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("gone");
        }
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) -> std::process::ExitStatus {
        self.child.take().expect("running").wait().expect("gone")
    }

    /// Asks it to stop and waits for it.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        self.signal("-TERM");
        self.child.take().expect("running").wait().expect("gone")
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("running").id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().expect("known").is_none())
    }

    /// Waits until `done` holds, asking again and again; fails once patience is over.
    pub(crate) fn await_until<T>(&self, what: &str, mut done: impl FnMut(&Self) -> Option<T>) -> T {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = done(self) {
                return found;
            }
            assert!(std::time::Instant::now() < end, "waited too long until {what}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command of the binary in a folder.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// One GET over a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"))
}

/// Sends bytes and reads until the other side closes.
pub(crate) fn exchange_whole(address: SocketAddr, message: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(message.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The same: status and body.
pub(crate) fn exchange(address: SocketAddr, message: &str) -> std::io::Result<(u16, String)> {
    let text = exchange_whole(address, message)?;
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("not an answer: {text:?}")))?;
    Ok((status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}

/// A client that sends one request after another over one connection.
pub(crate) struct KeptAlive(BufReader<TcpStream>);

impl KeptAlive {
    pub(crate) fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The status of the answer, whose body is read and forgotten.
    pub(crate) fn get(&mut self, path: &str) -> std::io::Result<u16> {
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n")?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            status = status.or_else(|| line.split(' ').nth(1)?.parse().ok());
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        self.0.read_exact(&mut vec![0; length])?;
        status.ok_or_else(|| std::io::Error::other("no answer"))
    }
}
