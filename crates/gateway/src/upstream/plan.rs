//! What policy says of one site's upstream, ready to be carried out: files read, servers taken apart.
//!
//! Invariant: two equal plans may share one set of servers with its connections, so everything that decides how
//! a connection is made is part of the comparison, the roots' bytes included.

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use bytes::Bytes;
use portcullis_policy as policy;
use portcullis_wire::proxy_protocol::Wording;
use smol_str::{SmolStr, ToSmolStr};

use super::checks::{Check, Checks};
use super::crowd::Capacity;
use super::gate::Overload;
use super::health::Tolerance;
use super::rate::FailureRate;
use super::tls::TlsPlanError;
use crate::ports::ReadFile;

/// Why a site's upstream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file it names cannot be read.
    #[error("cannot read `{file}`: {cause}")]
    File {
        /// As policy names it.
        file: SmolStr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsPlanError),
}

/// One site's upstream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Its name, where the site has several.
    pub(crate) name: Option<SmolStr>,
    /// Its servers, at least one.
    pub(crate) servers: Vec<Endpoint>,
    /// Who is asked next.
    pub(crate) balance: Balance,
    /// How long a server that comes back gets less than its share.
    pub(crate) slow_start: Option<Duration>,
    /// How many exchanges go on at once, where that is bounded.
    pub(crate) capacity: Option<Capacity>,
    /// How that is found out, if it is.
    pub(crate) overload: Option<Overload>,
    /// What they are spoken to in.
    pub(crate) protocol: Protocol,
    /// How long to wait.
    pub(crate) timeouts: Timeouts,
    /// How often a request that is safe to repeat is tried again.
    pub(crate) retries: u32,
    /// Connections kept while idle, and for how long.
    pub(crate) pool: PoolBounds,
    /// When a failing server is left alone.
    pub(crate) tolerance: Tolerance,
    /// The share of servers that may be left alone at once because they fail.
    pub(crate) most_paused: f64,
    /// How servers are told whom a connection is from, if they are.
    pub(crate) announces: Option<Wording>,
    /// Statuses that count as failures.
    pub(crate) failing: Vec<u16>,
    /// How servers are asked whether they are well, if they are.
    pub(crate) checks: Option<Checks>,
    /// What becomes of exchanges while all are left alone.
    pub(crate) all_down: AllDown,
    /// How often names are looked up again.
    pub(crate) dns_refresh: Duration,
    /// How servers prove themselves.
    pub(crate) tls: TlsPlan,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// As policy writes it.
    pub(crate) name: SmolStr,
    /// In clear or over TLS.
    pub(crate) security: Security,
    /// A name or an address, IPv6 without brackets.
    pub(crate) host: SmolStr,
    /// The port.
    pub(crate) port: u16,
    /// Its share beside the others'.
    pub(crate) weight: u32,
}

impl Endpoint {
    fn read(server: &policy::Server) -> Self {
        Self {
            name: server.url.url.clone(),
            security: match server.url.scheme {
                policy::ServerScheme::Http => Security::Clear,
                policy::ServerScheme::Https => Security::Tls,
            },
            host: server.url.host.clone(),
            port: server.url.port,
            weight: server.weight.get(),
        }
    }
}

/// Whether a server is spoken to in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// `http://`.
    Clear,
    /// `https://`.
    Tls,
}

/// Who is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balance {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest exchanges going on.
    LeastConnections,
    /// The one an exchange's key leads to.
    Hash,
}

/// What is spoken to the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Over TLS what ALPN chooses; in clear HTTP/1.1, but HTTP/2 for what needs it.
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN over TLS (a server that has none gets HTTP/1.1), by prior knowledge in clear.
    Http2,
}

/// What a request can be carried by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anything.
    Any,
    /// HTTP/1.1: it wants to change the protocol.
    Http1,
    /// HTTP/2: gRPC has trailers and both directions at once.
    Http2,
}

/// What a connection has to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaking {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 from the first byte.
    Http2,
    /// What ALPN chooses.
    Negotiated,
}

