//! What a shell makes of quotes, backslashes, carets, empty variables, `$IFS` and wildcards.

use std::ops::Range;

use crate::builtin::detector::words::{at, find, is_word, part, skip, starts_with};

/// The text with quoting undone and variables without a value left out; nothing if there is none.
pub(super) fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut index = 0;
    let mut changed = false;
    while index < text.len() {
        let (length, becomes) = quoting(text, index);
        match becomes {
            Some(byte) => out.extend(byte),
            None => out.push(at(text, index)),
        }
        changed |= becomes.is_some();
        index += length;
    }
    changed.then_some(out)
}

/// Quoting at an index: its length, and what it becomes (nothing or a space); no replacement for anything else.
#[allow(clippy::option_option, reason = "left out, replaced by a byte, and kept are three answers")]
fn quoting(text: &[u8], index: usize) -> (usize, Option<Option<u8>>) {
    let (byte, behind) = (at(text, index), at(text, index + 1));
    match byte {
        b'\'' | b'"' | b'^' | b'\\' => (1, Some(None)),
        b'$' if behind == b'{' => {
            let end = skip(text, index + 2, |byte| byte != b'}') + 1;
            (
                end.min(text.len()) - index,
                Some(starts_with(part(text, index + 2..end), "IFS").then_some(b' ')),
            )
        }
        b'$' if behind == b'(' && at(text, index + 4).max(at(text, index + 3)) == b')' => (5, Some(None)),
        b'$' if starts_with(part(text, index + 1..text.len()), "IFS") => (
            4 + usize::from(at(text, index + 4) == b'$')
                * usize::from(at(text, index + 5).is_ascii_digit())
                * 2,
            Some(Some(b' ')),
        ),
        b'$' if matches!(behind, b'@' | b'*' | b'!' | b'1'..=b'9') => (2, Some(None)),
        b'$' if behind.is_ascii_lowercase() && !is_word(at(text, index + 2)) => (2, Some(None)),
        _ => (1, None),
    }
}

/// Whether `$IFS` stands in for a space.
pub(super) fn field_separator(text: &[u8]) -> bool {
    find(text, "${IFS").is_some() || find(text, "$IFS").is_some()
}

/// Files and programs that a path with wildcards is tried against.
const TARGETS: &[&str] = &[
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hosts",
    "/etc/group",
    "/bin/cat",
    "/bin/bash",
    "/bin/sh",
    "/bin/ls",
    "/bin/nc",
    "/bin/id",
    "/bin/ping",
    "/bin/busybox",
    "/usr/bin/id",
    "/usr/bin/whoami",
    "/usr/bin/python",
    "/usr/bin/perl",
    "/usr/bin/curl",
    "/usr/bin/wget",
    "/usr/bin/nc",
    "/usr/bin/cat",
    "/usr/bin/head",
    "/usr/bin/tail",
    "/usr/bin/base64",
    "/bin/uname",
];

/// A path whose wildcards lead to a file that attackers read or run: `/e??/pa??wd`, `/???/b**h`.
pub(super) fn wildcard_path(text: &[u8]) -> Option<Range<usize>> {
    let mut index = 0;
    while let Some(slash) = memchr::memchr(b'/', part(text, index..text.len())) {
        let start = index + slash;
        let end = skip(text, start, |byte| {
            is_word(byte) || matches!(byte, b'/' | b'?' | b'*' | b'.' | b'[' | b']' | b'-')
        });
        let pattern = part(text, start..end);
        let letters = pattern.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
        let wild = pattern.iter().any(|byte| matches!(byte, b'?' | b'*'));
        if wild && letters >= 1 && pattern.len() <= 64 {
            let slashes: Vec<u8> = collapse(pattern);
            if TARGETS.iter().any(|target| glob(&slashes, target.as_bytes())) {
                return Some(start..end);
            }
        }
        index = end.max(start + 1);
    }
    None
}

/// With runs of slashes and of stars made one.
fn collapse(pattern: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(pattern.len());
    for byte in pattern {
        if !(matches!(byte, b'/' | b'*') && out.last() == Some(byte)) {
            out.push(*byte);
        }
    }
    out
}

/// Whether a shell's pattern names a path; a star stops at a slash. Both are short, so trying is cheap.
fn glob(pattern: &[u8], path: &[u8]) -> bool {
    let (mut at_pattern, mut at_path) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at_path < path.len() {
        let (sign, byte) = (at(pattern, at_pattern), at(path, at_path));
        if sign == b'*' {
            retry = Some((at_pattern + 1, at_path));
            at_pattern += 1;
        } else if at_pattern < pattern.len() && (sign == byte || sign == b'?' && byte != b'/') {
            at_pattern += 1;
            at_path += 1;
        } else if let Some((resume, tried)) = retry.filter(|(_, tried)| at(path, *tried) != b'/') {
            retry = Some((resume, tried + 1));
            at_pattern = resume;
            at_path = tried + 1;
        } else {
            return false;
        }
    }
    pattern.get(at_pattern..).is_some_and(|rest| rest.iter().all(|sign| *sign == b'*'))
}
