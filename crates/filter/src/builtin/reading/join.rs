//! Words cut in pieces by quoting and concatenation, put together: `un","ion`, `"al"+"ert"`, `c\at`, `e'c'ho`.

/// The value with every quoting between two letters left out; nothing if there is none.
///
/// A run counts as quoting if it holds a quote or a backslash and otherwise only signs that join strings.
pub(super) fn joined(value: &[u8]) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(value.len());
    let mut rest = value;
    let mut changed = false;
    while let Some((byte, behind)) = rest.split_first() {
        let run = glue(rest);
        let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'/');
        let index = value.len() - rest.len();
        let lone = index < 2 || value.get(index - 2).is_none_or(|byte| !byte.is_ascii_alphabetic());
        let torn = byte.is_ascii_whitespace() && !lone;
        if run > 0 && !torn && word(rest.get(run)) && (word(out.last()) || *byte == b'\\') {
            rest = rest.get(run..).unwrap_or_default();
            changed = true;
        } else {
            out.push(*byte);
            rest = behind;
        }
    }
    changed.then_some(out)
}

/// How long the quoting at the beginning is; 0 if there is none.
fn glue(text: &[u8]) -> usize {
    const LONGEST: usize = 12;
    let length = text
        .iter()
        .take(LONGEST)
        .take_while(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b'+' | b',' | b'^' | b' ' | b'.'))
        .count();
    let run = text.get(..length).unwrap_or_default();
    if length == 0 {
        return gap(text);
    }
    let quotes = run.iter().filter(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\')).count();
    let spaced = run.iter().any(|byte| matches!(byte, b' ' | b',' | b'.' | b'+'));
    // One quote beside a space or a comma is a sentence; a pair around them is a concatenation.
    if quotes == 0 || (spaced && quotes < 2) || (run.contains(&b' ') && !run.contains(&b'+')) {
        0
    } else {
        length
    }
}

/// What tears a word apart without being seen in a page: an element without attributes, a line break.
fn gap(text: &[u8]) -> usize {
    match text.first() {
        Some(b'<') => {
            let name = text
                .iter()
                .skip(1)
                .take(12)
                .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'/')
                .count();
            if text.get(name + 1) == Some(&b'>') { name + 2 } else { 0 }
        }
        Some(b'\t' | b'\r' | b'\n') => {
            text.iter().take(4).take_while(|byte| matches!(byte, b'\t' | b'\r' | b'\n')).count()
        }
        _ => 0,
    }
}
