//! One request and its response, as the wire showed them.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::headers::Headers;

/// Which side of the protected systems an exchange starts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From clients to a site.
    #[default]
    Ingress,
    /// From an internal system to a third party.
    Egress,
}

/// The HTTP version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Version {
    /// HTTP/1.0.
    #[serde(rename = "1.0")]
    Http10,
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2.
    #[serde(rename = "2")]
    Http2,
}

impl Version {
    /// `1.0`, `1.1` or `2`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
        }
    }
}

/// Whether the client's connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The other end of the client connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its transport address.
    pub address: SocketAddr,
    /// The listener it came in on, as policy writes its address.
    pub listener: SmolStr,
    /// What TLS showed; absent on a connection in clear.
    pub tls: Option<TlsFacts>,
}

/// Facts of a TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TlsFacts {
    /// `1.2` or `1.3`.
    pub version: SmolStr,
    /// The cipher suite's IANA name.
    pub cipher: SmolStr,
    /// The server name the client asked for, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<SmolStr>,
    /// The protocol ALPN chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<SmolStr>,
    /// The JA4 fingerprint of what the client offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja4: Option<SmolStr>,
    /// The client's certificate, verified against the listener's `client_ca`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
}

/// Names from a verified client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClientCertificate {
    /// The subject's common name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<SmolStr>,
    /// DNS subject alternative names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<SmolStr>,
    /// URI subject alternative names (SPIFFE ids among them).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<SmolStr>,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: SmolStr,
}

/// A request's head as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: http::Method,
    /// The request target exactly as sent (HTTP/1) or `:path` (HTTP/2).
    pub target: Bytes,
    /// HTTP/2's `:authority`, or the authority of an absolute-form target's version in HTTP/1: left to the
    /// normaliser. Present only for HTTP/2.
    pub authority: Option<Bytes>,
    /// The HTTP version.
    pub version: Version,
    /// Whether it came over TLS.
    pub scheme: Scheme,
    /// Its fields.
    pub headers: Headers,
}

/// A response's head as received from the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// The HTTP version.
    pub version: Version,
    /// Its fields.
    pub headers: Headers,
}
