//! What conditions read of an exchange.
//!
//! Invariant: what is not known yet is null; the compiler puts a rule where everything it reads is known.

use std::borrow::Cow;

use portcullis_expr::{Facts, ListId, Path, Value, Var};
use portcullis_model::Headers;
use portcullis_model::exchange::{ClientCertificate, TlsFacts};
use portcullis_wire::fields::{MediaType, cookies};
use smol_str::SmolStr;

use crate::arrival::BodyHint;
use crate::geo::{Located, UNKNOWN};
use crate::scope::Scope;
use crate::site::Site;
use crate::snapshot::Snapshot;
use crate::state::{Matched, State};
use crate::{json, tags};

/// An exchange and the snapshot it runs under.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) state: &'a State,
}

impl<'a> View<'a> {
    pub(crate) fn site(&self) -> Option<&'a Site> {
        self.snapshot.site(self.state.place?.site)
    }

    pub(crate) fn scope(&self) -> &'a Scope {
        self.snapshot.scope(self.state.place)
    }

    pub(crate) fn operation_name(&self) -> Option<&'a SmolStr> {
        match &self.state.matched {
            Matched::Nothing => None,
            Matched::Declared { index, .. } => {
                self.site()?.operation(*index).map(|operation| &operation.name)
            }
            Matched::Grouped { name, .. } => Some(name),
        }
    }

    /// Where the client is from: looked up once an exchange, where somebody asks.
    pub(crate) fn located(&self) -> &'a Located {
        self.state.located.get_or_init(|| self.snapshot.geo.locate(self.state.client))
    }

    fn tls(&self) -> Option<&'a TlsFacts> {
        self.state.peer.tls.as_ref()
    }

    fn certificate(&self) -> Option<&'a ClientCertificate> {
        self.tls()?.client_certificate.as_ref()
    }

    fn connection(&self, var: Var) -> Value<'a> {
        let state = self.state;
        match var {
            Var::Ip => Value::Ip(state.client),
            Var::Country => Value::maybe(self.located().country.as_deref().filter(|code| *code != UNKNOWN)),
            Var::Asn => {
                let number = self.located().asn.as_deref().and_then(|number| number.parse().ok());
                number.map_or(Value::Null, Value::Int)
            }
            Var::PeerIp => Value::Ip(state.peer.address.ip()),
            Var::PeerListener => Value::text(&state.peer.listener),
            Var::Tls => there(self.tls().is_some()),
            Var::TlsVersion => Value::maybe(self.tls().map(|tls| tls.version.as_str())),
            Var::TlsCipher => Value::maybe(self.tls().map(|tls| tls.cipher.as_str())),
            Var::TlsServerName => Value::maybe(self.tls().and_then(|tls| tls.server_name.as_deref())),
            Var::TlsAlpn => Value::maybe(self.tls().and_then(|tls| tls.alpn.as_deref())),
            Var::TlsJa4 => Value::maybe(self.tls().and_then(|tls| tls.ja4.as_deref())),
            Var::TlsClient => there(self.certificate().is_some()),
            Var::TlsClientCommonName => {
                Value::maybe(self.certificate().and_then(|certificate| certificate.common_name.as_deref()))
            }
            Var::TlsClientDnsNames => {
                self.certificate().map_or(Value::Null, |certificate| Value::Strings(&certificate.dns_names))
            }
            Var::TlsClientUris => {
                self.certificate().map_or(Value::Null, |certificate| Value::Strings(&certificate.uris))
            }
            Var::TlsClientFingerprint => {
                Value::maybe(self.certificate().map(|certificate| certificate.fingerprint.as_str()))
            }
            _ => Value::Null,
        }
    }

    fn request(&self, var: Var) -> Value<'a> {
        let (head, normal) = (&self.state.head, &self.state.normal);
        match var {
            Var::Method => Value::text(head.method.as_str()),
            Var::Scheme => Value::text(head.scheme.as_str()),
            Var::Host => Value::text(&normal.host),
            Var::Path => Value::text(normal.path()),
            Var::QueryString => Value::text(normal.query().raw()),
            Var::Query => there(!normal.query().raw().is_empty()),
            Var::Headers => there(!head.headers.is_empty()),
            Var::Cookies => there(head.headers.get("cookie").is_some()),
            Var::ContentType => media_type(&head.headers),
            Var::ContentLength => match self.state.hint {
                BodyHint::Length(length) => Value::Int(i64::try_from(length).unwrap_or(i64::MAX)),
                BodyHint::None | BodyHint::Unknown => Value::Null,
            },
            Var::UserAgent => field(&head.headers, "user-agent"),
            Var::HttpVersion => Value::text(head.version.as_str()),
            Var::Time => Value::Time(self.state.began.wall),
            Var::Id => Value::Str(Cow::Owned(self.state.id.to_string())),
            Var::Direction => Value::text("ingress"),
            Var::Body => there(self.state.body.is_some()),
            _ => Value::Null,
        }
    }

    fn who(&self, var: Var) -> Value<'a> {
        let identity = self.state.identity.as_deref();
        match var {
            Var::Site => Value::maybe(self.site().map(|site| site.name.as_str())),
            Var::Route => Value::maybe(self.scope().route.as_deref()),
            Var::Caller => Value::Str(Cow::Owned(self.state.caller.to_string())),
            Var::Identity => there(identity.is_some()),
            Var::IdentityProvider => Value::maybe(identity.map(|identity| identity.provider.as_str())),
            Var::IdentitySubject => Value::maybe(identity.map(|identity| identity.subject.as_str())),
            Var::IdentityProof => Value::maybe(identity.map(|identity| identity.proof.as_str())),
            Var::IdentityGroups => identity.map_or(Value::Null, |identity| Value::Strings(&identity.groups)),
            Var::IdentityClaims => there(identity.is_some_and(|identity| identity.claims.is_some())),
            Var::Operation => Value::maybe(self.operation_name().map(SmolStr::as_str)),
            Var::OperationId => match &self.state.matched {
                Matched::Declared { index, .. } => {
                    let operation = self.site().and_then(|site| site.operation(*index));
                    Value::maybe(operation.map(|operation| operation.id.as_str()))
                }
                _ => {
                    tags::operation_id(self).map_or(Value::Null, |id| Value::Str(Cow::Owned(id.to_string())))
                }
            },
            Var::Standing => {
                Value::maybe(self.state.standing().map(portcullis_model::event::Standing::as_str))
            }
            Var::Params => there(matches!(self.state.matched, Matched::Declared { .. })),
            _ => Value::Null,
        }
    }

    fn response(&self, var: Var) -> Value<'a> {
        let Some(head) = &self.state.response else { return Value::Null };
        match var {
            Var::Status => Value::Int(i64::from(head.status)),
            Var::ResponseHeaders => there(!head.headers.is_empty()),
            Var::ResponseContentType => media_type(&head.headers),
            Var::ResponseBody => there(self.state.response_body.is_some()),
            Var::Data => Value::Strings(&self.state.sensitive.classes),
            _ => Value::Null,
        }
    }

    fn param(&self, name: &str) -> Value<'a> {
        let Matched::Declared { index, params, .. } = &self.state.matched else { return Value::Null };
        let Some(operation) = self.site().and_then(|site| site.operation(*index)) else { return Value::Null };
        let at = operation.template.parameters().iter().position(|known| known == name);
        Value::maybe(at.and_then(|at| params.get(at)).map(SmolStr::as_str))
    }
}

