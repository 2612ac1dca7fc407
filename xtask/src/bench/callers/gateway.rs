//! Limits in front of a site: the gateway without any, with five in memory, on a Redis server and on one with units
//! taken ahead; beside nginx with and without its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::median;
use crate::bench::load::{self, Answer};
use crate::bench::peers::{await_listening, filler, free_address, nginx, upstream_config};
use crate::bench::sample::{self, Usage};
use crate::process::{Running, target, tied};

/// Connections kept busy for rates and CPU.
const CONNECTIONS: u32 = 32;

/// Who takes part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Contestant {
    /// Debian's nginx, proxying.
    Nginx,
    /// With five zones of `limit_req`.
    NginxLimits,
    /// The gateway.
    Gateway,
    /// With five limits in its memory.
    Memory,
    /// With five limits on a Redis server.
    Redis,
    /// The same, units taken ahead.
    Leases,
}

impl Contestant {
    pub(super) const ALL: [Self; 6] =
        [Self::Nginx, Self::NginxLimits, Self::Gateway, Self::Memory, Self::Redis, Self::Leases];

    /// What the table calls it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::NginxLimits => "nginx, 5 × `limit_req`",
            Self::Gateway => "Portcullis",
            Self::Memory => "Portcullis, 5 limits in memory",
            Self::Redis => "Portcullis, 5 limits on Redis",
            Self::Leases => "Portcullis, 5 limits on Redis, `leases`",
        }
    }

    /// The same without limits.
    pub(super) const fn without(self) -> Self {
        match self {
            Self::Nginx | Self::NginxLimits => Self::Nginx,
            Self::Gateway | Self::Memory | Self::Redis | Self::Leases => Self::Gateway,
        }
    }
}

/// One contestant's rounds.
pub(super) struct Row {
    pub(super) contestant: Contestant,
    rates: Vec<f64>,
    cpu: Vec<f64>,
    server: Vec<f64>,
    alone: Vec<f64>,
}

impl Row {
    /// Requests a second, with many connections.
    pub(super) fn rate(&self) -> f64 {
        median(&self.rates)
    }

    /// CPU of a request, microseconds.
    pub(super) fn cpu(&self) -> f64 {
        median(&self.cpu)
    }

    /// CPU of a request at the Redis server.
    pub(super) fn server(&self) -> f64 {
        median(&self.server)
    }

    /// Median latency over one connection, microseconds.
    pub(super) fn alone(&self) -> f64 {
        median(&self.alone)
    }
}

/// Interleaved rounds: every contestant once a round.
pub(super) fn measure(rounds: u32, seconds: u32) -> Result<Vec<Row>> {
    let ground = Ground::prepare()?;
    let row = |contestant| Row {
        contestant,
        rates: Vec::new(),
        cpu: Vec::new(),
        server: Vec::new(),
        alone: Vec::new(),
    };
    let mut rows: Vec<Row> = Contestant::ALL.map(row).into_iter().collect();
    // Round 0 warms caches and the page cache of the binaries; it does not count.
    for round in 0..=rounds {
        for row in &mut rows {
            let (address, running) = ground.start(row.contestant)?;
            let processes = || match row.contestant {
                Contestant::Nginx | Contestant::NginxLimits => sample::children(running.id()),
                _ => Ok(vec![running.id()]),
            };
            let server = || Usage::of(vec![ground.redis.id()]);
            let before = (Usage::of(processes()?)?, server()?);
            let load = load::run(address, Answer::Small, CONNECTIONS, seconds)?;
            let used = (Usage::of(processes()?)?.since(&before.0), server()?.since(&before.1));
            let alone = load::run(address, Answer::Small, 1, 1)?;
            if round > 0 {
                row.rates.push(load.rate);
                row.cpu.push(used.0.cpu_ns / 1000.0 / load.requests);
                row.server.push(used.1.cpu_ns / 1000.0 / load.requests);
                row.alone.push(alone.p50_us);
            }
        }
    }
    Ok(rows)
}

/// The folder of this run, the site and the Redis server.
struct Ground {
    folder: PathBuf,
    upstream: SocketAddr,
    redis_at: SocketAddr,
    redis: Running,
    _upstream: Running,
}

