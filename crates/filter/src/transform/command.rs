//! Command lines without the tricks that shells see through.

use super::Changed;

/// Quotes, backslashes and carets go; separators become one space, none before `/` or `(`; letters become small.
pub(super) fn simplify(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let mut after_space = false;
    if !input.iter().any(|&byte| is_odd(byte)) && !input.windows(2).any(is_space_pair) {
        return Changed::Unchanged;
    }
    for &byte in input {
        match byte {
            b'"' | b'\'' | b'\\' | b'^' => continue,
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => {
                if !after_space {
                    out.push(b' ');
                }
                after_space = true;
                continue;
            }
            b'/' | b'(' if after_space => {
                out.pop();
            }
            _ => {}
        }
        after_space = false;
        out.push(byte.to_ascii_lowercase());
    }
    Changed::Changed
}

/// Bytes that never stay as they are.
const fn is_odd(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\' | b'^' | b',' | b';' | b'\t' | b'\r' | b'\n' | b'A'..=b'Z')
}

const fn is_space_pair(pair: &[u8]) -> bool {
    matches!(pair, [b' ', b' ' | b'/' | b'('])
}
