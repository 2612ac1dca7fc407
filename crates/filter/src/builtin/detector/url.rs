//! Addresses that send a server, or a person, where they should not go.
//!
//! A value is read as an address only if it is one from its beginning; hosts are read as resolvers read them, in every
//! notation of numbers.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::builtin::Subject;
use crate::builtin::detector::View;
use crate::builtin::detector::html::runs_address;
use crate::builtin::detector::words::{at, find, is_one_of, part, skip, starts_with};
use crate::builtin::scope::Kind;
use crate::builtin::signal::{Hits, Signal, note};

/// Schemes that read files, wrap other streams or carry raw bytes to any port.
const SCHEMES: &[&str] = &[
    "file",
    "gopher",
    "gophers",
    "dict",
    "tftp",
    "sftp",
    "ldap",
    "ldaps",
    "netdoc",
    "jar",
    "php",
    "phar",
    "expect",
    "zip",
    "compress.zlib",
    "compress.bzip2",
    "glob",
    "ogg",
    "rar",
    "ssh2",
    "ssh2.exec",
    "ssh2.shell",
    "local_file",
    "jndi",
    "rmi",
    "telnet",
    "view-source",
    "imap",
    "smb",
    "mailto.exec",
    "zlib",
    "data",
];

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    if view.site.kind == Kind::Path || view.site.kind == Kind::Standard {
        return;
    }
    let start = skip(text, 0, |byte| byte <= b' ' || matches!(byte, b'"' | b'\'' | b'('));
    let scheme_ends =
        skip(text, start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-' | b'_'));
    let scheme = part(text, start..scheme_ends);
    if at(text, scheme_ends) == b':' && scheme.len() >= 2 {
        absolute(view, scheme, scheme_ends + 1, hits);
    }
    wrapped(text, hits);
    if runs_script(text) {
        note(hits, Signal::HtmlUrl, 0..text.len().min(40));
    }
    if view.site.subject == Subject::Value
        && matches!(at(text, start), b'/' | b'\\' | b'@' | b'h' | b'H')
        && names_address(view.site.leaf_name())
        && view.reading.is_none_or(|reading| !reading.is_joined())
    {
        misleading(text, start, hits);
    }
}

/// An address with a scheme.
fn absolute(view: &View<'_>, scheme: &[u8], from: usize, hits: &mut Hits) {
    let text = view.bytes;
    let rest = part(text, from..text.len());
    if is_one_of(scheme, SCHEMES) {
        let data = is_one_of(scheme, &["data"]);
        let dangerous = if data {
            is_program(rest)
        } else {
            rest.starts_with(b"/")
                || is_one_of(scheme, &["jar", "netdoc", "file", "jndi"])
                    && !rest.starts_with(b" ")
                    && rest.len() > 2
        };
        if dangerous {
            note(hits, Signal::UrlScheme, 0..text.len().min(from + 20));
        }
    }
    let web = is_one_of(scheme, &["http", "https", "ftp", "ws", "wss", "url"]);
    if !web || !rest.starts_with(b"/") {
        return;
    }
    let authority = skip(text, from, |byte| matches!(byte, b'/' | b'\\'));
    let host = host(text, authority);
    if is_internal(host) && view.site.kind != Kind::Referer {
        note(hits, Signal::UrlInternal, authority..authority + host.len());
    }
    if is_script_file(text) && view.site.kind != Kind::Referer && view.site.subject == Subject::Value {
        note(hits, Signal::UrlScript, 0..text.len());
    }
}

/// `data:` that a browser or an interpreter would run.
fn is_program(rest: &[u8]) -> bool {
    rest.starts_with(b"//")
        || rest.starts_with(b",")
        || ["text/html", "text/javascript", "application/x-", "application/javascript", "image/svg"]
            .iter()
            .any(|kind| starts_with(rest, kind))
}

/// Streams of PHP wrapped round a file, wherever in a value they stand.
fn wrapped(text: &[u8], hits: &mut Hits) {
    if memchr::memmem::find(text, b"://").is_none() {
        return;
    }
    for wrapper in ["php://", "phar://", "expect://", "gopher://", "file:///", "dict://"] {
        if let Some(start) = find(text, wrapper) {
            let joined = start.checked_sub(1).is_some_and(|before| at(text, before).is_ascii_alphanumeric());
            if !joined {
                return note(hits, Signal::UrlScheme, start..start + wrapper.len());
            }
        }
    }
}

/// `javascript:` and code behind it as the whole value; in prose a word follows.
fn runs_script(text: &[u8]) -> bool {
    let colon = memchr::memchr(b':', text).unwrap_or(0);
    let behind = part(text, colon + 1..text.len());
    let code = behind.iter().any(|byte| matches!(byte, b'(' | b'`' | b'[' | b'=' | b'<'))
        || behind.starts_with(b"//")
        || behind.starts_with(b",")
        || starts_with(behind, "text/html");
    colon > 0
        && code
        && !starts_with(behind, "void(0)")
        && runs_address(text)
        && !starts_with(text, "data:image")
}

/// The host of an authority, without user and port.
fn host(text: &[u8], from: usize) -> &[u8] {
    let end =
        skip(text, from, |byte| !matches!(byte, b'/' | b'\\' | b'?' | b'#' | 0..=b' ' | b'"' | b'\'' | b'<'));
    let authority = part(text, from..end);
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or(authority);
    if host.first() == Some(&b'[') {
        let close = memchr::memchr(b']', host).map_or(host.len(), |close| close + 1);
        return part(host, 0..close);
    }
    host.split(|byte| *byte == b':').next().unwrap_or(host)
}

