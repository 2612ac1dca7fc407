//! The ways a caller can prove who it is.

use std::sync::Arc;
use std::time::Duration;

use portcullis_document::{Node, Place, Problem};
use smol_str::SmolStr;

use crate::decode::{ByName, Decode, Reading, TakesName, section, words};
use crate::scalar::{FileRef, HeaderName, SecretSource};
use crate::table::Kind;

mod introspection;
mod jwt;
mod oidc;
mod signature;

pub use introspection::Introspection;
pub use jwt::{Algorithm, Jwt, KeyFetch};
pub use oidc::{ClientAuth, LoginSession, Oidc};
pub use signature::{Replay, Signature, SignatureAlgorithm, SigningKey, SigningKeys};

/// A way a caller can prove who it is.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: SmolStr,
    /// What it asks for.
    pub credential: Credential,
    /// Where it is written.
    pub place: Place,
}

/// What a provider asks for.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A signed token.
    Jwt(Box<Jwt>),
    /// A token its issuer is asked about.
    Introspection(Arc<Introspection>),
    /// An API key.
    ApiKey(ApiKey),
    /// A client certificate.
    Mtls(Mtls),
    /// A name and a password.
    Basic(Basic),
    /// A session of somebody who logged in with a browser.
    Oidc(Arc<Oidc>),
    /// The signature of the request itself.
    Signature(Box<Signature>),
}

section! {
    /// An identity provider: one of these.
    pub(crate) struct ProviderKeys as "identity provider" {
        /// Signed JSON Web Tokens.
        jwt: Option<Jwt>,
        /// Tokens only their issuer can read (RFC 7662).
        introspection: Option<Introspection>,
        /// API keys.
        api_key: Option<ApiKey>,
        /// Client certificates; the listener needs a `client_ca`.
        mtls: Option<Mtls>,
        /// Names and passwords (RFC 7617).
        basic: Option<Basic>,
        /// People who log in with their browsers (OIDC).
        oidc: Option<Oidc>,
        /// Requests that are signed themselves (RFC 9421).
        signature: Option<Signature>,
    }
}

impl Decode for Provider {
    const KIND: Kind = <ProviderKeys as Decode>::KIND;

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let ProviderKeys { jwt, introspection, api_key, mtls, basic, oidc, signature, place } =
            ProviderKeys::decode(node, None, reading)?;
        let mut credentials = jwt
            .map(|jwt| Credential::Jwt(Box::new(jwt)))
            .into_iter()
            .chain(introspection.map(|asked| Credential::Introspection(Arc::new(asked))))
            .chain(api_key.map(Credential::ApiKey))
            .chain(mtls.map(Credential::Mtls))
            .chain(basic.map(Credential::Basic))
            .chain(oidc.map(|login| Credential::Oidc(Arc::new(login))))
            .chain(signature.map(|signature| Credential::Signature(Box::new(signature))));
        match (credentials.next(), credentials.next()) {
            (Some(credential), None) => Some(Self { name: SmolStr::default(), credential, place }),
            (first, _) => {
                let known = ["jwt", "introspection", "api_key", "mtls", "basic", "oidc", "signature"];
                let written = known.iter().filter(|key| node.get(key).is_some());
                if written.count() == 1 {
                    return None;
                }
                let message = if first.is_none() { "says not" } else { "says more than once" };
                let message = format!("the provider {message} how it proves who calls");
                let problem = Problem::error("policy.one_credential", message).at(&place);
                reading.refuse(
                    problem.remedy(
                        "give it one of `jwt`, `introspection`, `api_key`, `mtls`, `basic`, `oidc` and `signature`",
                    ),
                )
            }
        }
    }
}

impl TakesName for Provider {
    const WHAT: &'static str = "identity provider";

    fn named(self, name: SmolStr) -> Self {
        Self { name, ..self }
    }
}

/// The identity providers, by name.
pub type Providers = ByName<Provider>;

