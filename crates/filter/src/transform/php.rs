//! Names of fields as PHP makes variables of them.

use memchr::memchr;

use super::Changed;
use super::rewrite::is_space;

/// Leading spaces go, spaces and dots become `_`, and of what follows the first `[` only indexes stay.
pub(super) fn name(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let begin = input.iter().position(|&byte| byte != b' ').unwrap_or(input.len());
    let text = input.get(begin..).unwrap_or_default();
    let (plain, indexes) = text.split_at(memchr(b'[', text).unwrap_or(text.len()));
    if !plain.is_empty() {
        out.extend(plain.iter().map(|&byte| if matches!(byte, b' ' | b'.') { b'_' } else { byte }));
        push_indexes(indexes, out);
    }
    if out.as_slice() == input { Changed::Unchanged } else { Changed::Changed }
}

/// `[a][][b]`; a first one that is not closed is part of the name.
fn push_indexes(mut text: &[u8], out: &mut Vec<u8>) {
    let mut is_first = true;
    while let [b'[', inside @ ..] = text {
        let Some(end) = memchr(b']', inside) else {
            if is_first {
                out.push(b'_');
                out.extend_from_slice(inside);
            }
            return;
        };
        let (index, after) = inside.split_at(end);
        let is_blank = matches!(index, [only] if is_space(*only));
        out.push(b'[');
        out.extend_from_slice(if is_blank { &[] } else { index });
        out.push(b']');
        text = after.get(1..).unwrap_or_default();
        is_first = false;
    }
}
