//! Credentials: private keys, JSON Web Tokens, keys with well-known beginnings, passwords in URLs, and random text
//! where a field's name says that it is one.

/// Text shorter than this is no key.
const SHORTEST_KEY: usize = 16;

/// What a key begins with, and how many characters it has at least behind that.
const BEGINNINGS: &[(&[u8], usize)] = &[
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"AIza", 35),
    (b"SG.", 60),
    (b"dop_v1_", 60),
    (b"ghp_", 36),
    (b"gho_", 36),
    (b"ghu_", 36),
    (b"ghs_", 36),
    (b"ghr_", 36),
    (b"github_pat_", 40),
    (b"glpat-", 20),
    (b"hf_", 30),
    (b"npm_", 36),
    (b"pypi-AgE", 40),
    (b"rk_live_", 16),
    (b"shpat_", 32),
    (b"sk-ant-", 30),
    (b"sk-proj-", 30),
    (b"sk_live_", 16),
    (b"sk_test_", 16),
    (b"whsec_", 24),
    (b"xoxa-", 20),
    (b"xoxb-", 20),
    (b"xoxp-", 20),
    (b"ya29.", 30),
];

/// Whether a byte begins any key.
pub(crate) const fn may_begin(byte: u8) -> bool {
    matches!(byte, b'A' | b'S' | b'd' | b'e' | b'g' | b'h' | b'n' | b'p' | b'r' | b's' | b'w' | b'x' | b'y')
}

/// Whether a key or a token begins a text, at a word's beginning.
pub(crate) fn at_start(text: &[u8]) -> bool {
    if text.len() < SHORTEST_KEY {
        return false;
    }
    if text.starts_with(b"eyJ") {
        return is_jwt(text);
    }
    let behind = |beginning: &[u8]| text.get(beginning.len()..).unwrap_or_default();
    let is_one = |(beginning, least): &(&[u8], usize)| {
        text.starts_with(beginning)
            && behind(beginning).iter().take(*least).take_while(|byte| is_key(**byte)).count() == *least
    };
    BEGINNINGS.iter().any(is_one)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Three parts in base64url, the first two of them JSON objects (RFC 7519 §3).
fn is_jwt(text: &[u8]) -> bool {
    let token = text.iter().take(4096).take_while(|byte| is_key(**byte)).count();
    let mut parts = text.get(..token).unwrap_or_default().split(|byte| *byte == b'.');
    let (head, claims, signature) = (parts.next(), parts.next(), parts.next());
    head.is_some_and(|head| head.len() >= 12)
        && claims.is_some_and(|claims| claims.starts_with(b"eyJ"))
        && signature.is_some_and(|signature| signature.len() >= 16)
}

/// Whether a private key stands in a text (PEM, RFC 7468).
pub(crate) fn holds_private_key(text: &[u8]) -> bool {
    let begins = memchr::memmem::find(text, b"-----BEGIN ");
    begins.and_then(|at| text.get(at..)).is_some_and(|rest| {
        let line = rest.get(..rest.len().min(64)).unwrap_or_default();
        memchr::memmem::find(line, b"PRIVATE KEY").is_some()
    })
}

/// Whether a URL names a password before the host at the `@` of a place: `postgres://app:word@db/shop`.
pub(crate) fn is_password_before(text: &[u8], at: usize) -> bool {
    let before = text.get(at.saturating_sub(256)..at).unwrap_or_default();
    let stops = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'@' | b'?');
    let begins = before.iter().rposition(stops).map_or(0, |stop| stop + 1);
    let (scheme, userinfo) = before.split_at(begins);
    let colon = userinfo.iter().position(|byte| *byte == b':');
    scheme.ends_with(b"://")
        && colon.is_some_and(|colon| {
            colon > 0
                && colon + 1 < userinfo.len()
                && !is_masked(userinfo.get(colon + 1..).unwrap_or_default())
        })
}

/// Whether a text that should be a credential looks random: long, of many different characters, of more than one kind.
pub(crate) fn is_random(text: &[u8]) -> bool {
    if !(12..=4096).contains(&text.len())
        || !text.iter().all(|byte| is_key(*byte) || matches!(byte, b'+' | b'/' | b'=' | b'~'))
    {
        return false;
    }
    let mut seen = [false; 128];
    let (mut different, mut letters, mut digits) = (0, 0, 0);
    for byte in text.iter().take(64) {
        letters += u32::from(byte.is_ascii_alphabetic());
        digits += u32::from(byte.is_ascii_digit());
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            different += u32::from(!std::mem::replace(seen, true));
        }
    }
    different >= 8 && letters > 0 && digits > 0
}

/// Whether a value says that it is hidden: `****`, `[redacted]`, `<hidden>`.
pub(crate) fn is_masked(text: &[u8]) -> bool {
    let stars = text.iter().filter(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.')).count();
    stars * 2 > text.len()
        || matches!((text.first(), text.last()), (Some(b'['), Some(b']')) | (Some(b'<'), Some(b'>')))
}
