//! Tokens of SQL: a kind, at most 31 bytes of text, and the quotes it stood in.

/// How much of a token's text counts.
pub(super) const LONGEST: usize = 31;

/// What a token is; the letter is how fingerprints write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Keyword = b'k',
    Union = b'U',
    Group = b'B',
    Expression = b'E',
    SqlType = b't',
    Function = b'f',
    Bareword = b'n',
    Number = b'1',
    Variable = b'v',
    String = b's',
    Operator = b'o',
    Logic = b'&',
    Comment = b'c',
    Collate = b'A',
    LeftParenthesis = b'(',
    RightParenthesis = b')',
    LeftBrace = b'{',
    RightBrace = b'}',
    Dot = b'.',
    Comma = b',',
    Colon = b':',
    Semicolon = b';',
    Tsql = b'T',
    Unknown = b'?',
    Evil = b'X',
    Fingerprint = b'F',
    Backslash = b'\\',
}

impl Kind {
    /// The kind that the list of words names by this letter.
    pub(super) const fn of_word(letter: u8) -> Option<Self> {
        Some(match letter {
            b'k' => Self::Keyword,
            b'U' => Self::Union,
            b'B' => Self::Group,
            b'E' => Self::Expression,
            b't' => Self::SqlType,
            b'f' => Self::Function,
            b'n' => Self::Bareword,
            b'1' => Self::Number,
            b'v' => Self::Variable,
            b'o' => Self::Operator,
            b'&' => Self::Logic,
            b'A' => Self::Collate,
            b'T' => Self::Tsql,
            b'F' => Self::Fingerprint,
            _ => return None,
        })
    }

    /// The kind of a character that is a token of its own.
    pub(super) const fn of_mark(mark: u8) -> Self {
        match mark {
            b'(' => Self::LeftParenthesis,
            b')' => Self::RightParenthesis,
            b'{' => Self::LeftBrace,
            b'}' => Self::RightBrace,
            b',' => Self::Comma,
            b';' => Self::Semicolon,
            _ => Self::Unknown,
        }
    }
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) bytes: [u8; LONGEST],
    pub(super) len: u8,
    /// The quote it began with; 0 if none did, or only one that was imagined.
    pub(super) opened: u8,
    /// The quote it ended with; 0 if none did.
    pub(super) closed: u8,
}

impl Token {
    /// A token of which the first 31 bytes are kept.
    pub(super) fn new(kind: Kind, text: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        let len = text.len().min(LONGEST);
        for (held, byte) in bytes.iter_mut().zip(text) {
            *held = *byte;
        }
        Self { kind, bytes, len: len as u8, opened: 0, closed: 0 }
    }

    /// Its text.
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether its text is `word`, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.text().eq_ignore_ascii_case(word.as_bytes())
    }

    /// `+`, `-`, `!`, `~`, `!!` and `NOT`.
    pub(super) fn is_unary(&self) -> bool {
        let is_sign = matches!(self.text(), [b'+' | b'-' | b'!' | b'~'] | b"!!");
        self.kind == Kind::Operator && (is_sign || self.is("NOT"))
    }

    /// `*`, `/`, `-`, `+` and `%`.
    pub(super) fn is_arithmetic(&self) -> bool {
        self.kind == Kind::Operator && matches!(self.text(), [b'*' | b'/' | b'-' | b'+' | b'%'])
    }
}
