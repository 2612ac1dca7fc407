//! The servers behind a site, and how they are spoken to.

mod by_path;
mod capacity;
mod health;
mod overload;
mod server;

use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Reading, nothing_written, section, words};
use crate::limit::KeyPart;
use crate::scalar::{FileRef, ServerScheme};

pub(crate) use by_path::check_prefixes;
pub use by_path::{PathPrefix, PathUpstream, PathUpstreams};
pub use capacity::Capacity;
pub use health::{AllDown, CheckPath, FailureRate, Health, HealthCheck};
pub use overload::Overload;
pub use server::{Balance, Server, Servers, Weight};

section! {
    /// The servers a site's traffic goes to.
    pub struct Upstream as "upstream" {
        /// Scheme, host and port of each; names are resolved again from time to time.
        servers: Servers,
        /// Which of them an exchange goes to.
        balance: Balance = "round_robin",
        /// For `balance: hash`: what leads to a server, as in a limit's `key`.
        balance_key: Vec<KeyPart> = "caller",
        /// How long a server that was left alone gets fewer exchanges than the others, more and more until it gets its
        /// share; all of it at once if not given.
        slow_start: Option<Duration>,
        /// How many exchanges go on at once.
        capacity: Capacity = "{}",
        /// Refuses the rest when it has too much to do: `overload: {}` switches that on.
        overload: Option<Overload>,
        /// How long it may take.
        timeouts: UpstreamTimeouts = "{}",
        /// How often an exchange that is safe to repeat is tried again: nothing of it was processed, or its method is
        /// idempotent and no body was sent.
        retries: u8 = "1",
        /// The HTTP version spoken.
        protocol: UpstreamProtocol = "auto",
        /// Which version of the PROXY protocol tells servers, ahead of everything else, whom a connection is from; none if not
        /// given. A connection is one client's then, so none is kept for reuse or shared: `pool` means nothing.
        proxy_protocol: Option<ProxyVersion>,
        /// How a server over TLS is verified.
        tls: UpstreamTls = "{}",
        /// Connections kept for reuse.
        pool: Pool = "{}",
        /// How often names are resolved again.
        dns_refresh: Duration = "30s",
        /// When a server is left alone for a while.
        health: Health = "{}",
    }
    => settle_upstream
}

fn settle_upstream(upstream: Upstream, node: &Node, reading: &mut Reading) -> Option<Upstream> {
    if nothing_written(node, "servers") {
        let problem = Problem::error("policy.no_server", "the upstream has no server").at(&node.place);
        return reading.refuse(problem.remedy("e.g. `servers: [http://127.0.0.1:9000]`"));
    }
    let clear = upstream.servers.iter().find(|server| server.url.scheme == ServerScheme::Http);
    if let Some((server, written)) = clear.zip(node.entry("tls")) {
        let problem =
            Problem::warning("policy.tls_unused", format!("`{}` is spoken to in clear", server.url.url));
        let problem = problem.at(&server.url.place).also(&written.key.place, "so this means nothing for it");
        reading.problems.push(problem.remedy("write `https://`"));
    }
    if let Some(unused) = node.entry("pool").filter(|_| upstream.proxy_protocol.is_some()) {
        let message = "`pool` means nothing where each connection is one client's";
        let problem = Problem::warning("policy.pool_unused", message).at(&unused.key.place);
        reading.problems.push(problem.remedy("leave out `pool`, or `proxy_protocol`"));
    }
    server::check_balance(&upstream, node, reading);
    Some(upstream)
}

section! {
    /// How long an upstream may take.
    pub struct UpstreamTimeouts as "upstream's timeouts" {
        /// To connect, TLS handshake included.
        connect: Duration = "5s",
        /// From the end of the request to the response's head.
        head: Duration = "60s",
        /// Between two reads of the response body.
        idle: Duration = "5m",
        /// For everything together; none if not given. Long downloads and streams need it absent.
        total: Option<Duration>,
    }
}

words! {
    /// The HTTP version spoken with an upstream.
    pub enum UpstreamProtocol {
        /// Over TLS what ALPN chooses; in clear HTTP/1.1, except for gRPC, which takes HTTP/2.
        Auto = "auto",
        /// HTTP/1.1.
        Http1 = "http1",
        /// HTTP/2; in clear with prior knowledge.
        Http2 = "http2",
    }
}

words! {
    /// A version of the PROXY protocol.
    pub enum ProxyVersion {
        /// A line of text.
        V1 = "v1",
        /// Binary.
        V2 = "v2",
    }
}

section! {
    /// TLS towards an upstream.
    pub struct UpstreamTls as "upstream's TLS" {
        /// The authorities believed, and no others, PEM; without it, the public ones.
        ca: Option<FileRef>,
        /// The name it is asked for (SNI) and its certificate must have, where it is not the server's own.
        server_name: Option<SmolStr>,
        /// The certificate shown to it where it asks for one, PEM, with what leads to its authority. Watched and reloaded.
        certificate: Option<FileRef>,
        /// That certificate's private key, PEM.
        key: Option<FileRef>,
        /// Whether its certificate is verified at all. `false` is for tests: anybody in between can read along.
        verify: bool = "true",
    }
    => settle_tls
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every section's last check")]
fn settle_tls(tls: UpstreamTls, node: &Node, reading: &mut Reading) -> Option<UpstreamTls> {
    let wrong = match (&tls.certificate, &tls.key) {
        (Some(file), None) => Some((file, "the certificate has no key", "add `key: FILE`")),
        (None, Some(file)) => Some((file, "the key has no certificate", "add `certificate: FILE`")),
        _ => None,
    };
    if let Some((file, message, remedy)) =
        wrong.filter(|_| node.get("key").is_none() || node.get("certificate").is_none())
    {
        reading.problems.push(Problem::error("policy.tls", message).at(&file.place).remedy(remedy));
    }
    Some(tls)
}

section! {
    /// Connections kept for reuse.
    pub struct Pool as "upstream's pool" {
        /// Idle connections kept to one server.
        idle: u32 = "256",
        /// How long one is kept; less than the server's own keep-alive.
        idle_timeout: Duration = "30s",
    }
}
