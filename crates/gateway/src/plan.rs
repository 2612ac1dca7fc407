//! What a policy asks of the downstream side: listeners, limits, the probe.
//!
//! Invariant: a plan is complete before anything is changed, so a policy that cannot be carried out changes
//! nothing.

use std::net::SocketAddr;

use portcullis_policy::{ClientCertificates, Connections, Listener, ListenerTls, Policy, Site, TlsVersion};
use portcullis_wire::framing::FramingLimits;
use smol_str::{SmolStr, ToSmolStr};

use crate::announced::Balancers;
use crate::limits::Limits;
use crate::tls::{ClientAuth, KeyPair, Oldest, Spec};

/// One listener as policy wants it.
#[derive(Clone, Debug)]
pub(crate) struct ListenerPlan {
    /// The address as policy writes it.
    pub(crate) name: SmolStr,
    /// The address.
    pub(crate) address: SocketAddr,
    /// What it speaks.
    pub(crate) speaks: Speaks,
    /// Who says whom its connections are from.
    pub(crate) balancers: Balancers,
}

/// What a listener speaks, its files not read yet.
#[derive(Clone, Debug)]
pub(crate) enum Speaks {
    /// HTTP/1 in clear.
    Clear,
    /// HTTP/1, or HTTP/2 with prior knowledge, in clear.
    ClearWithHttp2,
    /// TLS.
    Tls(Spec),
}

/// Everything the downstream side is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The listeners, in the policy's order.
    pub(crate) listeners: Vec<ListenerPlan>,
    /// What connections may cost.
    pub(crate) limits: Limits,
    /// Where probes are answered.
    pub(crate) probe: Option<SocketAddr>,
}

impl Plan {
    /// What `policy` asks for.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self {
            listeners: policy
                .listeners
                .iter()
                .map(|listener| ListenerPlan::of(listener, &policy.sites))
                .collect(),
            limits: limits(policy),
            probe: policy.metrics.as_ref().map(|metrics| metrics.listen),
        }
    }
}

impl ListenerPlan {
    pub(crate) fn of(listener: &Listener, sites: &[Site]) -> Self {
        let speaks = match &listener.tls {
            Some(tls) => Speaks::Tls(spec(tls, listener.http2, sites)),
            None if listener.h2c => Speaks::ClearWithHttp2,
            None => Speaks::Clear,
        };
        let balancers = Balancers(listener.proxy_protocol.0.clone());
        Self { name: listener.address.to_smolstr(), address: listener.address, speaks, balancers }
    }
}

fn spec(tls: &ListenerTls, http2: bool, sites: &[Site]) -> Spec {
    let pairs = tls
        .pairs()
        .map(|(certificate, key)| KeyPair { certificate: certificate.path.clone(), key: key.path.clone() });
    let ordered = tls.acme.iter().flat_map(|acme| {
        acme.hosts_of(sites.iter()).into_iter().map(|host| acme.file(&host)).collect::<Vec<_>>()
    });
    let client = match tls.clients() {
        None | Some((_, ClientCertificates::Off)) => ClientAuth::Off,
        Some((file, ClientCertificates::Optional)) => ClientAuth::Optional { authorities: file.path.clone() },
        Some((file, ClientCertificates::Required)) => ClientAuth::Required { authorities: file.path.clone() },
    };
    let oldest = match tls.oldest() {
        TlsVersion::V12 => Oldest::V12,
        TlsVersion::V13 => Oldest::V13,
    };
    let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    let revoked = tls.client_crl.as_ref().map(|file| file.path.clone());
    Spec { pairs: pairs.collect(), ordered: ordered.collect(), client, revoked, oldest, protocols }
}

fn limits(policy: &Policy) -> Limits {
    let connections = &policy.connections;
    Limits {
        connections: size(connections.max.get()),
        per_client: size(connections.per_client.get()),
        trusted: policy.client_ip.trusted.clone(),
        handshake: connections.handshake_timeout,
        head: connections.header_timeout,
        body: connections.body_timeout,
        write: connections.write_timeout,
        idle: connections.idle_timeout,
        framing: framing(connections),
        streams: connections.streams.get(),
        resets: connections.resets.get(),
        memory: connections.memory.map(portcullis_policy::ByteSize::get),
    }
}

fn framing(connections: &Connections) -> FramingLimits {
    FramingLimits {
        head_bytes: usize::try_from(connections.header_bytes.get()).unwrap_or(usize::MAX),
        fields: size(connections.headers.get()),
        target_bytes: usize::try_from(connections.target_bytes.get()).unwrap_or(usize::MAX),
        ..FramingLimits::default()
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
