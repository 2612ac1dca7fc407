//! JSON (RFC 8259), strictly, without recursion, with the place of every value.
//!
//! Written here because masking and duplicate names need byte spans and every name, which value-building parsers
//! drop. What it accepts is what `serde_json` accepts; a property holds it to that.

use crate::body::builder::{Builder, Spent};
use crate::body::tree::{Kind, Text};
use crate::defect::Defect;
use crate::grammar::{byte_table, hex_digit, lookup};

/// Reads a JSON document into the builder.
pub(super) fn parse(builder: &mut Builder) {
    if builder.sent().starts_with(b"\xef\xbb\xbf") {
        builder.note(Defect::BodyEncoding);
    }
    if let Err(bad) = std::str::from_utf8(&builder.sent()) {
        builder.cut_to(bad.valid_up_to(), Defect::BodyEncoding);
    }
    let sent = builder.sent();
    let at = if sent.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    builder.expect_values(sent.len() / BYTES_A_VALUE);
    let mut parser = Parser { bytes: &sent, at, builder, name: Text::None, inside: None };
    if let Err(Stop::Syntax(defect)) = parser.document() {
        let at = parser.at;
        builder.note_syntax(defect, at);
    }
}

/// What no string holds as it is: control characters, and the two that mean something.
const ENDS_PLAIN: [bool; 256] = byte_table!(0..0x20 | b'"' | b'\\');

/// Bytes of a string that are looked at one by one.
const SHORT: usize = 32;
/// Bytes behind them that are looked at together.
const BLOCK: usize = 64;

/// How many bytes the blocks have that come before the first one with the end of something plain in it.
fn plain_blocks(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    // Numbers instead of conditions, so that it becomes a few operations on vectors.
    let is_end = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    let is_plain = |block: &&[u8; BLOCK]| block.iter().fold(0, |ends, byte| ends | is_end(*byte)) == 0;
    blocks.iter().take_while(is_plain).count() * BLOCK
}

/// Why parsing ends before the document does.
enum Stop {
    Syntax(Defect),
    /// The builder has noted why.
    Spent,
}

impl From<Spent> for Stop {
    fn from(Spent: Spent) -> Self {
        Self::Spent
    }
}

/// About as many bytes make one value in bodies of APIs.
const BYTES_A_VALUE: usize = 12;

