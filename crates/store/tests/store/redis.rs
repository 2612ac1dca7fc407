//! A `redis-server` or `valkey-server` of a test's own: on a free port of the loopback, stopped by its handle.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portcullis_store::server::{Address, Credentials, Encryption, Outage, Route, Servers, TimeFrom};
use portcullis_store::{MemoryLimits, ServerPlan};
use tempfile::TempDir;

/// Long enough for anything that happens at all; a test that waits longer fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Debian's Redis.
pub(crate) const REDIS: &str = "redis-server";

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

pub(crate) struct Redis {
    process: Child,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    program: PathBuf,
    args: Vec<String>,
}

impl Redis {
    /// A server in clear, with these arguments beside its own.
    pub(crate) async fn start(args: &[&str]) -> Self {
        Self::start_program(Path::new(REDIS), args).await
    }

    /// The same of another program that takes the same arguments.
    pub(crate) async fn start_program(program: &Path, args: &[&str]) -> Self {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        for _ in 0..10 {
            let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
            let process = spawn(program, folder.path(), port, &args);
            let mut server = Self { process, port, folder, program: program.to_owned(), args: args.clone() };
            // Somebody else may have taken the port in between: then it ends at once.
            if server.listens().await {
                return server;
            }
        }
        panic!("{} stays on no port", program.display());
    }

    /// Kills it as the kernel would (`SIGKILL`).
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again where it was, empty.
    pub(crate) async fn revive(&mut self) {
        self.process = spawn(&self.program, self.folder.path(), self.port, &self.args);
        assert!(self.listens().await, "it ended");
    }

    /// Stops or continues it, without a word to its clients.
    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status();
        assert!(told.unwrap().success());
    }

    /// What `redis-cli` answers.
    pub(crate) fn ask(&self, args: &[&str]) -> String {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn address(&self) -> Address {
        Address { host: "127.0.0.1".into(), port: self.port }
    }

    pub(crate) fn plan(&self) -> ServerPlan {
        plan(Servers::Single(self.address()))
    }

    /// Whether it lives until it takes connections.
    async fn listens(&mut self) -> bool {
        let up = async {
            while self.process.try_wait().unwrap().is_none() {
                if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                    return self.process.try_wait().unwrap().is_none();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            false
        };
        tokio::time::timeout(PATIENCE, up).await.expect("redis-server listens or ends")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(program: &Path, folder: &Path, port: u16, args: &[String]) -> Child {
    Command::new(program)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
        .args(if args.iter().any(|arg| arg == "--tls-port") {
            ["--port".to_owned(), "0".to_owned()]
        } else {
            ["--port".to_owned(), port.to_string()]
        })
        .arg("--dir")
        .arg(folder)
        .args(args.iter().map(|arg| arg.replace("PORT", &port.to_string())))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed (`cargo xtask test` does)")
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A patient plan: this machine may be busy.
pub(crate) fn plan(servers: Servers) -> ServerPlan {
    ServerPlan {
        route: Route {
            servers,
            credentials: Credentials::default(),
            encryption: Encryption::Off,
            database: 0,
        },
        prefix: "test".into(),
        deadline: Duration::from_secs(10),
        outage: Outage::Fail,
        leases: None,
        time: TimeFrom::Batch,
        memory: MemoryLimits::default(),
    }
}

impl Redis {
    /// A Sentinel with a configuration file of its own.
    pub(crate) async fn start_sentinel(program: &Path, folder: TempDir, port: u16, config: String) -> Self {
        let process = Command::new(program)
            .args([config.as_str(), "--sentinel", "--bind", "127.0.0.1", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed (`cargo xtask test` does)");
        let mut server = Self { process, port, folder, program: program.to_owned(), args: Vec::new() };
        assert!(server.listens().await, "it ended");
        server
    }
}
