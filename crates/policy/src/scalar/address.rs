//! Addresses: of listeners, networks, hosts and upstream servers.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use portcullis_document::{Node, Place, Problem};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading};
use crate::table::{Json, Kind, Scalar};

impl Decode for SocketAddr {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "address",
        about: "an IP address and a port: `0.0.0.0:8080`, `[::1]:9090`",
        json: Json::Pattern(r"^(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:.]+\]):\d+$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let expected = "an IP address and a port";
        let text = reading.text(node, expected)?;
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        let port = text.strip_prefix(':').unwrap_or(&text);
        let remedy = if port.parse::<u16>().is_ok() {
            format!(
                "write `0.0.0.0:{port}` for every address of this machine, `127.0.0.1:{port}` for itself only"
            )
        } else if text.parse::<IpAddr>().is_ok() {
            format!("add a port: `{}`", SocketAddr::new(text.parse().ok()?, 8080))
        } else if text.starts_with("localhost:") {
            format!("write `{}`", text.replacen("localhost", "127.0.0.1", 1))
        } else {
            "write it like `0.0.0.0:8080` or `[::1]:9090`".to_owned()
        };
        reading.wrong_kind(node, expected, &remedy)
    }
}

impl Decode for IpNet {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "network",
        about: "an IP address or a network: `203.0.113.7`, `10.0.0.0/8`, `2001:db8::/32`",
        json: Json::Pattern(r"^[0-9a-fA-F:.]+(/\d{1,3})?$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "an IP address or a network")?;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::from(address));
        }
        let Ok(net) = text.parse::<Self>() else {
            let remedy = "write it like `203.0.113.7` or `10.0.0.0/8`";
            return reading.wrong_kind(node, "an IP address or a network", remedy);
        };
        if net.addr() != net.network() {
            let message = format!("`{text}` has bits beyond its prefix");
            let problem = Problem::warning("policy.loose_network", message).at(&node.place);
            reading.problems.push(problem.remedy(format!("it is read as `{}`", net.trunc())));
        }
        Some(net.trunc())
    }
}

/// A site's host: one name, all names below one, or any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This name or address: lower case, no port, no trailing dot; IPv6 addresses without brackets.
    Exact(SmolStr),
    /// Every name below this one, at any depth: `*.shop.example` holds `shop.example`.
    Below(SmolStr),
    /// Any host at all: `*`.
    Any,
}

impl HostPattern {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let text = text.strip_suffix('.').unwrap_or(&text);
        if text == "*" {
            return Some(Self::Any);
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Exact(address.to_string().into()));
        }
        match text.strip_prefix("*.") {
            Some(below) => is_name(below).then(|| Self::Below(below.into())),
            None => is_name(text).then(|| Self::Exact(text.into())),
        }
    }

    /// Whether a host (lower case, without port) is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(name) => {
                host.strip_suffix(&**name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            Self::Any => true,
        }
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// A host name by RFC 1123, underscores tolerated.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.len() <= 63 && label.chars().all(fits) && !label.starts_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

impl Decode for HostPattern {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "host",
        about: "a host name, `*.` and one for every name below it, an address, or `*` for any",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let expected = "a host name without scheme, port and path";
        let text = reading.text(node, expected)?;
        if let Some(host) = Self::parse(&text) {
            return Some(host);
        }
        let bare = text.split_once("://").map_or(&*text, |(_, rest)| rest);
        let bare = bare.split(['/', ':']).next().unwrap_or_default();
        let remedy = match Self::parse(bare) {
            Some(host) if bare != text => format!("write `{host}`"),
            _ => "write it like `shop.example`, or `*.shop.example` for every name below it".to_owned(),
        };
        reading.wrong_kind(node, expected, &remedy)
    }
}

/// How an upstream server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerScheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

/// Where an upstream server is.
#[derive(Clone, Debug)]
pub struct ServerUrl {
    /// Whether over TLS.
    pub scheme: ServerScheme,
    /// Its name or address, lower case; IPv6 without brackets.
    pub host: SmolStr,
    /// Its port.
    pub port: u16,
    /// As written: how metrics and events call it.
    pub url: SmolStr,
    /// Where it is written.
    pub place: Place,
}

impl ServerUrl {
    /// Why a text is no server's address, or the parts of it.
    fn parse(text: &str) -> Result<(ServerScheme, SmolStr, u16), String> {
        let written = |url: &str| format!("write it like `{url}`");
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(written(&format!("http://{}", text.trim_end_matches('/'))));
        };
        let (scheme, port) = match scheme {
            "http" => (ServerScheme::Http, 80),
            "https" => (ServerScheme::Https, 443),
            _ => return Err(written(&format!("http://{rest}"))),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(
                "only scheme, host and port; a path is put before the request's by `rewrite` in `upstreams`"
                    .to_owned(),
            );
        }
        if rest.contains('@') {
            return Err("no credentials here: set the header by a rule's `headers`".to_owned());
        }
        let uri: http::uri::Authority = rest.parse().map_err(|_| written("http://10.0.0.5:9000"))?;
        let bare = uri.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if bare.is_empty() || !(is_name(&bare) || bare.parse::<IpAddr>().is_ok()) {
            return Err(written("http://10.0.0.5:9000"));
        }
        let ported = rest.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let port = if ported {
            uri.port_u16().ok_or_else(|| "the port is a number up to 65535".to_owned())?
        } else {
            port
        };
        Ok((scheme, bare.into(), port))
    }
}

impl Decode for ServerUrl {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "server url",
        about: "a server's scheme, host and port: `http://10.0.0.5:9000`, `https://api.internal`",
        json: Json::Pattern(r"^https?://[^/?#@]+/?$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let expected = "a server's address";
        let text = reading.text(node, expected)?;
        match Self::parse(&text) {
            Ok((scheme, host, port)) => {
                Some(Self { scheme, host, port, url: text, place: node.place.clone() })
            }
            Err(remedy) => reading.wrong_kind(node, expected, &remedy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_by_name_and_below() {
        let pattern = |text: &str| HostPattern::parse(text).unwrap();
        assert!(pattern("Shop.Example.").matches("shop.example"));
        assert!(pattern("*.shop.example").matches("a.b.shop.example"));
        assert!(!pattern("*.shop.example").matches("shop.example"));
        assert!(!pattern("*.shop.example").matches("evilshop.example"));
        assert!(!pattern("*.shop.example").matches(".shop.example"));
        assert!(pattern("[2001:DB8::1]").matches("2001:db8::1"));
        for text in ["", "a b", "http://x", "x:80", "x/", "*.*.x", "a..b", "-a"] {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
    }

    #[test]
    fn servers_are_scheme_host_and_port() {
        let server = |text: &str| ServerUrl::parse(text).map(|(_, host, port)| (host.to_string(), port));
        assert_eq!(server("http://10.0.0.5:9000"), Ok(("10.0.0.5".to_owned(), 9000)));
        assert_eq!(server("https://API.internal/"), Ok(("api.internal".to_owned(), 443)));
        assert_eq!(server("http://[::1]:80"), Ok(("::1".to_owned(), 80)));
        assert_eq!(server("http://[::1]"), Ok(("::1".to_owned(), 80)));
        for text in ["10.0.0.5:9000", "ftp://x", "http://x/y", "http://u@x", "http://x:99999", "http://"] {
            assert!(server(text).is_err(), "{text}");
        }
    }
}
