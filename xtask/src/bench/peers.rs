//! The contestants: nginx, the bare hyper proxy, and Portcullis with its archive off, at 1% and at 100%.
//!
//! All stand before the same upstream (another nginx) and are stopped by handle when dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::kept::Kept;
use super::load::{self, Answer};
use super::sample;
use crate::process::{Running, target, tied};

/// Who takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Contestant {
    /// Debian's nginx writing a JSON access log.
    Nginx,
    /// A hundred lines of hyper.
    Bare,
    /// Portcullis, no archive.
    Off,
    /// Portcullis, one pass in a hundred archived.
    Sampled,
    /// Portcullis, every event archived.
    All,
}

impl Contestant {
    pub(crate) const ALL: [Self; 5] = [Self::Nginx, Self::Bare, Self::Off, Self::Sampled, Self::All];

    /// For the report.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Nginx => "nginx, JSON access log",
            Self::Bare => "bare hyper proxy",
            Self::Off => "Portcullis, events off",
            Self::Sampled => "Portcullis, 1% archived",
            Self::All => "Portcullis, 100% archived",
        }
    }
}

/// The folder of this run and its upstream.
pub(crate) struct Ground {
    folder: PathBuf,
    /// Portcullis' binary.
    gateway: PathBuf,
    upstream: SocketAddr,
    _upstream: Running,
}

/// A contestant that runs.
pub(crate) struct Peer {
    address: SocketAddr,
    /// Where a gateway serves its metrics.
    metrics: SocketAddr,
    running: Running,
    contestant: Contestant,
}

impl Peer {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What became of the events it offered to its archive; other contestants have none.
    pub(crate) fn kept(&self) -> Result<Kept> {
        match self.contestant {
            Contestant::Nginx | Contestant::Bare => Ok(Kept::default()),
            Contestant::Off | Contestant::Sampled | Contestant::All => Kept::ask(self.metrics),
        }
    }

    /// Has it end, and waits until it has written all it has to.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.running.ask_to_end()?;
        self.running.wait()
    }

    /// The processes that do its work.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        match self.contestant {
            Contestant::Nginx => sample::children(self.running.id()),
            _ => Ok(vec![self.running.id()]),
        }
    }
}

impl Ground {
    /// Writes configurations and starts the upstream.
    pub(crate) fn prepare(gateway: PathBuf) -> Result<Self> {
        let folder = target()?.join("bench-proxy");
        std::fs::create_dir_all(folder.join("files"))?;
        std::fs::write(folder.join("files/small.json"), filler(512))?;
        std::fs::write(folder.join("files/large.json"), filler(65536))?;
        std::fs::write(folder.join("contract.yaml"), CONTRACT)?;
        let upstream = free_address()?;
        let config = folder.join("upstream.conf");
        std::fs::write(&config, upstream_config(&folder, upstream))?;
        let running = Running::start(tied(&nginx(&config)).stderr(Stdio::null()))?;
        await_listening(upstream)?;
        Ok(Self { folder, gateway, upstream, _upstream: running })
    }

    /// Starts a contestant on a free port.
    pub(crate) fn start(&self, contestant: Contestant, workers: u32) -> Result<Peer> {
        self.start_under(contestant, workers, None)
    }

    fn start_under(&self, contestant: Contestant, workers: u32, counts: Option<&PathBuf>) -> Result<Peer> {
        let (address, metrics) = (free_address()?, free_address()?);
        let inner = self.command(contestant, workers, (address, metrics), counts.is_some())?;
        let mut command = tied(&match counts {
            Some(file) => callgrind(&inner, file),
            None => inner,
        });
        let running = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        await_listening(address)?;
        Ok(Peer { address, metrics, running, contestant })
    }

    /// User instructions a request: the difference of two runs of different length under callgrind.
    pub(crate) fn instructions(&self, contestant: Contestant, answer: Answer) -> Result<f64> {
        let (short, long) = (200, 1200);
        let few = self.counted(contestant, answer, short)?;
        let many = self.counted(contestant, answer, long)?;
        Ok((many - few) / f64::from(long - short))
    }

    fn counted(&self, contestant: Contestant, answer: Answer, requests: u32) -> Result<f64> {
        let file = self.folder.join("callgrind.out");
        let mut peer = self.start_under(contestant, 1, Some(&file))?;
        load::count(peer.address, answer, requests)?;
        // Asked to stop, valgrind writes its counts and ends.
        peer.end()?;
        let text = std::fs::read_to_string(&file).context("callgrind wrote no counts")?;
        let line = text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
        line.and_then(|count| count.trim().parse().ok()).context("callgrind's file has no total")
    }

    fn command(
        &self,
        contestant: Contestant,
        workers: u32,
        (address, metrics): (SocketAddr, SocketAddr),
        counted: bool,
    ) -> Result<Command> {
        Ok(match contestant {
            Contestant::Nginx => {
                let config = self.folder.join("nginx.conf");
                std::fs::write(
                    &config,
                    nginx_config(&self.folder, address, self.upstream, workers, counted),
                )?;
                nginx(&config)
            }
            Contestant::Bare => {
                let mut command = Command::new(target()?.join("release/portcullis-bench"));
                command.args(["--listen", &address.to_string(), "--upstream", &self.upstream.to_string()]);
                command.args(["--workers", &workers.to_string()]);
                command
            }
            Contestant::Off | Contestant::Sampled | Contestant::All => {
                let config = self.folder.join("portcullis.yaml");
                std::fs::write(&config, policy(contestant, (address, metrics), self.upstream, workers))?;
                let _ = std::fs::remove_dir_all(self.folder.join("data"));
                let mut command = Command::new(&self.gateway);
                command.arg("serve").arg("-c").arg(&config).args(["--no-watch", "--log", "error"]);
                command
            }
        })
    }
}

