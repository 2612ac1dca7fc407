//! E-mail addresses (the form of RFC 5321 that is in use: dots, no quotes, a host name with a dot).

/// The longest local part and domain, in bytes (RFC 5321 §4.5.3.1).
const LOCAL: usize = 64;
const DOMAIN: usize = 253;

/// Last labels that say a file's name and no host's: `logo@2x.png`.
const FILES: &[&[u8]] = &[
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"json", b"html", b"tgz", b"gz", b"zip",
];

/// Whether an address stands around the `@` at a place.
pub(crate) fn around(text: &[u8], at: usize) -> bool {
    let before = text.get(at.saturating_sub(LOCAL + 1)..at).unwrap_or_default();
    let local = before.iter().rev().take_while(|byte| is_local(**byte)).count();
    let behind = text.get(at + 1..).unwrap_or_default();
    let domain = behind.iter().take(DOMAIN).take_while(|byte| is_domain(**byte)).count();
    let (local, domain) =
        (before.get(before.len() - local..), behind.get(..domain).map(<[u8]>::trim_ascii_end));
    let (Some(local), Some(domain)) = (local, domain) else { return false };
    let starts = before.len() == local.len() || !matches!(byte_before(before, local), b'/' | b'@');
    // `git@host:path` is an address of another kind.
    let after = behind.get(domain.len()..).unwrap_or_default();
    let is_remote = after.first() == Some(&b':') && after.get(1).is_some_and(u8::is_ascii_alphanumeric);
    starts && !is_remote && after.first() != Some(&b'@') && is_local_part(local) && is_host(domain)
}

fn byte_before(before: &[u8], local: &[u8]) -> u8 {
    let place = before.len().saturating_sub(local.len() + 1);
    before.get(place).copied().unwrap_or(b' ')
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&' | b'~')
        || byte >= 0x80
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80
}

fn is_local_part(local: &[u8]) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'.');
    local.len() <= LOCAL && edge(local.first()) && edge(local.last())
}

fn is_host(domain: &[u8]) -> bool {
    // A sentence's full stop behind it.
    let domain = domain.strip_suffix(b".").unwrap_or(domain);
    let mut labels = domain.rsplit(|byte| *byte == b'.');
    let last = labels.next().unwrap_or_default();
    let is_label = |label: &[u8]| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with(b"-") && !label.ends_with(b"-")
    };
    let mut others = 0;
    let well_formed = labels.all(|label| {
        others += 1;
        is_label(label)
    });
    let is_top = |top: &[u8]| {
        top.starts_with(b"xn--") || top.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80)
    };
    let is_file = FILES.iter().any(|file| file.eq_ignore_ascii_case(last));
    well_formed && others > 0 && (2..=24).contains(&last.len()) && is_top(last) && !is_file
}
