//! Telephone numbers: international ones by their form (E.164), North American ones by their groups, others only where
//! the field's name says so.

use portcullis_model::data_class::Confidence;

use crate::number::Number;

/// How sure it is that a number as written is a telephone's; `named` if its field is called so.
pub(crate) fn weigh(number: &Number<'_>, is_named: IsNamed) -> Option<Confidence> {
    let digits = number.digits();
    let sure = match is_named {
        IsNamed::Yes => number.is_whole() && (6..=15).contains(&digits.len()) && !is_constant(digits),
        IsNamed::No => number.begins_with_plus() && !number.is_decimal() && is_international(digits),
    };
    if sure {
        return Some(Confidence::Sure);
    }
    (!number.begins_with_plus() && is_north_american(number)).then_some(Confidence::Likely)
}

/// Whether the field's name says that it holds a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsNamed {
    Yes,
    No,
}

fn is_international(digits: &[u8]) -> bool {
    match digits.first() {
        Some(b'1') => digits.len() == 11 && is_plan(digits.get(1..).unwrap_or_default()),
        Some(b'2'..=b'9') => (9..=15).contains(&digits.len()) && !is_constant(digits),
        _ => false,
    }
}

/// `555-123-4567` and `(555) 123-4567`, with or without a `1` before it.
fn is_north_american(number: &Number<'_>) -> bool {
    let digits = number.digits();
    let groups = number.groups();
    let groups = groups.strip_prefix(&[1]).unwrap_or(groups);
    let national = digits.get(digits.len().saturating_sub(10)..).unwrap_or_default();
    groups == [3, 3, 4] && number.is_dashed() && digits.len() <= 11 && is_plan(national)
}

/// Area code and exchange of the North American plan begin with 2 to 9, and neither ends in 11.
fn is_plan(digits: &[u8]) -> bool {
    let begins = |part: Option<&[u8]>| {
        part.is_some_and(|part| matches!(part.first(), Some(b'2'..=b'9')) && !part.ends_with(b"11"))
    };
    digits.len() == 10 && begins(digits.get(..3)) && begins(digits.get(3..6))
}

fn is_constant(digits: &[u8]) -> bool {
    digits.iter().all(|digit| Some(digit) == digits.first())
}
