//! Text to the tokens of HTML 5, with what old browsers read differently.
//!
//! Invariants: a pass over the text, without recursion; every token's text is part of it. Keeps the steps of libinjection
//! also where HTML has others: NULs are skipped as white space, `%>` ends a comment, the byte `FF` between attributes
//! ends the text.

use memchr::{memchr, memmem};

/// What the text is imagined to stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// Text.
    Text,
    /// A tag, after its name.
    Tag,
    /// A value in these quotes.
    Value(u8),
}

impl Context {
    /// All of them, in the order they are tried.
    pub(super) const ALL: [Self; 5] =
        [Self::Text, Self::Tag, Self::Value(b'\''), Self::Value(b'"'), Self::Value(b'`')];
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    TagName,
    AttributeName,
    AttributeValue,
    Comment,
    Doctype,
    /// Text, and the ends of tags.
    Other,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum State {
    Data,
    TagOpen,
    EndTagOpen,
    TagName,
    TagEnd,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    AfterQuoted,
    SelfClosing,
    Declaration,
    Comment,
    BogusComment(&'static [u8]),
    Cdata,
    End,
}

/// What a state leads to.
enum Turn<'a> {
    /// A token, and the state after it.
    Token(Kind, &'a [u8], State),
    /// Another state.
    Go(State),
}

/// The tokens of a text.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    state: State,
    closing: bool,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(text: &'a [u8], context: Context) -> Self {
        let state = match context {
            Context::Text => State::Data,
            Context::Tag => State::BeforeName,
            Context::Value(mark) => State::Quoted(mark),
        };
        Self { text, at: 0, state, closing: false }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Goes on at `state` behind `len` bytes.
    fn skip(&mut self, len: usize, state: State) -> Turn<'a> {
        self.at += len;
        Turn::Go(state)
    }

    /// The next `len` bytes as a token, `after` more skipped.
    fn take(&mut self, kind: Kind, len: usize, after: usize, state: State) -> Turn<'a> {
        let text = self.rest().get(..len).unwrap_or_default();
        self.at += len + after;
        Turn::Token(kind, text, state)
    }