/// API keys, kept as keyed hashes.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Where the client shows it.
    pub carrier: Carrier,
    /// The file that lists the hashes; `portcullis key` keeps it. Watched and reloaded.
    pub keys: FileRef,
    /// Where it is written.
    pub place: Place,
}

/// Where in a request an API key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In a header field.
    Header(HeaderName),
    /// In a query parameter; removed before the upstream sees it.
    Query(SmolStr),
    /// In a cookie.
    Cookie(SmolStr),
}

section! {
    /// API keys, kept as keyed hashes; `portcullis key new` makes one.
    pub(crate) struct ApiKeyKeys as "API key provider" {
        /// The header field that carries the key.
        header: Option<HeaderName>,
        /// The query parameter that carries it.
        query: Option<SmolStr>,
        /// The cookie that carries it.
        cookie: Option<SmolStr>,
        /// The file that lists the hashes of the keys. Watched and reloaded.
        keys: FileRef,
    }
}

impl Decode for ApiKey {
    const KIND: Kind = <ApiKeyKeys as Decode>::KIND;

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let ApiKeyKeys { header, query, cookie, keys, place } = ApiKeyKeys::decode(node, None, reading)?;
        let mut carriers = header
            .map(Carrier::Header)
            .into_iter()
            .chain(query.map(Carrier::Query))
            .chain(cookie.map(Carrier::Cookie));
        match (carriers.next(), carriers.next()) {
            (Some(carrier), None) => Some(Self { carrier, keys, place }),
            (first, _) => {
                let written = ["header", "query", "cookie"].iter().filter(|key| node.get(key).is_some());
                if written.count() == 1 {
                    return None;
                }
                let message = if first.is_none() { "nothing says" } else { "it is said more than once" };
                let problem =
                    Problem::error("policy.one_carrier", format!("{message} where requests carry the key"));
                reading.refuse(problem.at(&place).remedy("give one of `header`, `query` and `cookie`"))
            }
        }
    }
}

section! {
    /// Client certificates the listener verified.
    pub struct Mtls as "client certificate provider" {
        /// What of the certificate names the caller.
        subject: CertificateName = "san_dns",
    }
}

section! {
    /// Names and passwords, as `Authorization: Basic` carries them.
    pub struct Basic as "password provider" {
        /// The file that lists them, as `htpasswd -B` writes it: a line is `NAME:HASH`, the hash bcrypt or Argon2.
        /// Watched and reloaded.
        users: FileRef,
        /// What the client is told it asks a password for.
        realm: SmolStr = "api",
        /// How long a password that was proved need not be proved again; `0s` proves it each time.
        remember: Duration = "5m",
    }
    => settle_basic
}

fn settle_basic(basic: Basic, node: &Node, reading: &mut Reading) -> Option<Basic> {
    let plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b'"' && byte != b'\\';
    if basic.realm.bytes().all(plain) {
        return Some(basic);
    }
    let place = node.get("realm").map_or(&node.place, |realm| &realm.place);
    let problem = Problem::error("policy.realm", "a realm stands between quotation marks in a header field");
    reading.refuse(problem.at(place).remedy("write it in ASCII, without quotation marks and backslashes"))
}

section! {
    /// What servers are told of who calls: a token in a header field, signed with a key they know. The same field from a
    /// client is removed.
    pub struct TellCaller as "told caller" {
        /// The header field.
        header: HeaderName = "Portcullis-Caller",
        /// The secret it is signed with (HMAC with SHA-256): at least 32 bytes.
        key: SecretSource,
        /// How long it is good.
        lifetime: Duration = "30s",
    }
}

words! {
    /// What of a certificate names its holder.
    pub enum CertificateName {
        /// The first DNS name.
        SanDns = "san_dns",
        /// The first URI.
        SanUri = "san_uri",
        /// Its SPIFFE id: the only URI, `spiffe://DOMAIN/PATH`. What is no SPIFFE certificate proves nothing.
        SpiffeId = "spiffe_id",
        /// The subject's common name.
        CommonName = "common_name",
        /// SHA-256 of the certificate, hexadecimal.
        Fingerprint = "fingerprint",
    }
}