impl Plan {
    /// Reads policy and the files it names.
    pub(crate) fn read(
        name: Option<&SmolStr>,
        upstream: &policy::Upstream,
        files: &ReadFile,
    ) -> Result<Self, PlanError> {
        let timeouts = &upstream.timeouts;
        Ok(Self {
            name: name.cloned(),
            servers: upstream.servers.iter().map(Endpoint::read).collect(),
            balance: match upstream.balance {
                policy::Balance::RoundRobin => Balance::RoundRobin,
                policy::Balance::LeastConnections => Balance::LeastConnections,
                policy::Balance::Hash => Balance::Hash,
            },
            slow_start: upstream.slow_start,
            capacity: upstream.capacity.bounds().then(|| capacity(&upstream.capacity)),
            overload: upstream.overload.as_ref().map(overload),
            protocol: match upstream.protocol {
                policy::UpstreamProtocol::Auto => Protocol::Auto,
                policy::UpstreamProtocol::Http1 => Protocol::Http1,
                policy::UpstreamProtocol::Http2 => Protocol::Http2,
            },
            timeouts: Timeouts {
                connect: timeouts.connect,
                head: timeouts.head,
                idle: timeouts.idle,
                total: timeouts.total,
            },
            retries: u32::from(upstream.retries),
            pool: PoolBounds { connections: upstream.pool.idle as usize, idle: upstream.pool.idle_timeout },
            tolerance: tolerance(&upstream.health),
            most_paused: upstream.health.most_paused.get(),
            announces: upstream.proxy_protocol.map(|version| match version {
                policy::ProxyVersion::V1 => Wording::Line,
                policy::ProxyVersion::V2 => Wording::Binary,
            }),
            failing: upstream.health.statuses.iter().map(|status| status.get()).collect(),
            checks: checks(&upstream.health),
            all_down: match upstream.health.all_down {
                policy::AllDown::Ask => AllDown::Ask,
                policy::AllDown::Refuse => AllDown::Refuse,
            },
            dns_refresh: upstream.dns_refresh,
            tls: TlsPlan::read(&upstream.tls, files)?,
        })
    }

    /// How many servers may be left alone at once because they fail: one in any case.
    pub(crate) fn most_paused(&self) -> usize {
        #[expect(clippy::cast_sign_loss, reason = "a share is not negative")]
        let most = (self.servers.len() as f64 * self.most_paused) as usize;
        most.max(1)
    }

    /// What a connection to a server has to speak for a request.
    pub(crate) fn speaking(&self, security: Security, need: Need) -> Speaking {
        match (self.protocol, security, need) {
            (_, _, Need::Http1) | (Protocol::Http1, _, _) | (Protocol::Auto, Security::Clear, Need::Any) => {
                Speaking::Http1
            }
            (_, Security::Tls, _) => Speaking::Negotiated,
            (_, Security::Clear, _) => Speaking::Http2,
        }
    }
}

fn capacity(capacity: &policy::Capacity) -> Capacity {
    let most = |bound: Option<NonZero<u32>>| bound.map_or(usize::MAX, |bound| bound.get() as usize);
    Capacity {
        server: most(capacity.server),
        total: most(capacity.total),
        queue: capacity.queue as usize,
        wait: capacity.wait,
    }
}

fn tolerance(health: &policy::Health) -> Tolerance {
    let rate = health.failure_rate.as_ref().map(|rate| FailureRate {
        share: rate.share.get(),
        exchanges: rate.exchanges.get(),
        within: rate.within,
    });
    Tolerance { failures: health.failures.get(), rate, pause: health.pause }
}

fn overload(overload: &policy::Overload) -> Overload {
    Overload {
        tolerance: overload.tolerance.get(),
        minimum: overload.minimum.get() as usize,
        maximum: overload.maximum.get() as usize,
        spare: overload.spare.iter().map(|path| SmolStr::new(path.as_str())).collect(),
    }
}

