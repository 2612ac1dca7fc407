//! An event as conditions see it.
//!
//! Deliberately absent: what events do not keep (bodies, cookies, claims, parsed queries); the checker refuses those
//! in a query, so the answer null here is never asked for.

use std::time::Duration;

use portcullis_expr::{Facts, Path, Value, Var};
use portcullis_model::Event;
use portcullis_model::event::{Answerer, End, IdentityRecord, UpstreamRecord};
use portcullis_model::exchange::{ClientCertificate, Direction, TlsFacts};
use smol_str::SmolStr;

/// The words and lists a condition may ask an event for.
#[derive(Debug)]
pub struct EventFacts<'a> {
    event: &'a Event,
    reasons: Vec<SmolStr>,
    decided_by: Vec<SmolStr>,
    data: Vec<SmolStr>,
}

impl<'a> EventFacts<'a> {
    /// An event, to be asked.
    pub fn new(event: &'a Event) -> Self {
        Self {
            event,
            reasons: event.reasons.iter().map(|reason| reason.code.clone()).collect(),
            data: event
                .tags
                .iter()
                .filter_map(|tag| tag.tag.strip_prefix("data:"))
                .map(SmolStr::new)
                .collect(),
            decided_by: event.reasons.iter().filter_map(|reason| reason.by.clone()).collect(),
        }
    }

    fn identity(&self) -> Option<&IdentityRecord> {
        self.event.caller.identity.as_ref()
    }

    fn tls(&self) -> Option<&TlsFacts> {
        self.event.peer.tls.as_ref()
    }

    fn certificate(&self) -> Option<&ClientCertificate> {
        self.tls()?.client_certificate.as_ref()
    }

    fn upstream(&self) -> Option<&UpstreamRecord> {
        self.event.upstream.as_ref()
    }

