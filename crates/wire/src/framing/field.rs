//! Field lines: a token, a colon, a value (RFC 9112 §5), each a slice of the head's bytes.

use bytes::Bytes;
use portcullis_model::Headers;

use crate::defect::Defect;
use crate::framing::line::unclean;
use crate::framing::special::Special;
use crate::grammar::{controls, is_field_value, is_token_byte, trim, trim_end};

/// Reads every field line of a head; `ends` are the offsets behind each line's line feed, the first line's first.
pub(super) fn parse_fields(head: &Bytes, ends: &[u32]) -> Result<(Headers, Special), Defect> {
    let mut headers = Headers::within(head.clone(), ends.len().saturating_sub(1));
    let mut special = Special::default();
    let mut start = ends.first().map_or(0, |end| *end as usize);
    let last = ends.last().map_or(0, |end| *end as usize);
    // Every line ends with two controls; where there are no others, no value has to be looked at by itself.
    let clean = controls(head.get(start..last).unwrap_or_default()) == 2 * ends.len().saturating_sub(1);
    for end in ends.iter().skip(1) {
        let end = *end as usize;
        let line = head.get(start..end).and_then(|line| line.strip_suffix(b"\r\n")).unwrap_or_default();
        let field = cut_field(line)?;
        if !clean {
            field.check()?;
        }
        let Field { name, value, value_at } = field;
        special.note(name, value)?;
        let value_at = start + value_at;
        headers.add(start..start + name.len(), value_at..value_at + value.len());
        start = end;
    }
    Ok((headers, special))
}

/// One field line, taken apart.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    /// Without white space at its ends.
    pub(crate) value: &'a [u8],
    /// Where the value begins in the line.
    value_at: usize,
}

impl Field<'_> {
    /// Whether the value is one a field may have.
    fn check(&self) -> Result<(), Defect> {
        if is_field_value(self.value) { Ok(()) } else { Err(blame_value(self.value)) }
    }
}

/// Takes one line without its line end apart.
pub(crate) fn split_field(line: &[u8]) -> Result<Field<'_>, Defect> {
    let field = cut_field(line)?;
    field.check()?;
    Ok(field)
}

/// The same, the value not looked at.
fn cut_field(line: &[u8]) -> Result<Field<'_>, Defect> {
    let name_ends = line.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(name_ends).unwrap_or_default();
    match rest {
        [b':', rest @ ..] if !name.is_empty() => {
            let indented = trim_end(rest);
            let value = trim(indented);
            Ok(Field { name, value, value_at: name_ends + 1 + (indented.len() - value.len()) })
        }
        _ => Err(blame_name(line, name, rest)),
    }
}

#[cold]
fn blame_value(value: &[u8]) -> Defect {
    unclean(value).unwrap_or(Defect::ControlCharacter)
}

#[cold]
fn blame_name(line: &[u8], name: &[u8], rest: &[u8]) -> Defect {
    if let Some(defect) = unclean(line) {
        return defect;
    }
    match (name, rest) {
        ([], [b' ' | b'\t', ..]) => Defect::FoldedField,
        ([_, ..], [b' ' | b'\t', ..]) if trim(rest).starts_with(b":") => Defect::SpaceBeforeColon,
        _ => Defect::FieldName,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_or_blamed() {
        for (line, value) in [(&b"A:  b c \t"[..], &b"b c"[..]), (b"A:", b""), (b"A:b:c\xff", b"b:c\xff")] {
            let field = split_field(line).unwrap();
            assert_eq!((field.name, field.value), (&b"A"[..], value));
        }
        for (line, defect) in [
            (&b" A: b"[..], Defect::FoldedField),
            (b"\tA: b", Defect::FoldedField),
            (b"A : b", Defect::SpaceBeforeColon),
            (b"A\t: b", Defect::SpaceBeforeColon),
            (b"A b: c", Defect::FieldName),
            (b": b", Defect::FieldName),
            (b"A", Defect::FieldName),
            (b"A\xc3: b", Defect::FieldName),
            (b"A: b\rc", Defect::BareCarriageReturn),
            (b"A\r: b", Defect::BareCarriageReturn),
            (b"A: b\0", Defect::Nul),
            (b"A: \x0b", Defect::ControlCharacter),
            (b"A: \x7f", Defect::ControlCharacter),
        ] {
            assert_eq!(split_field(line).err(), Some(defect), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn one_control_in_a_head_is_found_wherever_it_is() {
        let lines = [&b"A: b"[..], b"Longer-Name: a value of some length, as they often are", b"C:d"];
        for (line, text) in lines.iter().enumerate() {
            for at in 0..text.len() {
                for control in [0, 1, b'\t', b'\r', 0x1f, 0x7f] {
                    let mut lines = lines.map(<[u8]>::to_vec);
                    lines[line][at] = control;
                    let (mut head, mut ends) = (b"X\r\n".to_vec(), vec![3]);
                    for line in &lines {
                        head.extend_from_slice(line);
                        head.extend_from_slice(b"\r\n");
                        ends.push(u32::try_from(head.len()).unwrap());
                    }
                    let alone = split_field(&lines[line]).err();
                    assert_eq!(parse_fields(&Bytes::from(head), &ends).err(), alone, "{control} at {at}");
                }
            }
        }
    }

    #[test]
    fn values_are_slices_of_the_head() {
        let head = Bytes::from_static(b"X\r\nA:  b c \t\r\nB: \t \r\nC:d\r\n");
        let (headers, _) = parse_fields(&head, &[3, 14, 21, 26]).unwrap();
        assert_eq!(headers.get("a"), Some(&b"b c"[..]));
        assert_eq!(headers.get("b"), Some(&b""[..]));
        assert_eq!(headers.get("c"), Some(&b"d"[..]));
    }
}
