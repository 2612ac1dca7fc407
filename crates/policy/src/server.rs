//! What the gateway itself needs: listeners, bounds on connections, state, archive, control and metrics.

use std::net::SocketAddr;
use std::num::NonZero;
use std::time::Duration;

use ipnet::IpNet;
use portcullis_document::{Node, Place, Problem};
use smol_str::SmolStr;

use crate::acme::Acme;
use crate::decode::{Decode, Reading, section, words};
use crate::scalar::{ByteSize, FileRef, HeaderName, Share};
use crate::table::Kind;

section! {
    /// An address clients connect to.
    pub struct Listener as "listener" {
        /// The IP address and port.
        address: SocketAddr,
        /// TLS; without it the listener speaks in clear.
        tls: Option<ListenerTls>,
        /// Whether HTTP/2 is offered over TLS (ALPN).
        http2: bool = "true",
        /// Whether HTTP/2 is taken in clear, with prior knowledge.
        h2c: bool = "false",
        /// Load balancers that say whom each connection is from by the PROXY protocol, version 1 or 2: their addresses and
        /// networks. From them every connection must begin so; nobody else is believed.
        proxy_protocol: Balancers = "[]",
    }
}

/// The load balancers that are believed.
#[derive(Clone, Debug, Default)]
pub struct Balancers(pub Vec<IpNet>);

impl Decode for Balancers {
    const KIND: Kind = <Vec<IpNet> as Decode>::KIND;

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.as_bool() == Some(false) || node.as_str() == Some("off") {
            return Some(Self::default());
        }
        if node.as_bool() == Some(true) {
            let expected = "the addresses of the load balancers that are believed";
            return reading.wrong_kind(node, expected, "e.g. `proxy_protocol: [10.0.0.0/24]`");
        }
        let nets = Vec::<IpNet>::decode(node, None, reading)?;
        if nets.iter().any(|net| net.prefix_len() == 0) {
            let message = "everybody is believed about whom a connection is from";
            let problem = Problem::warning("policy.proxy_protocol", message).at(&node.place);
            reading.problems.push(problem.remedy("name the load balancers alone: `[10.0.0.0/24]`"));
        }
        Some(Self(nets))
    }
}

/// A listener by its address alone, or with its keys.
#[derive(Clone, Debug)]
pub struct Listeners(pub Vec<Listener>);

section! {
    /// TLS towards clients.
    pub struct ListenerTls as "listener's TLS" {
        /// The certificate chain, PEM.
        certificate: Option<FileRef>,
        /// Its private key, PEM.
        key: Option<FileRef>,
        /// Further certificates; the one whose names fit the client's SNI is shown, else the first.
        certificates: Vec<CertificatePair> = "[]",
        /// Certificates ordered and renewed by ACME, beside those in files.
        acme: Option<Acme>,
        /// The authorities whose client certificates are believed, PEM.
        client_ca: Option<FileRef>,
        /// Certificates its authorities took back: revocation lists (RFC 5280 §5), PEM. Every authority in a client's chain
        /// needs its list. Watched and reloaded.
        client_crl: Option<FileRef>,
        /// Whether clients show a certificate. With a `client_ca` and nothing said here: `optional`.
        client_certificates: Option<ClientCertificates>,
        /// A policy by the names of Mozilla's recommendations (Server Side TLS 5.7), as far as versions and cipher suites go.
        profile: TlsProfile = "intermediate",
        /// The oldest TLS version spoken.
        min_version: TlsVersion = "'1.2'",
    }
    => settle_tls
}

section! {
    /// A certificate chain and its key.
    pub struct CertificatePair as "certificate" {
        /// The chain, PEM.
        certificate: FileRef,
        /// The private key, PEM.
        key: FileRef,
    }
}

words! {
    /// Whether clients show a certificate.
    pub enum ClientCertificates {
        /// They are not asked.
        Off = "off",
        /// They are asked; without one they are let in.
        Optional = "optional",
        /// Without a valid one the handshake fails.
        Required = "required",
    }
}

words! {
    /// Which TLS is spoken with clients.
    pub enum TlsProfile {
        /// TLS 1.3 alone.
        Modern = "modern",
        /// TLS 1.3, and 1.2 with forward secrecy and authenticated encryption (ECDHE with AES-GCM or ChaCha20-Poly1305).
        Intermediate = "intermediate",
    }
}

words! {
    /// A TLS version.
    pub enum TlsVersion {
        /// TLS 1.2 (RFC 5246).
        V12 = "1.2",
        /// TLS 1.3 (RFC 8446).
        V13 = "1.3",
    }
}