fn checks(health: &policy::Health) -> Option<Checks> {
    let check = match health.checked()? {
        policy::HealthCheck::Http => {
            Check::Http(SmolStr::from(health.path.as_ref().map_or("/", policy::CheckPath::as_str)))
        }
        policy::HealthCheck::Tcp => Check::Tcp,
        policy::HealthCheck::Grpc => Check::Grpc,
    };
    Some(Checks {
        check,
        host: health.host.as_ref().map(ToSmolStr::to_smolstr),
        every: health.every,
        timeout: health.timeout,
        down_after: health.down_after.get(),
        up_after: health.up_after.get(),
    })
}

/// What becomes of exchanges while every server is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllDown {
    /// One is asked all the same.
    Ask,
    /// None is.
    Refuse,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// For a connection, TLS included.
    pub(crate) connect: Duration,
    /// For the response's head, from the last byte of the request that went on.
    pub(crate) head: Duration,
    /// For the next bytes of a response.
    pub(crate) idle: Duration,
    /// For the whole exchange.
    pub(crate) total: Option<Duration>,
}

/// Connections kept while idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolBounds {
    /// How many a server.
    pub(crate) connections: usize,
    /// For how long.
    pub(crate) idle: Duration,
}

/// How servers prove themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsPlan {
    /// Roots in PEM; absent for the web's.
    pub(crate) roots: Option<Bytes>,
    /// The name asked for and checked, where it is not the server's host.
    pub(crate) server_name: Option<SmolStr>,
    /// What we show for ourselves.
    pub(crate) own: Option<OwnCertificate>,
    /// Whether certificates are checked at all.
    pub(crate) verify: Verify,
}

/// A certificate of our own.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct OwnCertificate {
    /// The chain, PEM.
    pub(crate) chain: Bytes,
    /// Its key, PEM.
    pub(crate) key: Bytes,
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnCertificate")
    }
}

impl TlsPlan {
    fn read(tls: &policy::UpstreamTls, files: &ReadFile) -> Result<Self, PlanError> {
        let read =
            |path: &SmolStr| files(path).map_err(|cause| PlanError::File { file: path.clone(), cause });
        let own = |(chain, key): (&policy::FileRef, &policy::FileRef)| {
            Ok::<_, PlanError>(OwnCertificate { chain: read(&chain.path)?, key: read(&key.path)? })
        };
        Ok(Self {
            own: tls.certificate.as_ref().zip(tls.key.as_ref()).map(own).transpose()?,
            roots: tls.ca.as_ref().map(|file| read(&file.path)).transpose()?,
            server_name: tls.server_name.clone(),
            verify: if tls.verify { Verify::Full } else { Verify::Nothing },
        })
    }
}

/// Whether a server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Chain and name.
    Full,
    /// Not at all: anyone on the path can read and change what is sent.
    Nothing,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A plan of servers in clear, for tests.
    pub(crate) fn plan(servers: &[&'static str], balance: Balance) -> Plan {
        let endpoint = |name: &&'static str| Endpoint {
            name: SmolStr::new_static(name),
            security: Security::Clear,
            host: SmolStr::new_static("127.0.0.1"),
            port: 9,
            weight: 1,
        };
        Plan {
            name: None,
            servers: servers.iter().map(endpoint).collect(),
            balance,
            slow_start: None,
            capacity: None,
            most_paused: 1.0,
            announces: None,
            overload: None,
            failing: Vec::new(),
            protocol: Protocol::Auto,
            timeouts: Timeouts {
                connect: Duration::from_secs(1),
                head: Duration::from_secs(1),
                idle: Duration::from_secs(1),
                total: None,
            },
            retries: 1,
            pool: PoolBounds { connections: 8, idle: Duration::from_mins(1) },
            tolerance: Tolerance { failures: 3, rate: None, pause: Duration::from_secs(10) },
            checks: None,
            all_down: AllDown::Ask,
            dns_refresh: Duration::from_secs(30),
            tls: TlsPlan { roots: None, server_name: None, own: None, verify: Verify::Full },
        }
    }
}