    fn take_rest(&mut self, kind: Kind) -> Turn<'a> {
        self.take(kind, self.rest().len(), 0, State::End)
    }

    /// Up to `mark`, or everything.
    fn take_until(&mut self, kind: Kind, mark: &[u8], state: State) -> Turn<'a> {
        match memmem::find(self.rest(), mark) {
            Some(len) => self.take(kind, len, mark.len(), state),
            None => self.take_rest(kind),
        }
    }

    fn skip_white(&mut self) -> Option<u8> {
        let white = self.rest().iter().take_while(|byte| is_white(**byte)).count();
        self.at += white;
        self.byte().filter(|byte| *byte != 0xff)
    }

    fn turn(&mut self, state: State) -> Turn<'a> {
        match state {
            State::Data => self.data(),
            State::TagOpen => self.tag_open(),
            State::EndTagOpen => self.end_tag_open(),
            State::TagName => self.tag_name(),
            State::TagEnd => self.tag_end(),
            State::BeforeName => self.before_name(),
            State::Name => self.name(),
            State::AfterName => self.after_name(),
            State::BeforeValue => self.before_value(),
            State::Quoted(mark) => self.quoted(mark),
            State::Unquoted => self.unquoted(),
            State::AfterQuoted => self.after_quoted(),
            State::SelfClosing => self.self_closing(),
            State::Declaration => self.declaration(),
            State::Comment => self.comment(),
            State::BogusComment(end) => self.take_until(Kind::Comment, end, State::Data),
            State::Cdata => self.take_until(Kind::Other, b"]]>", State::Data),
            State::End => Turn::Go(State::End),
        }
    }

    fn data(&mut self) -> Turn<'a> {
        match memchr(b'<', self.rest()) {
            Some(0) => self.skip(1, State::TagOpen),
            Some(len) => self.take(Kind::Other, len, 1, State::TagOpen),
            None => Turn::Go(State::End),
        }
    }

    fn tag_open(&mut self) -> Turn<'a> {
        match self.byte() {
            None => Turn::Go(State::End),
            Some(b'!') => self.skip(1, State::Declaration),
            Some(b'/') => {
                self.closing = true;
                self.skip(1, State::EndTagOpen)
            }
            Some(b'?') => self.skip(1, State::BogusComment(b">")),
            Some(b'%') => self.skip(1, State::BogusComment(b"%>")),
            Some(0 | b'a'..=b'z' | b'A'..=b'Z') => Turn::Go(State::TagName),
            Some(_) => Turn::Go(State::Data),
        }
    }

    fn end_tag_open(&mut self) -> Turn<'a> {
        match self.byte() {
            None => Turn::Go(State::End),
            Some(b'>') => Turn::Go(State::Data),
            Some(b'a'..=b'z' | b'A'..=b'Z') => Turn::Go(State::TagName),
            Some(_) => {
                self.closing = false;
                Turn::Go(State::BogusComment(b">"))
            }
        }
    }

    fn tag_name(&mut self) -> Turn<'a> {
        let ends = |byte: &u8| matches!(byte, b'/' | b'>') || (is_white(*byte) && *byte != 0);
        let Some(len) = self.rest().iter().position(ends) else { return self.take_rest(Kind::TagName) };
        match self.rest().get(len) {
            Some(b'/') => self.take(Kind::TagName, len, 1, State::SelfClosing),
            Some(b'>') if self.closing => {
                self.closing = false;
                self.take(Kind::Other, len, 1, State::Data)
            }
            Some(b'>') => self.take(Kind::TagName, len, 0, State::TagEnd),
            _ => self.take(Kind::TagName, len, 1, State::BeforeName),
        }
    }

    fn tag_end(&mut self) -> Turn<'a> {
        self.closing = false;
        self.take(Kind::Other, 1, 0, State::Data)
    }

    fn before_name(&mut self) -> Turn<'a> {
        match self.skip_white() {
            None => Turn::Go(State::End),
            Some(b'/') => self.skip(1, State::SelfClosing),
            Some(b'>') => self.take(Kind::Other, 1, 0, State::Data),
            Some(_) => Turn::Go(State::Name),
        }
    }

    fn name(&mut self) -> Turn<'a> {
        let ends = |byte: &u8| matches!(byte, b'/' | b'=' | b'>') || is_white(*byte);
        let len = self.rest().iter().skip(1).position(ends).map(|len| len + 1);
        let Some(len) = len else { return self.take_rest(Kind::AttributeName) };
        match self.rest().get(len) {
            Some(b'/') => self.take(Kind::AttributeName, len, 1, State::SelfClosing),
            Some(b'=') => self.take(Kind::AttributeName, len, 1, State::BeforeValue),
            Some(b'>') => self.take(Kind::AttributeName, len, 0, State::TagEnd),
            _ => self.take(Kind::AttributeName, len, 1, State::AfterName),
        }
    }

    fn after_name(&mut self) -> Turn<'a> {
        match self.skip_white() {
            None => Turn::Go(State::End),
            Some(b'/') => self.skip(1, State::SelfClosing),
            Some(b'=') => self.skip(1, State::BeforeValue),
            Some(b'>') => Turn::Go(State::TagEnd),
            Some(_) => Turn::Go(State::Name),
        }
    }

    fn before_value(&mut self) -> Turn<'a> {
        match self.skip_white() {
            None => Turn::Go(State::End),
            Some(mark @ (b'"' | b'\'' | b'`')) => Turn::Go(State::Quoted(mark)),
            Some(_) => Turn::Go(State::Unquoted),
        }
    }

    /// A value in quotes. At the very beginning the quote is only imagined.
    fn quoted(&mut self, mark: u8) -> Turn<'a> {
        self.at += usize::from(self.at > 0);
        self.take_until(Kind::AttributeValue, &[mark], State::AfterQuoted)
    }

    fn unquoted(&mut self) -> Turn<'a> {
        let ends = |byte: &u8| *byte == b'>' || is_white(*byte);
        let Some(len) = self.rest().iter().position(ends) else {
            return self.take_rest(Kind::AttributeValue);
        };
        match self.rest().get(len) {
            Some(b'>') => self.take(Kind::AttributeValue, len, 0, State::TagEnd),
            _ => self.take(Kind::AttributeValue, len, 1, State::BeforeName),
        }
    }

    fn after_quoted(&mut self) -> Turn<'a> {
        match self.byte() {
            None => Turn::Go(State::End),
            Some(b'/') => self.skip(1, State::SelfClosing),
            Some(b'>') => self.take(Kind::Other, 1, 0, State::Data),
            Some(_) => Turn::Go(State::BeforeName),
        }
    }

    fn self_closing(&mut self) -> Turn<'a> {
        match self.byte() {
            None => Turn::Go(State::End),
            Some(b'>') => self.take(Kind::Other, 1, 0, State::Data),
            Some(_) => Turn::Go(State::BeforeName),
        }
    }

    fn declaration(&mut self) -> Turn<'a> {
        let rest = self.rest();
        if rest.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case(b"doctype")) {
            self.take_until(Kind::Doctype, b">", State::Data)
        } else if rest.starts_with(b"[CDATA[") {
            self.skip(7, State::Cdata)
        } else if rest.starts_with(b"--") {
            self.skip(2, State::Comment)
        } else {
            Turn::Go(State::BogusComment(b">"))
        }
    }

    /// A comment, up to `-->` or `-!>`; NULs may stand behind the first dash.
    fn comment(&mut self) -> Turn<'a> {
        let rest = self.rest();
        let mut search = 0;
        while let Some(found) = memchr(b'-', rest.get(search..).unwrap_or_default()) {
            let dash = search + found;
            if dash + 3 > rest.len() {
                break;
            }
            let after = rest.get(dash + 1..).unwrap_or_default();
            let nulls = after.iter().take_while(|byte| **byte == 0).count();
            match after.get(nulls..) {
                Some([b'-' | b'!', b'>', ..]) => {
                    return self.take(Kind::Comment, dash, nulls + 3, State::Data);
                }
                Some([] | [b'-' | b'!']) | None => break,
                Some(_) => search = dash + 1,
            }
        }
        self.take_rest(Kind::Comment)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            match self.turn(self.state) {
                Turn::Token(kind, text, after) => {
                    self.state = after;
                    return Some(Token { kind, text });
                }
                Turn::Go(State::End) => {
                    self.state = State::End;
                    return None;
                }
                Turn::Go(next) => self.state = next,
            }
        }
    }
}

/// White space as browsers and libinjection have it, with the NUL.
const fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}