impl ListenerTls {
    /// Every certificate in a file, the listener's own first; none where ACME is to bring all.
    pub fn pairs(&self) -> impl Iterator<Item = (&FileRef, &FileRef)> {
        let own = self.certificate.as_ref().zip(self.key.as_ref());
        own.into_iter().chain(self.certificates.iter().map(|pair| (&pair.certificate, &pair.key)))
    }

    /// The oldest version spoken, by profile and by version.
    pub fn oldest(&self) -> TlsVersion {
        match self.profile {
            TlsProfile::Modern => TlsVersion::V13,
            TlsProfile::Intermediate => self.min_version,
        }
    }

    /// The authorities for client certificates and whether one is required; `None` if clients are not asked.
    pub fn clients(&self) -> Option<(&FileRef, ClientCertificates)> {
        let asked = self.client_certificates.unwrap_or(ClientCertificates::Optional);
        self.client_ca.as_ref().filter(|_| asked != ClientCertificates::Off).map(|ca| (ca, asked))
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every section's last check")]
fn settle_tls(tls: ListenerTls, node: &Node, reading: &mut Reading) -> Option<ListenerTls> {
    let mut wrong = |message: &str, remedy: &str| {
        reading.problems.push(Problem::error("policy.tls", message).at(&node.place).remedy(remedy));
    };
    match (&tls.certificate, &tls.key) {
        (Some(_), None) => wrong("the certificate has no key", "add `key: FILE`"),
        (None, Some(_)) => wrong("the key has no certificate", "add `certificate: FILE`"),
        (None, None) if tls.certificates.is_empty() && tls.acme.is_none() => {
            wrong("TLS needs a certificate", "add `certificate: FILE` and `key: FILE`");
        }
        _ => {}
    }
    let asked = tls.client_certificates.is_some_and(|asked| asked != ClientCertificates::Off);
    if asked && tls.client_ca.is_none() {
        wrong(
            "client certificates are asked for, and nothing says whose are believed",
            "add `client_ca: FILE`",
        );
    }
    if tls.client_crl.is_some() && tls.client_ca.is_none() {
        wrong("client certificates are taken back that nobody believes", "add `client_ca: FILE`");
    }
    if let Some(version) = node.get("min_version")
        && (tls.profile, tls.min_version) == (TlsProfile::Modern, TlsVersion::V12)
    {
        let problem = Problem::error("policy.tls", "`profile: modern` speaks TLS 1.3 alone");
        reading.problems.push(problem.at(&version.place).remedy("leave one of the two out"));
    }
    Some(tls)
}

impl Decode for Listeners {
    const KIND: Kind =
        Kind::OneOrMany(&Kind::Either(&[<SocketAddr as Decode>::KIND, <Listener as Decode>::KIND]));

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        if items.is_empty() {
            return reading.wrong_kind(node, "at least one listener", "e.g. `listen: 0.0.0.0:8080`");
        }
        let listeners: Vec<Listener> = items.iter().filter_map(|item| listener(item, reading)).collect();
        for (at, listener) in listeners.iter().enumerate() {
            let twice = listeners.iter().take(at).find(|other| other.address == listener.address);
            if let Some(first) = twice.filter(|other| other.address.port() != 0) {
                let problem =
                    Problem::error("policy.repeated", format!("two listeners at `{}`", listener.address));
                reading.problems.push(problem.at(&listener.place).also(&first.place, "the first is here"));
            }
        }
        Some(Self(listeners))
    }
}

fn listener(node: &Node, reading: &mut Reading) -> Option<Listener> {
    if node.entries().is_some() {
        return Listener::decode(node, None, reading);
    }
    let address = SocketAddr::decode(node, None, reading)?;
    let (proxy_protocol, place) = (Balancers::default(), node.place.clone());
    Some(Listener { address, tls: None, http2: true, h2c: false, proxy_protocol, place })
}

impl std::ops::Deref for Listeners {
    type Target = [Listener];