fn callgrind(inner: &Command, file: &std::path::Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", file.display()));
    command.arg(inner.get_program()).args(inner.get_args());
    command
}

pub(crate) fn nginx(config: &std::path::Path) -> Command {
    let program = if crate::process::is_installed("nginx") { "nginx" } else { "/usr/sbin/nginx" };
    let mut command = Command::new(program);
    command.arg("-c").arg(config).args(["-g", "daemon off;"]);
    command
}

/// A free loopback port. It is free again when this returns; the contestant takes it at once.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

pub(crate) fn await_listening(address: SocketAddr) -> Result<()> {
    let pause = std::time::Duration::from_millis(20);
    for _ in 0..1500 {
        if std::net::TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(pause);
    }
    anyhow::bail!("nothing listens on {address} after 30 s")
}

/// A JSON document of exactly `size` bytes.
pub(crate) fn filler(size: usize) -> String {
    let frame = r#"{"filler":""}"#.len();
    format!(r#"{{"filler":"{}"}}"#, "x".repeat(size - frame))
}

pub(crate) fn upstream_config(folder: &std::path::Path, address: SocketAddr) -> String {
    let at = folder.display();
    format!(
        "worker_processes 1; pid {at}/upstream.pid; error_log {at}/upstream.log crit;\n\
         events {{ worker_connections 2048; }}\n\
         http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 300s; sendfile on; open_file_cache max=10;\n\
         server {{ listen {address}; default_type application/json;\n\
         location / {{ return 200 '{ITEMS}'; }}\n\
         location ~ /plans$ {{ alias {at}/files/small.json; }}\n\
         location ~ /usage$ {{ alias {at}/files/large.json; }} }} }}\n"
    )
}

/// What is answered to all else that is asked for.
const ITEMS: &str = r#"{"items":[{"id":4711,"name":"Maria Kowalski","mail":"maria@shop.example","card":"4111111111111111","total":12.5},{"id":4712,"name":"Ada Green","mail":"ada@shop.example","iban":"DE89370400440532013000","total":3}],"next":null}"#;

fn nginx_config(
    folder: &std::path::Path,
    address: SocketAddr,
    upstream: SocketAddr,
    workers: u32,
    counted: bool,
) -> String {
    let at = folder.display();
    let single = if counted { "master_process off;" } else { "" };
    format!(
        "worker_processes {workers}; {single} pid {at}/nginx.pid; error_log {at}/nginx.log crit;\n\
         events {{ worker_connections 2048; }}\n\
         http {{ keepalive_requests 100000000; keepalive_timeout 300s;\n\
         log_format json escape=json '{{\"time\":\"$time_iso8601\",\"ip\":\"$remote_addr\",\"method\":\"$request_method\",\
         \"uri\":\"$request_uri\",\"host\":\"$host\",\"status\":$status,\"bytes\":$body_bytes_sent,\"duration\":$request_time,\
         \"agent\":\"$http_user_agent\",\"referer\":\"$http_referer\",\"upstream\":\"$upstream_addr\"}}';\n\
         access_log {at}/access.log json buffer=64k flush=1s;\n\
         upstream site {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}\n\
         server {{ listen {address} reuseport; location / {{ proxy_pass http://site; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; }} }} }}\n"
    )
}

fn policy(
    contestant: Contestant,
    (address, metrics): (SocketAddr, SocketAddr),
    upstream: SocketAddr,
    workers: u32,
) -> String {
    let archive = match contestant {
        Contestant::Sampled => "archive: { sqlite: { path: data/events.db }, passes: 1% }",
        Contestant::All => "archive: { sqlite: { path: data/events.db }, passes: 100% }",
        _ => "archive: off",
    };
    format!(
        "listen: [{{ address: \"{address}\" }}]\nworkers: {workers}\n{archive}\n\
         control: {{ socket: data/portcullis.sock }}\nmetrics: {{ listen: \"{metrics}\" }}\n\
         lists: {{ partners: {{ ranges: [203.0.113.0/24, \"2001:db8::/32\"] }} }}\n\
         sites:\n  shop:\n    hosts: [shop.test]\n    upstream: {{ servers: [\"http://{upstream}\"] }}\n\
         \x20   contract: {{ files: [contract.yaml] }}\n    unknown_apis: monitor\n    filter: off\n\
         \x20   rules:\n\
         \x20     - {{ name: partner, when: 'ip in lists.partners', tag: [net:partner] }}\n\
         \x20     - {{ name: admin, when: 'path.startsWith(\"/admin\") && !tag(\"net:partner\")', action: block }}\n\
         \x20     - {{ name: scanner, when: 'headers[\"user-agent\"].matches(\"(?i)sqlmap|nikto|masscan\")', action: block }}\n\
         \x20     - {{ name: shadow, when: 'tag(\"api:shadow\") && method == \"DELETE\"', action: block }}\n\
         \x20   limits:\n      - {{ name: per-caller, key: caller, rate: 1000000/s, action: throttle }}\n"
    )
}

/// The contract of the bench: the two operations that are fetched among a few others.
const CONTRACT: &str = r#"openapi: 3.0.3
info: { title: Bench, version: "1" }
paths:
  /v1/customers: { get: { responses: { "200": { description: ok } } } }
  /v1/customers/{customerId}: { get: { responses: { "200": { description: ok } } } }
  /v1/customers/{customerId}/plans: { get: { responses: { "200": { description: ok } } } }
  /v1/customers/{customerId}/usage: { get: { responses: { "200": { description: ok } } } }
  /v1/customers/{customerId}/invoices/{invoiceId}: { get: { responses: { "200": { description: ok } } } }
  /v1/orders: { post: { responses: { "200": { description: ok } } } }
"#;
