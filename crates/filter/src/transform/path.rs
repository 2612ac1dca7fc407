//! Paths without empty, `.` and `..` segments.

use memchr::{memchr, memmem};

use super::Changed;

/// Slashes once, `.` and `..` resolved; what goes above a root stays there, above a relative path it is kept.
pub(super) fn normalize(input: &[u8], out: &mut Vec<u8>) -> Changed {
    if is_normal(input) {
        return Changed::Unchanged;
    }
    resolve(input, out);
    if out.as_slice() == input { Changed::Unchanged } else { Changed::Changed }
}

/// The same with backslashes as slashes.
pub(super) fn normalize_windows(input: &[u8], out: &mut Vec<u8>) -> Changed {
    if memchr(b'\\', input).is_none() {
        return normalize(input, out);
    }
    let turned: Vec<u8> = input.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect();
    resolve(&turned, out);
    Changed::Changed
}

/// Surely nothing to do: no segment is empty or begins with a dot.
fn is_normal(path: &[u8]) -> bool {
    !path.starts_with(b".") && memmem::find(path, b"//").is_none() && memmem::find(path, b"/.").is_none()
}

fn resolve(path: &[u8], out: &mut Vec<u8>) {
    let root = path.starts_with(b"/");
    if root {
        out.push(b'/');
    }
    let mut ends_in_slash = false;
    for segment in path.split(|&byte| byte == b'/') {
        ends_in_slash = segment.is_empty();
        match segment {
            b"" | b"." => {}
            b".." => climb(out, root),
            name => push(out, name),
        }
    }
    if ends_in_slash && !out.is_empty() && !out.ends_with(b"/") {
        out.push(b'/');
    }
}

fn push(out: &mut Vec<u8>, segment: &[u8]) {
    if !out.is_empty() && !out.ends_with(b"/") {
        out.push(b'/');
    }
    out.extend_from_slice(segment);
}

fn climb(out: &mut Vec<u8>, root: bool) {
    let last = out.iter().rposition(|&byte| byte == b'/');
    let name = last.map_or(0, |at| at + 1);
    match out.get(name..) {
        Some(b"" | b"..") if !root => push(out, b".."),
        _ if root => out.truncate(last.unwrap_or_default().max(1)),
        _ => out.truncate(last.unwrap_or_default()),
    }
}