    fn of_request(&self, var: Var) -> Option<Value<'_>> {
        let request = &self.event.request;
        Some(match var {
            Var::Method => Value::text(&request.method),
            Var::Scheme => Value::text(request.scheme.as_str()),
            Var::Host => Value::text(&request.host),
            Var::Path => Value::text(&request.path),
            Var::QueryString => Value::text(request.query.as_deref()?),
            Var::Headers => Value::Object,
            Var::ContentType => Value::text(request.content_type.as_deref()?),
            Var::UserAgent => Value::text(request.user_agent.as_deref()?),
            Var::HttpVersion => Value::text(request.version.as_str()),
            Var::RequestBytes => integer(request.body_bytes),
            _ => return None,
        })
    }

    /// The value of the first tag of a namespace.
    fn tagged(&self, namespace: &str) -> Option<&str> {
        self.event.tags.iter().find_map(|tag| tag.tag.strip_prefix(namespace))
    }

    fn of_peer(&self, var: Var) -> Option<Value<'_>> {
        Some(match var {
            Var::Ip => Value::Ip(self.event.caller.ip),
            Var::Country => Value::text(self.tagged("country:").filter(|code| *code != "unknown")?),
            Var::Asn => Value::Int(self.tagged("asn:")?.parse().ok()?),
            Var::PeerIp => Value::Ip(self.event.peer.ip),
            Var::PeerListener => Value::text(&self.event.peer.listener),
            Var::Tls => self.tls().map(|_| Value::Object)?,
            Var::TlsVersion => Value::text(&self.tls()?.version),
            Var::TlsCipher => Value::text(&self.tls()?.cipher),
            Var::TlsServerName => Value::text(self.tls()?.server_name.as_deref()?),
            Var::TlsAlpn => Value::text(self.tls()?.alpn.as_deref()?),
            Var::TlsJa4 => Value::text(self.tls()?.ja4.as_deref()?),
            Var::TlsClient => self.certificate().map(|_| Value::Object)?,
            Var::TlsClientCommonName => Value::text(self.certificate()?.common_name.as_deref()?),
            Var::TlsClientDnsNames => Value::Strings(&self.certificate()?.dns_names),
            Var::TlsClientUris => Value::Strings(&self.certificate()?.uris),
            Var::TlsClientFingerprint => Value::text(&self.certificate()?.fingerprint),
            _ => return None,
        })
    }

    fn of_caller(&self, var: Var) -> Option<Value<'_>> {
        Some(match var {
            Var::Caller => Value::Str(self.event.caller.key.to_string().into()),
            Var::Identity => self.identity().map(|_| Value::Object)?,
            Var::IdentityProvider => Value::text(&self.identity()?.provider),
            Var::IdentitySubject => Value::text(&self.identity()?.subject),
            Var::IdentityProof => Value::text(self.identity()?.proof.as_str()),
            Var::IdentityGroups => Value::Strings(&self.identity()?.groups),
            _ => return None,
        })
    }

    fn of_place(&self, var: Var) -> Option<Value<'_>> {
        let event = self.event;
        Some(match var {
            Var::Time => Value::Time(event.time),
            Var::Id => Value::Str(event.id.to_string().into()),
            Var::Trace => Value::Str(event.trace.as_ref()?.id.to_string().into()),
            Var::Direction => Value::text(match event.direction {
                Direction::Ingress => "ingress",
                Direction::Egress => "egress",
            }),
            Var::Site => Value::text(event.site.as_deref()?),
            Var::Route => Value::text(event.route.as_deref()?),
            Var::Operation => Value::text(&event.operation.as_ref()?.name),
            Var::OperationId => Value::text(event.operation.as_ref()?.id.as_str()),
            Var::Standing => Value::text(event.operation.as_ref()?.standing?.as_str()),
            _ => return None,
        })
    }

    fn of_outcome(&self, var: Var) -> Option<Value<'_>> {
        let (event, response) = (self.event, self.event.response.as_ref());
        Some(match var {
            Var::Status => Value::Int(response?.status.into()),
            Var::ResponseContentType => Value::text(response?.content_type.as_deref()?),
            Var::ResponseBytes => integer(response?.body_bytes),
            Var::AnsweredBy => Value::text(answerer(response?.from)),
            Var::Verdict => Value::text(event.verdict.action.as_str()),
            Var::WouldHave => Value::text(event.verdict.would_have?.as_str()),
            Var::Reasons => Value::Strings(&self.reasons),
            Var::Data => Value::Strings(&self.data),
            Var::DecidedBy => Value::Strings(&self.decided_by),
            Var::Duration => Value::Span(Duration::from_micros(event.duration_us)),
            Var::Ended => Value::text(end(event.end)),
            Var::Progress => Value::Int(event.progress?.into()),
            _ => return None,
        })
    }

    fn of_upstream(&self, var: Var) -> Option<Value<'_>> {
        let upstream = self.upstream()?;
        Some(match var {
            Var::UpstreamServer => Value::text(&upstream.server),
            Var::UpstreamAttempts => Value::Int(upstream.attempts.into()),
            Var::UpstreamStatus => Value::Int(upstream.status?.into()),
            Var::UpstreamTime => Value::Span(Duration::from_micros(upstream.head_us?)),
            Var::UpstreamError => Value::text(upstream.error.as_deref()?),
            _ => return None,
        })
    }
}

impl Facts for EventFacts<'_> {
    fn value(&self, var: Var) -> Value<'_> {
        self.of_request(var)
            .or_else(|| self.of_place(var))
            .or_else(|| self.of_outcome(var))
            .or_else(|| self.of_caller(var))
            .or_else(|| self.of_peer(var))
            .or_else(|| self.of_upstream(var))
            .unwrap_or(Value::Null)
    }

    fn member(&self, var: Var, path: &Path) -> Value<'_> {
        if var != Var::Headers {
            return Value::Null;
        }
        let headers = &self.event.request.headers;
        let named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(path.as_str()));
        let mut values: Vec<_> = named.map(|(_, value)| value.as_str().into()).collect();
        match values.len() {
            0 => Value::Null,
            1 => values.pop().map_or(Value::Null, Value::Str),
            _ => Value::Many(values),
        }
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.event.tags.iter().any(|set| set.tag == tag)
    }

    fn has_tag_with(&self, prefix: &str) -> bool {
        self.event.tags.iter().any(|set| set.tag.starts_with(prefix))
    }
}

fn integer(count: u64) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

const fn answerer(from: Answerer) -> &'static str {
    match from {
        Answerer::Upstream => "upstream",
        Answerer::Gateway => "gateway",
    }
}

const fn end(end: End) -> &'static str {
    match end {
        End::Complete => "complete",
        End::Ongoing => "ongoing",
        End::ClientGone => "client_gone",
        End::UpstreamFailed => "upstream_failed",
        End::Stopped => "stopped",
        End::TimedOut => "timed_out",
    }
}