const BROKEN: Stop = Stop::Syntax(Defect::BodySyntax);

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of the array just opened.
    ValueOrEnd,
    Name,
    /// A name, or the end of the object just opened.
    NameOrEnd,
    CommaOrEnd,
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    builder: &'a mut Builder,
    /// The name of the member whose value comes next.
    name: Text,
    /// What is being read: an array, an object, or the document itself.
    inside: Option<Kind>,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Stop> {
        let mut next = Next::Value;
        loop {
            let byte = self.skip_space();
            next = match (next, byte) {
                (Next::CommaOrEnd, _) if self.inside.is_none() => {
                    return if byte.is_none() { Ok(()) } else { Err(Stop::Syntax(Defect::BodyTrailing)) };
                }
                (Next::ValueOrEnd, Some(b']')) | (Next::NameOrEnd, Some(b'}')) => self.end(),
                (Next::Value | Next::ValueOrEnd, Some(byte)) => self.value(byte)?,
                (Next::Name | Next::NameOrEnd, Some(b'"')) => self.member_name()?,
                (Next::CommaOrEnd, Some(byte)) => self.comma_or_end(byte)?,
                _ => return Err(BROKEN),
            };
        }
    }

    fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn value(&mut self, byte: u8) -> Result<Next, Stop> {
        let name = std::mem::replace(&mut self.name, Text::None);
        let start = self.at;
        match byte {
            b'{' | b'[' => {
                let (kind, next) = if byte == b'{' {
                    (Kind::Object, Next::NameOrEnd)
                } else {
                    (Kind::Array, Next::ValueOrEnd)
                };
                self.builder.open(kind, start, name)?;
                self.inside = Some(kind);
                self.at += 1;
                return Ok(next);
            }
            b'"' => {
                let text = self.string()?;
                self.builder.leaf(Kind::String, (start, self.at), name, text)?;
            }
            b'-' | b'0'..=b'9' => {
                let kind = self.number()?;
                let text = Text::Sent(start as u32, self.at as u32);
                self.builder.leaf(kind, (start, self.at), name, text)?;
            }
            _ => {
                let (word, kind) = match byte {
                    b't' => (&b"true"[..], Kind::Bool(true)),
                    b'f' => (&b"false"[..], Kind::Bool(false)),
                    _ => (&b"null"[..], Kind::Null),
                };
                if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
                    return Err(self.stop_in_word(word));
                }
                self.at += word.len();
                self.builder.leaf(kind, (start, self.at), name, Text::Sent(start as u32, self.at as u32))?;
            }
        }
        Ok(Next::CommaOrEnd)
    }

    /// A word that is cut short ends where the bytes end.
    fn stop_in_word(&mut self, word: &[u8]) -> Stop {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if word.starts_with(rest) {
            self.at = self.bytes.len();
        }
        BROKEN
    }

    fn member_name(&mut self) -> Result<Next, Stop> {
        self.name = self.string()?;
        if self.skip_space() != Some(b':') {
            return Err(BROKEN);
        }
        self.at += 1;
        Ok(Next::Value)
    }

    fn comma_or_end(&mut self, byte: u8) -> Result<Next, Stop> {
        let object = self.inside == Some(Kind::Object);
        match (byte, object) {
            (b',', _) => {
                self.at += 1;
                Ok(if object { Next::Name } else { Next::Value })
            }
            (b'}', true) | (b']', false) => Ok(self.end()),
            _ => Err(BROKEN),
        }
    }

    fn end(&mut self) -> Next {
        self.at += 1;
        if self.inside == Some(Kind::Object) {
            self.builder.check_names();
        }
        self.builder.close(self.at);
        self.inside = self.builder.innermost();
        Next::CommaOrEnd
    }

    /// `-? ( 0 | [1-9][0-9]* ) ( . [0-9]+ )? ( [eE] [+-]? [0-9]+ )?`
    fn number(&mut self) -> Result<Kind, Stop> {
        self.skip_if(|byte| byte == b'-');
        if !self.skip_if(|byte| byte == b'0') {
            self.digits()?;
        }
        let mut kind = Kind::Integer;
        if self.skip_if(|byte| byte == b'.') {
            kind = Kind::Number;
            self.digits()?;
        }
        if self.skip_if(|byte| matches!(byte, b'e' | b'E')) {
            kind = Kind::Number;
            self.skip_if(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Ok(kind)
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(BROKEN) } else { Ok(()) }
    }

    fn skip_if(&mut self, wanted: impl Fn(u8) -> bool) -> bool {
        let found = self.bytes.get(self.at).is_some_and(|byte| wanted(*byte));
        self.at += usize::from(found);
        found
    }

    /// A string, from its opening quote to behind its closing one.
    fn string(&mut self) -> Result<Text, Stop> {
        self.at += 1;
        let start = self.at;
        self.skip_plain()?;
        if self.skip_if(|byte| byte == b'"') {
            return Ok(Text::Sent(start as u32, self.at as u32 - 1));
        }
        let undone = self.builder.undone();
        let mut run = start;
        loop {
            self.builder.undo(self.bytes.get(run..self.at).unwrap_or_default());
            if self.skip_if(|byte| byte == b'"') {
                return Ok(Text::Undone(undone as u32, self.builder.undone() as u32));
            }
            self.at += 1;
            let letter = self.escape()?;
            self.builder.undo(letter.encode_utf8(&mut [0; 4]).as_bytes());
            run = self.at;
            self.skip_plain()?;
        }
    }

    /// Moves to the next quote or backslash. Most strings are too short for anything but one byte after the other; of
    /// long ones whole blocks are looked at, which is done in vectors.
    fn skip_plain(&mut self) -> Result<(), Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (beginning, long) = rest.split_at_checked(SHORT).unwrap_or((rest, &[]));
        let ends = |byte: &u8| lookup(&ENDS_PLAIN, *byte);
        let found = beginning.iter().position(ends).or_else(|| {
            let plain = plain_blocks(long);
            let after = long.get(plain..).unwrap_or_default().iter().position(ends)?;
            Some(beginning.len() + plain + after)
        });
        let Some(length) = found else {
            self.at = self.bytes.len();
            return Err(BROKEN);
        };
        self.at += length;
        if rest.get(length).is_some_and(|byte| *byte < 0x20) { Err(BROKEN) } else { Ok(()) }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let byte = self.bytes.get(self.at).copied().ok_or(BROKEN)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(BROKEN),
        })
    }

    /// Behind `\u`: four digits, and a second escape where the first is half of a pair.
    fn unicode_escape(&mut self) -> Result<char, Stop> {
        let first = self.four_digits()?;
        if let Some(letter) = char::from_u32(first) {
            return Ok(letter);
        }
        let after = self.at;
        if (0xd800..0xdc00).contains(&first)
            && self.skip_if(|byte| byte == b'\\')
            && self.skip_if(|byte| byte == b'u')
        {
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        // Half a pair is no character; readers differ on what becomes of it.
        self.at = after;
        self.builder.note(Defect::BodyEncoding);
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_digits(&mut self) -> Result<u32, Stop> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.bytes.get(self.at).copied().and_then(hex_digit).ok_or(BROKEN)?;
            number = number << 4 | u32::from(digit);
            self.at += 1;
        }
        Ok(number)
    }
}