impl Facts for View<'_> {
    fn value(&self, var: Var) -> Value<'_> {
        match var {
            Var::Ip
            | Var::Country
            | Var::Asn
            | Var::PeerIp
            | Var::PeerListener
            | Var::Tls
            | Var::TlsVersion
            | Var::TlsCipher
            | Var::TlsServerName
            | Var::TlsAlpn
            | Var::TlsJa4
            | Var::TlsClient
            | Var::TlsClientCommonName
            | Var::TlsClientDnsNames
            | Var::TlsClientUris
            | Var::TlsClientFingerprint => self.connection(var),
            Var::Site
            | Var::Route
            | Var::Caller
            | Var::Identity
            | Var::IdentityProvider
            | Var::IdentitySubject
            | Var::IdentityProof
            | Var::IdentityGroups
            | Var::IdentityClaims
            | Var::Operation
            | Var::OperationId
            | Var::Standing
            | Var::Params => self.who(var),
            Var::Status | Var::ResponseHeaders | Var::ResponseContentType | Var::ResponseBody | Var::Data => {
                self.response(var)
            }
            _ => self.request(var),
        }
    }

    fn member(&self, var: Var, path: &Path) -> Value<'_> {
        let (state, name) = (self.state, path.as_str());
        match var {
            Var::Headers => field(&state.head.headers, name),
            Var::ResponseHeaders => {
                state.response.as_ref().map_or(Value::Null, |head| field(&head.headers, name))
            }
            Var::Query => several(state.normal.query().all(name)),
            Var::Cookies => {
                several(cookies(&state.head.headers).filter(|(known, _)| known == name).map(|pair| pair.1))
            }
            Var::Params => self.param(name),
            Var::IdentityClaims => {
                let claims = state.identity.as_deref().and_then(|identity| identity.claims.as_deref());
                claims.map_or(Value::Null, |claims| json::member(claims, path))
            }
            Var::Body => {
                state.body.as_ref().map_or(Value::Null, |parsed| json::tree_member(&parsed.body.tree, path))
            }
            Var::ResponseBody => state
                .response_body
                .as_ref()
                .map_or(Value::Null, |parsed| json::tree_member(&parsed.body.tree, path)),
            _ => Value::Null,
        }
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.state.tags.has(tag) || tags::automatic_has(self, tag)
    }

    fn has_tag_with(&self, prefix: &str) -> bool {
        self.state.tags.iter().any(|set| set.tag.starts_with(prefix))
            || tags::automatic_has_with(self, prefix)
    }

    fn in_list(&self, list: ListId, value: &Value<'_>) -> bool {
        self.snapshot.lists.get(list.0).is_some_and(|list| list.has(value))
    }
}

/// Something that can only be asked for its members.
fn there(is: bool) -> Value<'static> {
    if is { Value::Object } else { Value::Null }
}

fn field<'a>(headers: &'a Headers, name: &str) -> Value<'a> {
    let values = headers.iter().filter(|field| field.is(name));
    several(values.map(|field| text_of(field.value)))
}

/// Bytes as text; what is not UTF-8 in them becomes U+FFFD. Mostly all of it is, and finding that out is quick.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn several<'a>(mut values: impl Iterator<Item = Cow<'a, str>>) -> Value<'a> {
    let Some(first) = values.next() else { return Value::Null };
    match values.next() {
        None => Value::Str(first),
        Some(second) => Value::Many([first, second].into_iter().chain(values).collect()),
    }
}

/// The media type without parameters, lower case.
fn media_type(headers: &Headers) -> Value<'static> {
    let parsed = headers.get("content-type").and_then(MediaType::parse);
    parsed.map_or(Value::Null, |media_type| Value::Str(Cow::Owned(media_type.essence().to_owned())))
}
