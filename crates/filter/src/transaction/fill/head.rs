//! Variables of a request's head and of where it came from.

use std::net::{IpAddr, SocketAddr};

use portcullis_model::{Headers, Version};
use portcullis_wire::urlencoded::{Escapes, decode_into};

use crate::seclang::{BodyProcessor, Variable};
use crate::transaction::arena::Span;
use crate::transaction::fill::arguments::escapes_are_valid;
use crate::transaction::fill::{Fill, Flag};
use crate::transaction::request::Request;

impl Fill<'_> {
    /// Everything that phase 1 reads.
    pub(in crate::transaction) fn request_head(&mut self, request: &Request<'_>) {
        self.state.controls.processor = declared_processor(&request.head.headers);
        self.target(request);
        self.connection(request);
        self.headers(&request.head.headers, Variable::RequestHeaders, Variable::RequestHeadersNames);
        self.whole_head(request);
        self.cookies(&request.head.headers);
        self.authorization(&request.head.headers);
        self.clock(request.began);
        self.single(Variable::UniqueId, request.id.as_bytes());
        let web_app = self.program.config.web_app_id.clone();
        self.single(Variable::WebappId, web_app.as_bytes());
        self.number(Variable::ModsecBuild, 30_000_000);
    }

    fn target(&mut self, request: &Request<'_>) {
        let head = request.head;
        let raw = &*head.target;
        let relative = origin_form(raw);
        let split = memchr::memchr(b'?', relative);
        let (path, query) = match split {
            Some(at) => (relative.get(..at).unwrap_or_default(), relative.get(at + 1..).unwrap_or_default()),
            None => (relative, &[][..]),
        };
        self.single(Variable::RequestMethod, head.method.as_str().as_bytes());
        self.single(Variable::RequestProtocol, protocol(head.version).as_bytes());
        self.single(Variable::RequestUriRaw, raw);
        self.single(Variable::RequestUri, relative);
        self.single(Variable::QueryString, query);
        if self.wants(Variable::RequestLine) {
            let line = [head.method.as_str().as_bytes(), raw, protocol(head.version).as_bytes()].join(&b' ');
            self.single(Variable::RequestLine, &line);
        }
        self.path(path);
        let pairs = self.form_pairs(query);
        self.pairs(Variable::ArgsGet, Variable::ArgsGetNames, &pairs);
        self.flag(Variable::UrlencodedError, Flag::when(|| !escapes_are_valid(query)));
    }

    /// The path and its last segment, percent-encoding undone once.
    fn path(&mut self, path: &[u8]) {
        if !self.wants(Variable::RequestFilename) && !self.wants(Variable::RequestBasename) {
            return;
        }
        let mut decoded = Vec::with_capacity(path.len());
        let plain = memchr::memchr(b'%', path).is_none();
        let path = if plain { path } else { decode_path(path, &mut decoded) };
        self.single(Variable::RequestFilename, path);
        let last = memchr::memrchr2(b'/', b'\\', path).map_or(0, |at| at + 1);
        self.single(Variable::RequestBasename, path.get(last..).unwrap_or_default());
    }

    fn connection(&mut self, request: &Request<'_>) {
        let client = address(request.client);
        for variable in [Variable::RemoteAddr, Variable::RemoteHost, Variable::UseragentIp] {
            self.single(variable, client.as_bytes());
        }
        self.number(Variable::RemotePort, i64::from(request.client.port()));
        self.single(Variable::ServerAddr, address(request.server).as_bytes());
        self.number(Variable::ServerPort, i64::from(request.server.port()));
        self.single(Variable::ServerName, request.normal.host.as_bytes());
    }

    /// Line and fields as HTTP/1 writes them, kept until the body is there.
    fn whole_head(&mut self, request: &Request<'_>) {
        if !self.wants(Variable::FullRequest) && !self.wants(Variable::FullRequestLength) {
            return;
        }
        let head = request.head;
        let arena = &mut self.state.arena;
        let start = arena.begin();
        for piece in [head.method.as_str().as_bytes(), b" ", &head.target, b" "] {
            arena.append(piece);
        }
        arena.append(protocol(head.version).as_bytes());
        for field in head.headers.iter() {
            for piece in [b"\r\n", field.name, b": ", field.value] {
                arena.append(piece);
            }
        }
        arena.append(b"\r\n\r\n");
        self.state.head = arena.end(start);
    }

    /// The fields of a message.
    pub(super) fn headers(&mut self, headers: &Headers, values: Variable, names: Variable) {
        if !self.wants(values) && !self.wants(names) {
            return;
        }
        let arena = &mut self.state.arena;
        let pairs: smallvec::SmallVec<[(Span, Span); 32]> =
            headers.iter().map(|field| (arena.push(field.name), arena.push(field.value))).collect();
        self.pairs(values, names, &pairs);
    }

    fn cookies(&mut self, headers: &Headers) {
        if !self.wants(Variable::RequestCookies) && !self.wants(Variable::RequestCookiesNames) {
            return;
        }
        let fields = headers.all("cookie").flat_map(|field| field.split(|byte| *byte == b';'));
        let mut pairs: smallvec::SmallVec<[(Span, Span); 16]> = smallvec::SmallVec::new();
        for cookie in fields.map(<[u8]>::trim_ascii).filter(|cookie| !cookie.is_empty()) {
            let (name, value) = match memchr::memchr(b'=', cookie) {
                Some(at) => (cookie.get(..at), cookie.get(at + 1..)),
                None => (Some(cookie), None),
            };
            let arena = &mut self.state.arena;
            pairs.push((arena.push(name.unwrap_or_default()), arena.push(value.unwrap_or_default())));
        }
        self.pairs(Variable::RequestCookies, Variable::RequestCookiesNames, &pairs);
    }

    fn authorization(&mut self, headers: &Headers) {
        if !self.wants(Variable::AuthType) && !self.wants(Variable::RemoteUser) {
            return;
        }
        let Some(value) = headers.get("authorization") else { return };
        let (scheme, rest) = match memchr::memchr(b' ', value) {
            Some(at) => (value.get(..at).unwrap_or_default(), value.get(at + 1..).unwrap_or_default()),
            None => (value, &[][..]),
        };
        self.single(Variable::AuthType, scheme);
        if scheme.eq_ignore_ascii_case(b"basic") {
            use base64::Engine as _;
            let decoded =
                base64::engine::general_purpose::STANDARD.decode(rest.trim_ascii()).unwrap_or_default();
            let user = decoded.split(|byte| *byte == b':').next().unwrap_or_default();
            self.single(Variable::RemoteUser, user);
        }
    }
}

