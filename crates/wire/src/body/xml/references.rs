//! Character references and the five entities every XML document has.
//!
//! Invariant: output is never longer than input, whatever a document type defines.

use crate::defect::Defect;

/// The longest reference that is read, between `&` and `;`.
const REFERENCE_BYTES: usize = 12;

/// Appends a text with its references undone; one that is not known stays as it was sent, and is a defect.
pub(super) fn undo(text: &[u8], out: &mut Vec<u8>) -> Option<Defect> {
    let mut defect = None;
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let behind = rest.get(at + 1..).unwrap_or_default();
        let window = behind.get(..behind.len().min(REFERENCE_BYTES)).unwrap_or_default();
        let name = memchr::memchr(b';', window).and_then(|end| behind.get(..end));
        let letter = name.and_then(letter);
        rest = if let (Some(name), Some(letter)) = (name, letter) {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            behind.get(name.len() + 1..).unwrap_or_default()
        } else {
            // A name that a document type could define, or an ampersand that should have been escaped.
            let named = behind.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_');
            defect = Some(if named { Defect::XmlEntity } else { Defect::BodySyntax }).or(defect);
            out.push(b'&');
            behind
        };
    }
    out.extend_from_slice(rest);
    defect
}

fn letter(name: &[u8]) -> Option<char> {
    Some(match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        _ => return None,
    })
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let plain = digits.iter().all(|digit| char::from(*digit).is_digit(radix));
    let digits = std::str::from_utf8(digits).ok().filter(|_| plain)?;
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_undone_once() {
        for (text, expected, defect) in [
            ("a &lt;b&gt; &#65;&#x42;&quot;&apos;", "a <b> AB\"'", None),
            ("&amp;lt;", "&lt;", None),
            ("&xxe;", "&xxe;", Some(Defect::XmlEntity)),
            ("a & b", "a & b", Some(Defect::BodySyntax)),
            ("&#x110000;&#+1;", "&#x110000;&#+1;", Some(Defect::BodySyntax)),
            ("&", "&", Some(Defect::BodySyntax)),
        ] {
            let mut out = Vec::new();
            assert_eq!(undo(text.as_bytes(), &mut out), defect, "{text}");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
