//! Transformations: what a value is turned into before an operator sees it, exactly as ModSecurity 3 has them.
//!
//! A transformation that changes nothing copies nothing: it says [`Changed::Unchanged`] and the caller goes on with what
//! it has. Invariants: linear in the input; output is at most six times as long as the input (and 20 bytes more, for
//! digests and lengths). Does not know rules, chains of transformations or caches.

mod base64;
mod command;
mod comment;
mod css;
mod digest;
mod escape;
mod hex;
mod html;
mod makes;
mod neighbours;
mod path;
mod percent;
mod php;
mod rewrite;
mod space;
mod triggers;

pub use neighbours::{Neighbours, Pair};

/// Whether a transformation made something else of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The input is its own result; nothing was written.
    Unchanged,
    /// The result was written, and differs from the input.
    Changed,
}

macro_rules! transformations {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// One transformation of ModSecurity 3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Transformation {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Transformation {
            /// Every transformation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name as CRS writes it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

transformations! {
    /// Base64, stopping at what is none.
    Base64Decode = "base64Decode";
    /// Base64, skipping what is none.
    Base64DecodeExt = "base64DecodeExt";
    /// To Base64.
    Base64Encode = "base64Encode";
    /// Tricks of command lines undone.
    CmdLine = "cmdLine";
    /// Runs of white space to one space.
    CompressWhitespace = "compressWhitespace";
    /// CSS escapes.
    CssDecode = "cssDecode";
    /// ANSI C escapes.
    EscapeSeqDecode = "escapeSeqDecode";
    /// Hexadecimal to bytes.
    HexDecode = "hexDecode";
    /// Bytes to hexadecimal.
    HexEncode = "hexEncode";
    /// HTML entities.
    HtmlEntityDecode = "htmlEntityDecode";
    /// JavaScript escapes.
    JsDecode = "jsDecode";
    /// The length as a decimal number.
    Length = "length";
    /// ASCII to lower case.
    Lowercase = "lowercase";
    /// The MD5 digest, raw.
    Md5 = "md5";
    /// Slashes, `.` and `..` resolved.
    NormalizePath = "normalizePath";
    /// The same after turning backslashes.
    NormalizePathWin = "normalizePathWin";
    /// Even parity in bit 8.
    ParityEven7bit = "parityEven7bit";
    /// Odd parity in bit 8.
    ParityOdd7bit = "parityOdd7bit";
    /// Bit 8 cleared.
    ParityZero7bit = "parityZero7bit";
    /// Names of fields as PHP would have them.
    PhpArgsNames = "phpArgsNames";
    /// Comments of SQL, C and HTML removed.
    RemoveComments = "removeComments";
    /// The characters of comments removed.
    RemoveCommentsChar = "removeCommentsChar";
    /// NUL bytes removed.
    RemoveNulls = "removeNulls";
    /// White space removed.
    RemoveWhitespace = "removeWhitespace";
    /// C comments to one space.
    ReplaceComments = "replaceComments";
    /// NUL bytes to spaces.
    ReplaceNulls = "replaceNulls";
    /// The SHA-1 digest, raw.
    Sha1 = "sha1";
    /// SQL's `0x…` literals.
    SqlHexDecode = "sqlHexDecode";
    /// White space off both ends.
    Trim = "trim";
    /// White space off the beginning.
    TrimLeft = "trimLeft";
    /// White space off the end.
    TrimRight = "trimRight";
    /// ASCII to upper case.
    Uppercase = "uppercase";
    /// Percent-encoding and plus signs.
    UrlDecode = "urlDecode";
    /// The same with `%uHHHH`.
    UrlDecodeUni = "urlDecodeUni";
    /// To percent-encoding.
    UrlEncode = "urlEncode";
    /// UTF-8 to `%uHHHH`.
    Utf8ToUnicode = "utf8toUnicode";
}

impl Transformation {
    /// The transformation of that name, in any case. `none` is an instruction of the language and none of these.
    pub fn parse(name: &str) -> Option<Self> {
        let other = match name.to_ascii_lowercase().as_str() {
            "normalisepath" => Some(Self::NormalizePath),
            "normalisepathwin" => Some(Self::NormalizePathWin),
            "cmd_line" => Some(Self::CmdLine),
            _ => None,
        };
        other.or_else(|| Self::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(name)))
    }

    /// Transforms `input`. On [`Changed::Changed`] the result is what `out` holds (it is cleared first); otherwise
    /// what `out` holds means nothing and the result is `input`.
    pub fn apply(self, input: &[u8], out: &mut Vec<u8>) -> Changed {
        out.clear();
        match self {
            Self::Base64Decode => base64::decode(input, out),
            Self::Base64DecodeExt => base64::decode_skipping(input, out),
            Self::Base64Encode => base64::encode(input, out),
            Self::CmdLine => command::simplify(input, out),
            Self::CompressWhitespace => space::compress(input, out),
            Self::CssDecode => css::decode(input, out),
            Self::EscapeSeqDecode => escape::decode_c(input, out),
            Self::HexDecode => hex::decode(input, out),
            Self::HexEncode => hex::encode(input, out),
            Self::HtmlEntityDecode => html::decode(input, out),
            Self::JsDecode => escape::decode_js(input, out),
            Self::Length => digest::length(input, out),
            Self::Lowercase => space::lower(input, out),
            Self::Md5 => digest::md5(input, out),
            Self::NormalizePath => path::normalize(input, out),
            Self::NormalizePathWin => path::normalize_windows(input, out),
            Self::ParityEven7bit => digest::parity(input, out, digest::Parity::Even),
            Self::ParityOdd7bit => digest::parity(input, out, digest::Parity::Odd),
            Self::ParityZero7bit => digest::parity(input, out, digest::Parity::Zero),
            Self::PhpArgsNames => php::name(input, out),
            Self::RemoveComments => comment::remove(input, out),
            Self::RemoveCommentsChar => comment::remove_marks(input, out),
            Self::RemoveNulls => space::remove_nulls(input, out),
            Self::RemoveWhitespace => space::remove(input, out),
            Self::ReplaceComments => comment::replace(input, out),
            Self::ReplaceNulls => space::replace_nulls(input, out),
            Self::Sha1 => digest::sha1(input, out),
            Self::SqlHexDecode => hex::decode_sql(input, out),
            Self::Trim => space::trim(input, out),
            Self::TrimLeft => space::trim_left(input, out),
            Self::TrimRight => space::trim_right(input, out),
            Self::Uppercase => space::upper(input, out),
            Self::UrlDecode => percent::decode(input, out),
            Self::UrlDecodeUni => percent::decode_unicode(input, out),
            Self::UrlEncode => percent::encode(input, out),
            Self::Utf8ToUnicode => percent::escape_utf8(input, out),
        }
    }
}