impl Ground {
    fn prepare() -> Result<Self> {
        let folder = target()?.join("bench-callers");
        std::fs::create_dir_all(folder.join("files"))?;
        std::fs::write(folder.join("files/small.json"), filler(512))?;
        std::fs::write(folder.join("files/large.json"), filler(65536))?;
        std::fs::write(folder.join("node.secret"), "the secret of this node, longer than thirty-two bytes")?;
        let (upstream, redis_at) = (free_address()?, free_address()?);
        let config = folder.join("upstream.conf");
        std::fs::write(&config, upstream_config(&folder, upstream))?;
        let site = Running::start(tied(&nginx(&config)).stderr(Stdio::null()))?;
        let mut server = Command::new("redis-server");
        server.args(["--bind", "127.0.0.1", "--save", "", "--port", &redis_at.port().to_string(), "--dir"]);
        let redis = Running::start(tied(server.arg(&folder)).stdout(Stdio::null()))?;
        await_listening(upstream)?;
        await_listening(redis_at)?;
        Ok(Self { folder, upstream, redis_at, redis, _upstream: site })
    }

    /// Starts a contestant with one worker on a free port.
    fn start(&self, contestant: Contestant) -> Result<(SocketAddr, Running)> {
        let address = free_address()?;
        let command = match contestant {
            Contestant::Nginx | Contestant::NginxLimits => {
                let config = self.folder.join("nginx.conf");
                std::fs::write(&config, nginx_config(&self.folder, address, self.upstream, contestant))?;
                nginx(&config)
            }
            Contestant::Gateway | Contestant::Memory | Contestant::Redis | Contestant::Leases => {
                let config = self.folder.join("portcullis.yaml");
                std::fs::write(&config, self.policy(address, contestant))?;
                let mut command = Command::new(target()?.join("release/portcullis"));
                command.arg("serve").arg("-c").arg(&config).args(["--no-watch", "--log", "error"]);
                command
            }
        };
        let running = Running::start(tied(&command).stdout(Stdio::null()).stderr(Stdio::null()))?;
        await_listening(address)?;
        Ok((address, running))
    }

    fn policy(&self, address: SocketAddr, contestant: Contestant) -> String {
        let server = |more: &str| {
            format!(
                "state: {{ server: {{ at: [\"redis://{}\"], deadline: 1s{more} }}, on_failure: deny }}\n",
                self.redis_at
            )
        };
        let state = match contestant {
            Contestant::Redis => server(""),
            Contestant::Leases => server(", leases: {}"),
            _ => String::new(),
        };
        let limits = if contestant == Contestant::Gateway { "" } else { LIMITS };
        format!(
            "listen: [{{ address: \"{address}\" }}]\nworkers: 1\narchive: off\n{state}\
             control: {{ socket: data/portcullis.sock }}\nsites:\n  shop:\n    hosts: [shop.test]\n    filter: off\n\
             \x20   upstream: {{ servers: [\"http://{}\"] }}\n{limits}",
            self.upstream
        )
    }
}

/// None of which is ever reached.
const LIMITS: &str = "    limits:
      - { name: caller, key: caller, rate: 1000000/s }
      - { name: ip, key: ip, rate: 1000001/s }
      - { name: network, key: net/24, rate: 1000002/s }
      - { name: key, key: headers.x-api-key, rate: 1000003/s }
      - { name: path, key: [caller, path], rate: 1000004/s }
";

fn nginx_config(folder: &Path, address: SocketAddr, upstream: SocketAddr, contestant: Contestant) -> String {
    let at = folder.display();
    let keys = [
        "$binary_remote_addr",
        "$remote_addr",
        "$server_name$binary_remote_addr",
        "$http_x_api_key",
        "$binary_remote_addr$uri",
    ];
    let (mut zones, mut limits) = (String::new(), String::new());
    if contestant == Contestant::NginxLimits {
        for (place, key) in keys.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(zones, "limit_req_zone {key} zone=z{place}:10m rate=1000000r/s;");
            let _ = writeln!(limits, "limit_req zone=z{place} burst=100000 nodelay;");
        }
    }
    format!(
        "worker_processes 1; pid {at}/nginx.pid; error_log {at}/nginx.log crit;\n\
         events {{ worker_connections 2048; }}\n\
         http {{ keepalive_requests 100000000; keepalive_timeout 300s; access_log off;\n{zones}\
         upstream site {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}\n\
         server {{ listen {address} reuseport; location / {{ {limits}proxy_pass http://site; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; }} }} }}\n"
    )
}
