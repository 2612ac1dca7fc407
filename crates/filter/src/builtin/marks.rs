//! What kinds of bytes a value holds, found in one pass: most values hold nothing any detector could start from.

/// A set of kinds of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u32);

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Marks { $($(#[$doc])* pub(super) const $name: Self = Self(1 << $bit);)* }
    };
}

marks! {
    /// Letters.
    LETTER = 0;
    /// Digits.
    DIGIT = 1;
    /// Space and tab.
    SPACE = 2;
    /// `'`
    SINGLE = 3;
    /// `"`
    DOUBLE = 4;
    /// `` ` ``
    BACKTICK = 5;
    /// `<`
    LESS = 6;
    /// `>`
    GREATER = 7;
    /// `(`
    OPEN = 8;
    /// `)`
    CLOSE = 9;
    /// `[`
    BRACKET = 10;
    /// `{`
    BRACE = 11;
    /// `;`
    SEMICOLON = 12;
    /// `|`
    PIPE = 13;
    /// `&`
    AMPERSAND = 14;
    /// `$`
    DOLLAR = 15;
    /// `%`
    PERCENT = 16;
    /// `\`
    BACKSLASH = 17;
    /// `/`
    SLASH = 18;
    /// `=`
    EQUAL = 19;
    /// `.`
    DOT = 20;
    /// `:`
    COLON = 21;
    /// `#`
    HASH = 22;
    /// `*`
    STAR = 23;
    /// `?`
    QUESTION = 24;
    /// `@`
    AT = 25;
    /// `+`
    PLUS = 26;
    /// `-`
    DASH = 27;
    /// Line feed, carriage return and tab.
    LINE = 28;
    /// Other control bytes.
    CONTROL = 29;
    /// Bytes outside ASCII.
    HIGH = 30;
}

impl Marks {
    /// The kinds in a value.
    pub(super) fn of(value: &[u8]) -> Self {
        let mut marks = 0;
        for byte in value {
            // The table has an entry for every byte.
            marks |= TABLE.get(usize::from(*byte)).copied().unwrap_or_default();
        }
        Self(marks)
    }

    /// Both sets together.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are present.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is present.
    pub(super) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler; the index is below 256")]
        {
            table[byte] = kind(byte as u8).0;
        }
        byte += 1;
    }
    table
}

const fn kind(byte: u8) -> Marks {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => Marks::LETTER,
        b'0'..=b'9' => Marks::DIGIT,
        b' ' => Marks::SPACE,
        // A tab tears words apart as line breaks do.
        b'\t' => Marks::SPACE.or(Marks::LINE),
        b'\'' => Marks::SINGLE,
        b'"' => Marks::DOUBLE,
        b'`' => Marks::BACKTICK,
        b'<' => Marks::LESS,
        b'>' => Marks::GREATER,
        b'(' => Marks::OPEN,
        b')' => Marks::CLOSE,
        b'[' => Marks::BRACKET,
        b'{' => Marks::BRACE,
        b';' => Marks::SEMICOLON,
        b'|' => Marks::PIPE,
        b'&' => Marks::AMPERSAND,
        b'$' => Marks::DOLLAR,
        b'%' => Marks::PERCENT,
        b'\\' => Marks::BACKSLASH,
        b'/' => Marks::SLASH,
        b'=' => Marks::EQUAL,
        b'.' => Marks::DOT,
        b':' => Marks::COLON,
        b'#' => Marks::HASH,
        b'*' => Marks::STAR,
        b'?' => Marks::QUESTION,
        b'@' => Marks::AT,
        b'+' => Marks::PLUS,
        b'-' => Marks::DASH,
        b'\r' | b'\n' => Marks::LINE,
        0..=8 | 11..=31 | 127 => Marks::CONTROL,
        128.. => Marks::HIGH,
        _ => Marks(0),
    }
}