    fn deref(&self) -> &[Listener] {
        &self.0
    }
}

section! {
    /// Databases of where addresses are from (`.mmdb` files). Watched and reloaded.
    pub struct Geo as "geo" {
        /// Countries: sets the tags `country:de` or, for addresses it does not know, `country:unknown`.
        country: Option<FileRef>,
        /// Autonomous systems: sets the tags `asn:3320` or, for addresses it does not know, `asn:unknown`.
        asn: Option<FileRef>,
    }
}

section! {
    /// Where the client's address is read from, behind proxies.
    pub struct ClientIp as "client address" {
        /// The header trusted proxies write: `x-forwarded-for` or `forwarded`. The rightmost address in it that is
        /// not trusted is the client's. Without it, the client is whoever connects.
        header: Option<HeaderName>,
        /// The proxies that are believed. From anybody else the header means nothing.
        trusted: Vec<IpNet> = "[]",
    }
    => settle_client_ip
}

fn settle_client_ip(client_ip: ClientIp, node: &Node, reading: &mut Reading) -> Option<ClientIp> {
    if client_ip.header.is_some() && client_ip.trusted.is_empty() {
        let problem =
            Problem::error("policy.nobody_trusted", "a header is named, and no proxy is trusted to write it");
        return reading
            .refuse(problem.at(&node.place).remedy("add `trusted: [NETWORK]` with your proxies' addresses"));
    }
    Some(client_ip)
}

section! {
    /// Bounds on client connections. Every one has a metric, and a reason in the event where it is hit.
    pub struct Connections as "connections" {
        /// Connections open at once, over all listeners.
        max: NonZero<u32> = "20000",
        /// Connections open at once from one address (IPv6: from one /64); trusted proxies are not counted.
        per_client: NonZero<u32> = "1000",
        /// For the TLS handshake.
        handshake_timeout: Duration = "10s",
        /// For a whole request head, from its first byte.
        header_timeout: Duration = "15s",
        /// Between two reads of a request body.
        body_timeout: Duration = "30s",
        /// Between two exchanges of a connection.
        idle_timeout: Duration = "75s",
        /// Between two writes a client takes of its response.
        write_timeout: Duration = "60s",
        /// Size of a request head: request line and fields.
        header_bytes: ByteSize = "64KiB",
        /// Fields in a request head.
        headers: NonZero<u32> = "100",
        /// Size of a request target.
        target_bytes: ByteSize = "16KiB",
        /// HTTP/2 streams open at once in one connection.
        streams: NonZero<u32> = "128",
        /// HTTP/2 streams a client may reset before they are answered, in one connection within ten seconds.
        resets: NonZero<u32> = "100",
        /// How long exchanges under way may take to end when the gateway stops.
        drain_timeout: Duration = "30s",
        /// The process's memory above which exchanges of unknown callers are refused with 503, and a tenth above it all
        /// but those under way. Looked at once a second; without it there is no such bound.
        memory: Option<ByteSize>,
    }
}

/// How many threads carry traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One a core.
    PerCore,
    /// So many.
    Count(NonZero<u16>),
}

section! {
    /// Where events are kept.
    pub struct Archive as "archive" {
        /// In an SQLite file.
        sqlite: Sqlite = "{}",
        /// The share of passed exchanges whose events are kept; refusals and findings always are.
        passes: Share = "100%",
        /// Which events keep the request's header fields (redacted).
        headers: KeepHeaders = "refused",
        /// Events that may wait to be written; what does not fit is counted and dropped.
        queue: NonZero<u32> = "65536",
        /// How often an exchange still going on reports its progress.
        progress: Duration = "1m",
    }
}

section! {
    /// An SQLite archive.
    pub struct Sqlite as "SQLite archive" {
        /// The file; made where it is absent.
        path: DataPath = "data/portcullis.db",
        /// How long events are kept.
        retain: Duration = "30d",
        /// How large the file may grow; past that the oldest events go first.
        size: ByteSize = "10GB",
    }
}

section! {
    /// What is learned of the sites' APIs from their traffic, and where it is kept.
    pub struct Inventory as "inventory" {
        /// The SQLite file; made where it is absent.
        path: DataPath = "data/inventory.db",
        /// Paths remembered of one method, length and kind of answer; past that, those that look like made-up values
        /// give way first.
        paths: NonZero<u32> = "256",
    }
}

words! {
    /// Which events keep the request's header fields.
    pub enum KeepHeaders {
        /// Every event does.
        All = "all",
        /// Events of refused exchanges do.
        Refused = "refused",
        /// No event does.
        None = "none",
    }
}

section! {
    /// How the commands reach a running gateway.
    pub struct Control as "control" {
        /// The Unix socket, mode 0600.
        socket: DataPath = "data/portcullis.sock",
    }
}

section! {
    /// Metrics in Prometheus' format, with `/healthz` and `/readyz`.
    pub struct Metrics as "metrics" {
        /// The IP address and port; keep it from the public.
        listen: SocketAddr,
    }
}

/// A path the gateway writes to; not watched.
#[derive(Clone, Debug)]
pub struct DataPath {
    /// Relative to where the policy's own path is relative to.
    pub path: SmolStr,
    /// Where it is named.
    pub place: Place,
}

impl Decode for DataPath {
    const KIND: Kind = <FileRef as Decode>::KIND;

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a path")?;
        let path = portcullis_document::join(node.place.file().name(), &text);
        Some(Self { path: path.into(), place: node.place.clone() })
    }
}