/// A target without scheme and authority.
fn origin_form(target: &[u8]) -> &[u8] {
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let Some(scheme) = scheme else { return target };
    let rest = target.get(scheme.len()..).unwrap_or_default();
    memchr::memchr2(b'/', b'?', rest).and_then(|at| rest.get(at..)).unwrap_or(b"/")
}

/// Percent-encoding undone; a plus sign in a path is itself.
fn decode_path<'a>(path: &[u8], out: &'a mut Vec<u8>) -> &'a [u8] {
    for (place, piece) in path.split(|byte| *byte == b'+').enumerate() {
        if place > 0 {
            out.push(b'+');
        }
        let (Escapes::Valid | Escapes::Invalid) = decode_into(piece, out);
    }
    out
}

/// `HTTP/1.1`, as a server names the version.
pub(super) const fn protocol(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
        Version::Http2 => "HTTP/2.0",
    }
}

/// An address as text; one of IPv4 inside IPv6 is shown as IPv4.
fn address(address: SocketAddr) -> String {
    let ip: IpAddr = address.ip().to_canonical();
    ip.to_string()
}

/// The body processor a `Content-Type` asks for.
///
/// ModSecurity itself knows the first two and leaves the others to two rules of its recommended file; here they are
/// built in, so that rules see the body where those are missing.
fn declared_processor(headers: &Headers) -> Option<BodyProcessor> {
    let value = headers.get("content-type")?;
    let essence = value.split(|byte| *byte == b';').next()?.trim_ascii().to_ascii_lowercase();
    match &*essence {
        b"application/x-www-form-urlencoded" => Some(BodyProcessor::UrlEncoded),
        b"multipart/form-data" => Some(BodyProcessor::Multipart),
        b"application/json" => Some(BodyProcessor::Json),
        b"application/xml" | b"text/xml" => Some(BodyProcessor::Xml),
        other if other.starts_with(b"application/") && other.ends_with(b"+json") => Some(BodyProcessor::Json),
        other if other.starts_with(b"application/") && other.ends_with(b"+xml") => Some(BodyProcessor::Xml),
        _ => None,
    }
}