/// Names of the machine itself and of metadata services.
const INTERNAL_NAMES: &[&str] = &[
    "localhost",
    "metadata.google.internal",
    "metadata",
    "instance-data",
    "kubernetes.default.svc",
    "localtest.me",
    "lvh.me",
    "host.docker.internal",
];
/// Domains whose names resolve to whatever address stands in them.
const INTERNAL_ENDS: &[&str] =
    &[".localhost", ".nip.io", ".xip.io", ".sslip.io", ".localtest.me", ".lvh.me", ".rbndr.us"];

/// Whether a host is the machine itself, its network, or a cloud's metadata service.
fn is_internal(host: &[u8]) -> bool {
    let name = std::str::from_utf8(host).unwrap_or_default().trim_end_matches('.');
    let lower = name.to_ascii_lowercase();
    if INTERNAL_NAMES.contains(&lower.as_str()) || INTERNAL_ENDS.iter().any(|end| lower.ends_with(end)) {
        return true;
    }
    if let Some(inner) = name.strip_prefix('[') {
        let inner = inner.trim_end_matches(']').split('%').next().unwrap_or_default();
        return inner.parse::<Ipv6Addr>().is_ok_and(is_internal_v6);
    }
    ipv4(name).is_some_and(|(address, plain)| !plain || is_internal_v4(address))
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.octets() == [100, 100, 100, 200]
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    // An IPv4 address written as IPv6 is a way around lists, whatever it is.
    address.is_loopback()
        || address.is_unspecified()
        || address.to_ipv4_mapped().is_some()
        || (address
            .segments()
            .first()
            .is_some_and(|first| first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80))
}

/// A number or dotted numbers as C libraries read them, and whether they are written plainly.
fn ipv4(name: &str) -> Option<(Ipv4Addr, bool)> {
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Some((address, true));
    }
    let mut value: u32 = 0;
    let pieces: smallvec::SmallVec<[&str; 4]> = name.split('.').take(5).collect();
    if pieces.len() > 4 || !name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    for (place, piece) in pieces.iter().enumerate() {
        let (digits, radix) = match piece.strip_prefix("0x").or_else(|| piece.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None if piece.len() > 1 && piece.starts_with('0') => (*piece, 8),
            None => (*piece, 10),
        };
        let number = u32::from_str_radix(digits, radix).ok()?;
        let last = place + 1 == pieces.len();
        value = if last {
            value.checked_add(number)?
        } else {
            value.checked_add(number.checked_shl(24 - 8 * place as u32)?)?
        };
    }
    (name.len() > 3).then_some((Ipv4Addr::from(value), false))
}

/// Whether an address names a program that would run where it is included: `http://host/shell.txt?`, `…/c99.php`.
fn is_script_file(text: &[u8]) -> bool {
    const SHELLS: &[&str] =
        &["c99", "r57", "shell", "cmd", "backdoor", "webshell", "wso", "b374k", "exploit", "payload", "evil"];
    let path = text.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or(text);
    let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let (stem, extension) = match memchr::memrchr(b'.', file) {
        Some(dot) => (part(file, 0..dot), part(file, dot + 1..file.len())),
        None => return false,
    };
    let program = is_one_of(
        extension,
        &["php", "phtml", "php5", "php7", "txt", "jsp", "asp", "aspx", "cgi", "pl", "sh", "py"],
    );
    program && (is_one_of(stem, SHELLS) || text.ends_with(b"?") && extension.len() > 1)
}

/// Whether a parameter's name says that its value is an address.
fn names_address(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "url",
        "uri",
        "redirect",
        "redirecturl",
        "redirecturi",
        "next",
        "dest",
        "destination",
        "return",
        "returnurl",
        "returnto",
        "goto",
        "target",
        "link",
        "src",
        "source",
        "callback",
        "continue",
        "forward",
        "feed",
        "proxy",
        "fetch",
        "out",
        "host",
        "site",
        "page",
        "file",
        "img",
        "image",
        "path",
        "domain",
        "view",
        "data",
        "load",
        "navigation",
        "open",
    ];
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    NAMES.contains(&plain.as_str()) || plain.ends_with("url") || plain.ends_with("uri")
}

/// An address that reads as a path or as another host than it has: `//evil`, `/\evil`, `@evil`, `http:evil`.
fn misleading(text: &[u8], start: usize, hits: &mut Hits) {
    let rest = part(text, start..text.len());
    let slashes = skip(rest, 0, |byte| matches!(byte, b'/' | b'\\'));
    let domain = |from: usize| {
        let end = skip(rest, from, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        let name = part(rest, from..end);
        name.contains(&b'.') && !name.starts_with(b".") && !name.ends_with(b".") && name.len() > 3
    };
    let relative = slashes >= 2 && domain(slashes) && !part(rest, 0..slashes).starts_with(b"\\\\")
        || slashes >= 1 && part(rest, 0..slashes).contains(&b'\\') && slashes >= 2 && domain(slashes);
    let user = rest.first() == Some(&b'@') && domain(1);
    let hidden = (starts_with(rest, "http://") || starts_with(rest, "https://")) && {
        let authority = rest.iter().skip(8).take_while(|byte| !matches!(byte, b'/' | b'?' | b'#'));
        authority.filter(|byte| **byte == b'@').count() > 0
    };
    if relative || user || hidden {
        note(hits, Signal::UrlRemote, start..text.len());
    }
}
