//! Text to tokens of SQL, as lenient as the databases are together.
//!
//! Reads MySQL, PostgreSQL, Oracle and SQL Server at once. Invariants: every token takes at least one byte; any bytes
//! are tokens. Where C's `strchr` made a NUL part of every set of characters, it is part of it here.

use memchr::{memchr, memmem};

use super::token::{Kind, LONGEST, Token};
use super::words;

/// What the value is imagined to stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    None,
    Single,
    Double,
}

impl Quote {
    const fn mark(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Single => Some(b'\''),
            Self::Double => Some(b'"'),
        }
    }
}

/// How comments are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Ansi,
    Mysql,
}

/// A reader of tokens.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    quote: Quote,
    dialect: Dialect,
    /// How many tokens were read.
    pub(super) read: usize,
    /// Whether `#`, or `--` with no white space behind, was met.
    pub(super) met_ambiguous_comment: bool,
}

/// A token and where the next begins.
type Read = (Token, usize);

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a [u8], quote: Quote, dialect: Dialect) -> Self {
        Self { text, at: 0, quote, dialect, read: 0, met_ambiguous_comment: false }
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Option<Token> {
        let (token, after) = match self.quote.mark() {
            Some(mark) if self.at == 0 && !self.text.is_empty() => self.quoted(0, mark, 0),
            _ => {
                let skipped = self.rest(self.at).iter().position(|byte| !is_skipped(*byte))?;
                self.token(self.at + skipped)
            }
        };
        self.at = after;
        self.read += 1;
        Some(token)
    }

    fn token(&mut self, at: usize) -> Read {
        match self.byte(at).unwrap_or_default() {
            mark @ (b'\'' | b'"') => self.quoted(at + 1, mark, mark),
            b'!' | b'&' | b'*' | b':' | b'<' | b'=' | b'>' | b'|' => self.double_operator(at),
            b'%' | b'+' | b'^' | b'~' => self.single(Kind::Operator, at),
            mark @ (b'(' | b')' | b',' | b';' | b'{' | b'}' | b'?' | b']') => {
                self.single(Kind::of_mark(mark), at)
            }
            b'#' => self.hash(at),
            b'$' => self.money(at),
            b'-' => self.dash(at),
            b'.' | b'0'..=b'9' => self.number(at),
            b'/' => self.slash(at),
            b'@' => self.variable(at),
            b'[' => self.bracketed(at),
            b'\\' => self.backslash(at),
            b'`' => self.ticked(at),
            b'B' | b'b' => self.literal(at, |byte| matches!(byte, b'0' | b'1')),
            b'X' | b'x' => self.literal(at, |byte| byte.is_ascii_hexdigit()),
            b'E' | b'e' => self.escape_string(at),
            b'N' | b'n' if self.is_before_quote(at) => self.escape_string(at),
            b'N' | b'n' => self.oracle_string(at, at + 1),
            b'Q' | b'q' => self.oracle_string(at, at),
            b'U' | b'u' => self.unicode_string(at),
            _ => self.word(at),
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.text.get(at..).unwrap_or_default()
    }

    fn part(&self, from: usize, to: usize) -> &'a [u8] {
        self.text.get(from..to).unwrap_or_default()
    }

    /// How many bytes from `at` on are of a kind.
    fn span(&self, at: usize, is: impl Fn(u8) -> bool) -> usize {
        self.rest(at).iter().take_while(|byte| is(**byte)).count()
    }

    fn single(&self, kind: Kind, at: usize) -> Read {
        (Token::new(kind, self.part(at, at + 1)), at + 1)
    }

    fn to(&self, kind: Kind, at: usize, end: usize) -> Read {
        (Token::new(kind, self.part(at, end)), end)
    }

    /// A string whose content begins at `from`. Backslashes and doubling escape its end.
    fn quoted(&self, from: usize, mark: u8, opened: u8) -> Read {
        let mut search = from;
        while let Some(found) = memchr(mark, self.rest(search)) {
            let end = search + found;
            let slashes = self.part(from, end).iter().rev().take_while(|byte| **byte == b'\\').count();
            if slashes % 2 == 1 {
                search = end + 1;
            } else if self.byte(end + 1) == Some(mark) {
                search = end + 2;
            } else {
                return string(self.part(from, end), opened, mark, end + 1);
            }
        }
        string(self.rest(from), opened, 0, self.text.len())
    }

    fn double_operator(&self, at: usize) -> Read {
        if self.rest(at).starts_with(b"<=>") {
            return self.to(Kind::Operator, at, at + 3);
        }
        match self.text.get(at..at + 2).and_then(words::kind) {
            Some(kind) => self.to(kind, at, at + 2),
            None if self.byte(at) == Some(b':') && at + 1 < self.text.len() => self.single(Kind::Colon, at),
            None => self.single(Kind::Operator, at),
        }
    }

    fn comment_to_line_end(&self, at: usize) -> Read {
        match memchr(b'\n', self.rest(at)) {
            Some(len) => (Token::new(Kind::Comment, self.part(at, at + len)), at + len + 1),
            None => self.to(Kind::Comment, at, self.text.len()),
        }
    }

    fn hash(&mut self, at: usize) -> Read {
        self.met_ambiguous_comment = true;
        match self.dialect {
            Dialect::Mysql => self.comment_to_line_end(at),
            Dialect::Ansi => self.single(Kind::Operator, at),
        }
    }

    /// `--`: a comment for everyone with white space or nothing behind, and else for all but MySQL.
    fn dash(&mut self, at: usize) -> Read {
        if self.byte(at + 1) != Some(b'-') {
            return self.single(Kind::Operator, at);
        }
        if self.byte(at + 2).is_none_or(is_white) {
            return self.comment_to_line_end(at);
        }
        match self.dialect {
            Dialect::Ansi => {
                self.met_ambiguous_comment = true;
                self.comment_to_line_end(at)
            }
            Dialect::Mysql => self.single(Kind::Operator, at),
        }
    }

    /// A C comment. One inside another, or with MySQL's condition, is evil: nobody agrees on where it ends.
    fn slash(&self, at: usize) -> Read {
        if self.byte(at + 1) != Some(b'*') {
            return self.single(Kind::Operator, at);
        }
        let inside = self.rest(at + 2);
        let end = memmem::find(inside, b"*/");
        let nested =
            end.is_some_and(|end| memmem::find(inside.get(..=end).unwrap_or_default(), b"/*").is_some());
        let kind = if nested || inside.first() == Some(&b'!') { Kind::Evil } else { Kind::Comment };
        self.to(kind, at, end.map_or(self.text.len(), |end| at + end + 4))
    }

    /// `\N` is MySQL's NULL.
    fn backslash(&self, at: usize) -> Read {
        match self.byte(at + 1) {
            Some(b'N') => self.to(Kind::Number, at, at + 2),
            _ => self.single(Kind::Backslash, at),
        }
    }

    /// Whether a quote and at least one more byte follow.
    fn is_before_quote(&self, at: usize) -> bool {
        self.byte(at + 1) == Some(b'\'') && self.byte(at + 2).is_some()
    }

    /// `e'…'` and `n'…'`.
    fn escape_string(&self, at: usize) -> Read {
        if self.is_before_quote(at) { self.quoted(at + 2, b'\'', b'\'') } else { self.word(at) }
    }

    /// `u&'…'`.
    fn unicode_string(&self, at: usize) -> Read {
        if !self.rest(at + 1).starts_with(b"&'") {
            return self.word(at);
        }
        let (token, after) = self.quoted(at + 3, b'\'', b'u');
        (Token { closed: if token.closed == b'\'' { b'u' } else { 0 }, ..token }, after)
    }

    /// Oracle's `q'[…]'`; `at` is where the word begins if it is none.
    fn oracle_string(&self, at: usize, from: usize) -> Read {
        let mark = match self.rest(from) {
            [b'q' | b'Q', b'\'', mark @ 33..=127, ..] => *mark,
            _ => return self.word(at),
        };
        let close = match mark {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            other => other,
        };
        match memmem::find(self.rest(from + 3), &[close, b'\'']) {
            Some(len) => string(self.part(from + 3, from + 3 + len), b'q', b'q', from + 3 + len + 2),
            None => string(self.rest(from + 3), b'q', 0, self.text.len()),
        }
    }

    /// `b'01'` and `x'af'`.
    fn literal(&self, at: usize, is_digit: impl Fn(u8) -> bool) -> Read {
        if !self.is_before_quote(at) {
            return self.word(at);
        }
        let end = at + 2 + self.span(at + 2, |byte| byte == 0 || is_digit(byte));
        if self.byte(end) == Some(b'\'') { self.to(Kind::Number, at, end + 1) } else { self.word(at) }
    }

    /// SQL Server's `[name]`.
    fn bracketed(&self, at: usize) -> Read {
        let end = memchr(b']', self.rest(at)).map_or(self.text.len(), |len| at + len + 1);
        self.to(Kind::Bareword, at, end)
    }

    fn word(&self, at: usize) -> Read {
        let len = self.span(at, |byte| !ends_word(byte));
        let text = self.part(at, at + len);
        let seen = text.get(..len.min(LONGEST)).unwrap_or_default();
        for (index, _) in seen.iter().enumerate().filter(|(_, byte)| matches!(byte, b'.' | b'`')) {
            let kind = seen.get(..index).and_then(words::kind);
            if let Some(kind) = kind.filter(|kind| *kind != Kind::Bareword) {
                return self.to(kind, at, at + index);
            }
        }
        self.to(words::kind(text).unwrap_or(Kind::Bareword), at, at + len)
    }

    /// MySQL's `` `name` ``, which may be a function's.
    fn ticked(&self, at: usize) -> Read {
        let (token, after) = self.quoted(at + 1, b'`', b'`');
        let kind = words::kind(token.text()).filter(|kind| *kind == Kind::Function);
        (Token { kind: kind.unwrap_or(Kind::Bareword), ..token }, after)
    }

    /// `@name`, `@@name`, and either with the name in quotes.
    fn variable(&self, at: usize) -> Read {
        let name = if self.byte(at + 1) == Some(b'@') { at + 2 } else { at + 1 };
        let (token, after) = match self.byte(name) {
            Some(b'`') => self.ticked(name),
            Some(mark @ (b'\'' | b'"')) => self.quoted(name + 1, mark, mark),
            _ => self.to(Kind::Variable, name, name + self.span(name, |byte| !ends_variable(byte))),
        };
        (Token { kind: Kind::Variable, ..token }, after)
    }

    /// `$1,000.00`, PostgreSQL's `$$…$$` and `$name$…$name$`.
    fn money(&self, at: usize) -> Read {
        let digits = self.span(at + 1, |byte| matches!(byte, 0 | b'0'..=b'9' | b'.' | b','));
        if digits == 1 && self.byte(at + 1) == Some(b'.') {
            return self.word(at);
        }
        if digits > 0 {
            return self.to(Kind::Number, at, at + 1 + digits);
        }
        let letters = self.span(at + 1, |byte| byte == 0 || byte.is_ascii_alphabetic());
        if self.byte(at + 1 + letters) != Some(b'$') {
            return self.single(Kind::Bareword, at);
        }
        let begin = at + letters + 2;
        match memmem::find(self.rest(begin), self.part(at, begin)) {
            Some(len) => string(self.part(begin, begin + len), b'$', b'$', begin + len + letters + 2),
            None => string(self.rest(begin), b'$', 0, self.text.len()),
        }
    }

    fn number(&self, at: usize) -> Read {
        if let Some(read) = self.prefixed_number(at) {
            return read;
        }
        let mut end = at + self.digits(at);
        if self.byte(end) == Some(b'.') {
            end += 1 + self.digits(end + 1);
            if end - at == 1 {
                return self.single(Kind::Dot, at);
            }
        }
        let mut kind = Kind::Number;
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            let exponent = self.digits(end);
            end += exponent;
            kind = if exponent == 0 { Kind::Bareword } else { Kind::Number };
        }
        self.to(kind, at, end + self.suffix(end))
    }

    fn digits(&self, at: usize) -> usize {
        self.span(at, |byte| byte.is_ascii_digit())
    }

    /// `0x…` and `0b…`.
    fn prefixed_number(&self, at: usize) -> Option<Read> {
        let digits = match self.rest(at) {
            [b'0', b'x' | b'X', ..] => self.span(at + 2, |byte| byte == 0 || byte.is_ascii_hexdigit()),
            [b'0', b'b' | b'B', ..] => self.span(at + 2, |byte| matches!(byte, 0 | b'0' | b'1')),
            _ => return None,
        };
        let kind = if digits == 0 { Kind::Bareword } else { Kind::Number };
        Some(self.to(kind, at, at + 2 + digits))
    }

    /// Oracle's `f` and `d` after a number, where the number surely ends; `1fUNION` too.
    fn suffix(&self, at: usize) -> usize {
        let is_suffix = matches!(self.byte(at), Some(b'd' | b'D' | b'f' | b'F'));
        let ends = self.byte(at + 1).is_none_or(|byte| is_white(byte) || matches!(byte, b';' | b'u' | b'U'));
        usize::from(is_suffix && ends)
    }
}

fn string(text: &[u8], opened: u8, closed: u8, after: usize) -> Read {
    (Token { opened, closed, ..Token::new(Kind::String, text) }, after)
}

/// What stands between tokens.
const fn is_skipped(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 0x7f | 0xa0)
}

/// What counts as white space after `--` and after numbers.
const fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0)
}

/// Marks that end words as well as variables.
const fn is_mark(byte: u8) -> bool {
    matches!(
        byte,
        b'<' | b'>'
            | b':'
            | b'\\'
            | b'?'
            | b'='
            | b'@'
            | b'!'
            | b'#'
            | b'~'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'&'
            | b'|'
            | b'^'
            | b'%'
            | b'('
            | b')'
            | b','
            | b'\''
            | b';'
            | b'"'
    )
}

const fn ends_word(byte: u8) -> bool {
    is_mark(byte) || is_white(byte) || matches!(byte, b'[' | b']' | b'{' | b'}')
}

const fn ends_variable(byte: u8) -> bool {
    is_mark(byte) || (is_white(byte) && byte != 0xa0) || byte == b'`'
}
