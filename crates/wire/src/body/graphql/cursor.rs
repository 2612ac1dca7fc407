//! Moves over the tokens of a document of GraphQL.
//!
//! Invariants: what is asked for and does not stand there is `None`, and nothing is passed over; brackets are matched in
//! number, without recursion.

use smol_str::SmolStr;

use super::lexer::{self, Token, What};

/// A place between two tokens.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    token: Token,
}

impl<'a> Cursor<'a> {
    /// The beginning of a document.
    pub(super) fn new(document: &'a str) -> Self {
        let text = document.as_bytes();
        Self { text, token: lexer::next(text, 0) }
    }

    /// The token that is next.
    pub(super) fn token(&self) -> Token {
        self.token
    }

    pub(super) fn is(&self, what: What) -> bool {
        self.token.what == what
    }

    pub(super) fn is_mark(&self, mark: u8) -> bool {
        self.is(What::Mark(mark))
    }

    pub(super) fn advance(&mut self) {
        self.token = lexer::next(self.text, self.token.end);
    }

    /// Passes over a mark, if it stands here.
    pub(super) fn skip_mark(&mut self, mark: u8) -> bool {
        let stands = self.is_mark(mark);
        if stands {
            self.advance();
        }
        stands
    }

    /// The name that stands here, which may be a keyword.
    pub(super) fn peek_name(&self) -> Option<&'a str> {
        if !self.is(What::Name) {
            return None;
        }
        std::str::from_utf8(self.text.get(self.token.start..self.token.end)?).ok()
    }

    pub(super) fn name(&mut self) -> Option<SmolStr> {
        let name = self.peek_name()?;
        self.advance();
        Some(name.into())
    }

    /// `@name(…) …`, each name told.
    pub(super) fn directives(&mut self, mut each: impl FnMut(&str)) -> Option<()> {
        while self.skip_mark(b'@') {
            each(&self.name()?);
            self.brackets(b'(')?;
        }
        Some(())
    }

    /// Passes over everything between brackets, if some open here.
    pub(super) fn brackets(&mut self, opening: u8) -> Option<()> {
        if !self.is_mark(opening) {
            return Some(());
        }
        let mut open = 0_usize;
        loop {
            match self.token.what {
                What::Mark(b'(' | b'[' | b'{') => open += 1,
                What::Mark(b')' | b']' | b'}') => open -= 1,
                What::End | What::Broken => return None,
                _ => {}
            }
            self.advance();
            if open == 0 {
                return Some(());
            }
        }
    }
}
