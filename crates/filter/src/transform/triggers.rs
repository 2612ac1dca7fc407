//! Which bytes a value must have for a transformation to change it.
//!
//! Invariant, held by a property test: a value with none of them comes out unchanged.

use super::Transformation;
use crate::scan::bytes::ByteSet;

const SPACES: ByteSet = ByteSet::of(b" \t\n\x0b\x0c\r");
const NUL: ByteSet = ByteSet::of(b"\0");
const BACKSLASH: ByteSet = ByteSet::of(b"\\");
const CAPITALS: ByteSet = ByteSet::new().with(b'A'..=b'Z');
const SMALL: ByteSet = ByteSet::new().with(b'a'..=b'z');
const HIGH: ByteSet = ByteSet::new().with(0x80..=0xff);
const PERCENT: ByteSet = ByteSet::of(b"%+");
const AMPERSAND: ByteSet = ByteSet::of(b"&");
const SLASH: ByteSet = ByteSet::of(b"/");
const ZERO: ByteSet = ByteSet::of(b"0");
const PATH: ByteSet = ByteSet::of(b"/.");
const WINDOWS_PATH: ByteSet = ByteSet::of(b"/.\\");
const COMMAND_MARK: ByteSet = ByteSet::of(b"\"'\\^,; \t\r\n");
const COMMAND: ByteSet = CAPITALS.union(&COMMAND_MARK);
const NONE: ByteSet = ByteSet::new();
const WHITE: ByteSet = SPACES.union(&ByteSet::of(b"\xa0"));
const COMMENT: ByteSet = ByteSet::of(b"/<-#");
const COMMENT_MARK: ByteSet = ByteSet::of(b"/*<-#");
const PHP: ByteSet = ByteSet::of(b" .[");
const ENCODED_IN_FORMS: ByteSet =
    ByteSet::new().with(0..=b')').with(b'+'..=b'/').with(b':'..=b'@').with(b'['..=b'`').with(b'{'..=0xff);

impl Transformation {
    /// The bytes of which a value must have one for this to change anything; `None` if no set says so.
    pub const fn triggers(self) -> Option<&'static ByteSet> {
        Some(match self {
            Self::CmdLine => &COMMAND,
            Self::CompressWhitespace | Self::Trim | Self::TrimLeft | Self::TrimRight => &SPACES,
            Self::CssDecode | Self::EscapeSeqDecode | Self::JsDecode => &BACKSLASH,
            Self::HtmlEntityDecode => &AMPERSAND,
            Self::Lowercase => &CAPITALS,
            Self::NormalizePath => &PATH,
            Self::NormalizePathWin => &WINDOWS_PATH,
            Self::ParityZero7bit | Self::Utf8ToUnicode => &HIGH,
            Self::PhpArgsNames => &PHP,
            Self::RemoveComments => &COMMENT,
            Self::RemoveCommentsChar => &COMMENT_MARK,
            Self::RemoveNulls | Self::ReplaceNulls => &NUL,
            Self::RemoveWhitespace => &WHITE,
            Self::ReplaceComments => &SLASH,
            Self::SqlHexDecode => &ZERO,
            Self::Uppercase => &SMALL,
            Self::UrlDecode | Self::UrlDecodeUni => &PERCENT,
            Self::UrlEncode => &ENCODED_IN_FORMS,
            Self::Base64Decode
            | Self::Base64DecodeExt
            | Self::Base64Encode
            | Self::HexDecode
            | Self::HexEncode
            | Self::Length
            | Self::Md5
            | Self::ParityEven7bit
            | Self::ParityOdd7bit
            | Self::Sha1 => return None,
        })
    }

    /// The bytes of which a value must have one for this to change more than the case of ASCII letters; `None` if no
    /// set says so.
    pub const fn triggers_beyond_case(self) -> Option<&'static ByteSet> {
        match self {
            Self::Lowercase | Self::Uppercase => Some(&NONE),
            Self::CmdLine => Some(&COMMAND_MARK),
            _ => self.triggers(),
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
        fn without_a_trigger_nothing_changes(value in proptest::collection::vec(any::<u8>(), 0..24)) {
            for &transformation in Transformation::ALL {
                let Some(triggers) = transformation.triggers() else { continue };
                let value: Vec<u8> = value.iter().copied().filter(|byte| !triggers.contains(*byte)).collect();
                prop_assert_eq!(transformation.apply(&value, &mut Vec::new()), Changed::Unchanged);
            }
        }

        #[test]
        fn without_a_trigger_beyond_case_only_cases_change(value in proptest::collection::vec(any::<u8>(), 0..24)) {
            for &transformation in Transformation::ALL {
                let Some(triggers) = transformation.triggers_beyond_case() else { continue };
                let value: Vec<u8> = value.iter().copied().filter(|byte| !triggers.contains(*byte)).collect();
                let mut out = Vec::new();
                let changed = transformation.apply(&value, &mut out) == Changed::Changed;
                prop_assert!(!changed || out.eq_ignore_ascii_case(&value), "{}", transformation.name());
            }
        }

        #[test]
        fn what_is_said_to_have_changed_has(value in r"([ -~]|[/.%+\\&0-9a-fux;#*<! -]|\PC){0,24}") {
            for &transformation in Transformation::ALL {
                let mut out = Vec::new();
                let changed = transformation.apply(value.as_bytes(), &mut out) == Changed::Changed;
                prop_assert!(!changed || out != value.as_bytes(), "{}", transformation.name());
                prop_assert!(out.len() <= value.len() * 6 + 20);
            }
        }
    }
}
