//! What transformations can bring into a value that it did not have.
//!
//! Most only take bytes away: what a rule needs and the value lacks is then missing afterwards too. Invariant, held by a
//! property test: a result is no longer than the value and has, but for the case of letters, no byte that is neither in
//! the value nor in the set.

use super::Transformation;
use crate::scan::bytes::ByteSet;

const NOTHING: ByteSet = ByteSet::new();
const SPACE: ByteSet = ByteSet::of(b" ");
const SPACE_OR_NUL: ByteSet = ByteSet::of(b" \0");
const SLASH: ByteSet = ByteSet::of(b"/");
const UNDERSCORE: ByteSet = ByteSet::of(b"_");

impl Transformation {
    /// The bytes that a result can have beside those of the value; `None` if it can be anything, or longer.
    pub const fn makes(self) -> Option<&'static ByteSet> {
        Some(match self {
            Self::Lowercase
            | Self::NormalizePath
            | Self::RemoveCommentsChar
            | Self::RemoveNulls
            | Self::RemoveWhitespace
            | Self::Trim
            | Self::TrimLeft
            | Self::TrimRight
            | Self::Uppercase => &NOTHING,
            Self::CmdLine | Self::CompressWhitespace | Self::ReplaceNulls => &SPACE,
            Self::RemoveComments | Self::ReplaceComments => &SPACE_OR_NUL,
            Self::NormalizePathWin => &SLASH,
            Self::PhpArgsNames => &UNDERSCORE,
            _ => return None,
        })
    }

    /// The same for one text: of escapes it tells whether the text has any that stands for something else.
    pub fn makes_of(self, text: &[u8]) -> Option<ByteSet> {
        let begins = |mark: u8, goes_on: fn(u8) -> bool| {
            let pairs = text.windows(2).filter_map(<[u8]>::first_chunk);
            pairs.into_iter().any(|[first, second]| *first == mark && goes_on(*second))
        };
        match self {
            Self::UrlDecode | Self::UrlDecodeUni => {
                let escapes = begins(b'%', |byte| byte.is_ascii_hexdigit() || matches!(byte, b'u' | b'U'));
                (!escapes).then_some(SPACE)
            }
            Self::JsDecode => (!begins(b'\\', |byte| byte.is_ascii_alphanumeric())).then_some(NOTHING),
            _ => self.makes().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transform::Changed;

    proptest! {
        #[test]
        fn nothing_else_is_made(value in r"([ \t\n/.*<!#0xXaAu+%'^;,(\\\x00\[\]>-]|\PC){0,10}") {
            let value = value.as_bytes();
            for &transformation in Transformation::ALL {
                let Some(made) = transformation.makes_of(value) else { continue };
                let mut out = Vec::new();
                if transformation.apply(value, &mut out) == Changed::Unchanged {
                    continue;
                }
                prop_assert!(out.len() <= value.len(), "{}", transformation.name());
                let known = |byte: &u8| {
                    made.contains(*byte) || value.iter().any(|other| other.eq_ignore_ascii_case(byte))
                };
                prop_assert!(out.iter().all(known), "{}: {out:?}", transformation.name());
            }
        }
    }
}
