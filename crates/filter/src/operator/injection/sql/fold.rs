//! Tokens to the few that say what a value is: what does not change the meaning is folded away.
//!
//! Rules look at two tokens, then at three, always as far left as something changed. Invariants: at most five tokens
//! come out; every rule that starts over has taken a token away or changed its kind, so that folding ends.

use super::lexer::Lexer;
use super::token::{Kind, LONGEST, Token};
use super::words;

/// How many tokens a fingerprint has.
const MOST: usize = 5;

/// Names that are functions when a parenthesis follows, and columns or variables else.
const SOMETIMES_FUNCTIONS: [&str; 11] = [
    "USER_ID",
    "USER_NAME",
    "DATABASE",
    "PASSWORD",
    "USER",
    "CURRENT_USER",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
];

/// What is left of a value.
#[derive(Debug)]
pub(super) struct Folded {
    tokens: [Token; MOST + 3],
    len: usize,
    /// How many tokens were read for it.
    pub(super) read: usize,
    /// Whether a comment was met that dialects read differently.
    pub(super) met_ambiguous_comment: bool,
}

impl Folded {
    /// The kinds of the tokens; only `X` if one of them cannot be read.
    pub(super) fn fingerprint(&self) -> smallvec::SmallVec<[u8; 8]> {
        let kinds = self.tokens.iter().take(self.len).map(|token| token.kind as u8);
        let letters: smallvec::SmallVec<[u8; 8]> = kinds.collect();
        if letters.contains(&(Kind::Evil as u8)) { smallvec::smallvec![b'X'] } else { letters }
    }

    /// A token by its place in the fingerprint.
    pub(super) fn token(&self, index: usize) -> Token {
        self.tokens.get(index).copied().unwrap_or_else(nothing)
    }
}

fn nothing() -> Token {
    Token::new(Kind::Unknown, b"")
}

/// Reads and folds everything.
pub(super) fn fold(lexer: Lexer<'_>) -> Folded {
    let mut folding =
        Folding { lexer, tokens: [nothing(); MOST + 3], filled: 0, left: 0, more: true, last_comment: None };
    let len = folding.run();
    let mut folded = Folded {
        tokens: folding.tokens,
        len,
        read: folding.lexer.read,
        met_ambiguous_comment: folding.lexer.met_ambiguous_comment,
    };
    close_tick(&mut folded);
    folded
}

/// A lone backtick at the end is a comment to PHP's MySQL.
fn close_tick(folded: &mut Folded) {
    let last = folded.len.checked_sub(1).filter(|last| *last > 1);
    if let Some(token) = last.and_then(|last| folded.tokens.get_mut(last)) {
        let is_open = token.opened == b'`' && token.closed == 0 && token.text().is_empty();
        if token.kind == Kind::Bareword && is_open {
            token.kind = Kind::Comment;
        }
    }
}

/// What a rule did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It changed something: look again.
    Again,
    /// Nothing folds here.
    Stays,
    /// What follows cannot be read; the fingerprint ends after as many tokens.
    Unreadable(usize),
}

struct Folding<'a> {
    lexer: Lexer<'a>,
    tokens: [Token; MOST + 3],
    /// How many tokens are held.
    filled: usize,
    /// How many of them are surely folded.
    left: usize,
    more: bool,
    last_comment: Option<Token>,
}

impl Folding<'_> {
    fn run(&mut self) -> usize {
        if !self.begin() {
            return 0;
        }
        loop {
            if self.filled >= MOST && self.is_plain_expression() {
                self.restart_after_expression();
            }
            if !self.more || self.left >= MOST {
                break;
            }
            match self.round() {
                Outcome::Again => {}
                Outcome::Stays => self.left += 1,
                Outcome::Unreadable(len) => return len,
            }
        }
        self.left = self.filled;
        if self.left < MOST
            && let Some(comment) = self.last_comment
        {
            self.set(self.left, comment);
            self.left += 1;
        }
        self.left.min(MOST)
    }

    /// Skips comments, opening parentheses, types and signs in front; whether anything else comes.
    fn begin(&mut self) -> bool {
        while let Some(token) = self.lexer.next() {
            let is_skipped = matches!(token.kind, Kind::Comment | Kind::LeftParenthesis | Kind::SqlType);
            if !is_skipped && !token.is_unary() {
                self.set(0, token);
                self.filled = 1;
                return true;
            }
        }
        false
    }

    fn round(&mut self) -> Outcome {
        if !self.fill(2) {
            self.left = self.filled;
            return Outcome::Again;
        }
        match self.pair() {
            Outcome::Stays => {}
            other => return other,
        }
        if !self.fill(3) {
            self.left = self.filled;
            return Outcome::Again;
        }
        self.triple()
    }

    /// Reads on until `count` tokens stand behind `left`, if that is possible.
    fn fill(&mut self, count: usize) -> bool {
        while self.more && self.filled <= MOST && self.filled - self.left < count {
            match self.lexer.next() {
                None => self.more = false,
                Some(token) if token.kind == Kind::Comment => self.last_comment = Some(token),
                Some(token) => {
                    self.last_comment = None;
                    self.set(self.filled, token);
                    self.filled += 1;
                }
            }
        }
        self.filled - self.left >= count
    }

    fn at(&self, offset: usize) -> Token {
        self.tokens.get(self.left + offset).copied().unwrap_or_else(nothing)
    }

    fn set(&mut self, index: usize, token: Token) {
        if let Some(held) = self.tokens.get_mut(index) {
            *held = token;
        }
    }

    fn become_kind(&mut self, offset: usize, kind: Kind) -> Outcome {
        let token = Token { kind, ..self.at(offset) };
        self.set(self.left + offset, token);
        Outcome::Again
    }

    /// Takes the last `count` tokens away and begins at the left again.
    fn drop_last(&mut self, count: usize) -> Outcome {
        self.filled -= count;
        self.left = 0;
        Outcome::Again
    }

    /// Takes the last token away and goes one step back.
    fn step_back(&mut self) -> Outcome {
        self.filled -= 1;
        self.left = self.left.saturating_sub(1);
        Outcome::Again
    }

    /// Puts the token at `from` over the one before it and takes the last `count` away.
    fn pull(&mut self, from: usize, count: usize) -> Outcome {
        let token = self.at(from);
        self.set(self.left + from - 1, token);
        self.drop_last(count)
    }

    /// Five tokens that are only an expression: `1+(2)`, `a=(b)`, `1),(2`, `a)=(b`.
    fn is_plain_expression(&self) -> bool {
        use Kind::{Bareword, Comma, LeftParenthesis, Number, Operator, RightParenthesis};
        let mut kinds = [Kind::Unknown; MOST];
        for (kind, token) in kinds.iter_mut().zip(&self.tokens) {
            *kind = token.kind;
        }
        matches!(
            kinds,
            [Number, Operator | Comma, LeftParenthesis, Number, RightParenthesis]
                | [Bareword, Operator, LeftParenthesis, Bareword | Number, RightParenthesis]
                | [Number, RightParenthesis, Comma, LeftParenthesis, Number]
                | [Bareword, RightParenthesis, Operator, LeftParenthesis, Bareword]
        )
    }

    fn restart_after_expression(&mut self) {
        if self.filled > MOST
            && let Some(sixth) = self.tokens.get(MOST).copied()
        {
            self.set(1, sixth);
            self.filled = 2;
        } else {
            self.filled = 1;
        }
        self.left = 0;
    }

    fn pair(&mut self) -> Outcome {
        let (one, two) = (self.at(0), self.at(1));
        match (one.kind, two.kind) {
            (Kind::String, Kind::String) | (Kind::Semicolon, Kind::Semicolon) => {
                self.filled -= 1;
                return Outcome::Again;
            }
            (Kind::Operator | Kind::Logic, Kind::SqlType) => return self.drop_last(1),
            (Kind::Operator | Kind::Logic, _) if two.is_unary() => return self.drop_last(1),
            (Kind::LeftParenthesis, _) if two.is_unary() => return self.step_back(),
            _ => {}
        }
        if let Some(merged) = merge(&one, &two) {
            self.set(self.left, merged);
            return self.step_back();
        }
        self.word(&one, &two).unwrap_or_else(|| self.mark(&one, &two))
    }

    /// Words that are something else beside others.
    fn word(&mut self, one: &Token, two: &Token) -> Option<Outcome> {
        let called = two.kind == Kind::LeftParenthesis;
        Some(match one.kind {
            Kind::Semicolon if two.kind == Kind::Function && begins_with_if(two) => {
                self.become_kind(1, Kind::Tsql)
            }
            Kind::Bareword | Kind::Variable
                if called && SOMETIMES_FUNCTIONS.iter().any(|name| one.is(name)) =>
            {
                self.become_kind(0, Kind::Function)
            }
            Kind::Keyword if one.is("IN") || one.is("NOT IN") => {
                self.become_kind(0, if called { Kind::Operator } else { Kind::Bareword })
            }
            Kind::Operator if one.is("LIKE") || one.is("NOT LIKE") => {
                if called {
                    self.become_kind(0, Kind::Function);
                }
                Outcome::Stays
            }
            Kind::SqlType if is_typed(two.kind) => self.pull(1, 1),
            Kind::Collate if two.kind == Kind::Bareword => {
                if two.text().contains(&b'_') {
                    self.become_kind(1, Kind::SqlType);
                    self.left = 0;
                }
                Outcome::Stays
            }
            _ => return None,
        })
    }

    /// Backslashes, parentheses and braces.
    fn mark(&mut self, one: &Token, two: &Token) -> Outcome {
        match (one.kind, two.kind) {
            (Kind::Backslash, _) if two.is_arithmetic() => {
                self.become_kind(0, Kind::Number);
                self.left = 0;
                Outcome::Again
            }
            (Kind::Backslash, _) => self.pull(1, 1),
            (Kind::LeftParenthesis, Kind::LeftParenthesis)
            | (Kind::RightParenthesis, Kind::RightParenthesis)
            | (_, Kind::RightBrace) => self.drop_last(1),
            (Kind::LeftBrace, Kind::Bareword) if two.text().is_empty() => {
                self.become_kind(1, Kind::Evil);
                Outcome::Unreadable(self.left + 2)
            }
            (Kind::LeftBrace, Kind::Bareword) => self.drop_last(2),
            _ => Outcome::Stays,
        }
    }

    fn triple(&mut self) -> Outcome {
        use Kind::{
            Bareword, Comma, Dot, Expression, Function, Group, Keyword, LeftParenthesis, Logic, Number,
            Operator, RightParenthesis, SqlType, String, Variable,
        };
        let (one, two, three) = (self.at(0), self.at(1), self.at(2));
        let unary = two.is_unary();
        match (one.kind, two.kind, three.kind) {
            (Number, Operator, Number)
            | (Logic, _, Logic)
            | (Variable, Operator, Variable | Number | Bareword)
            | (Bareword | Number, Operator, Number | Bareword)
            | (Bareword | Number | String | Variable, Comma, Number | Bareword | String | Variable)
            | (Bareword, Dot, Bareword) => self.drop_last(2),
            (Operator, second, Operator) if second != LeftParenthesis => self.drop_last(2),
            (Bareword | Number | Variable | String, Operator, SqlType) if two.text() == b"::" => {
                self.drop_last(2)
            }
            (Expression | Group | Comma, _, LeftParenthesis)
            | (Comma, _, Function)
            | (Keyword | Expression | Group, _, Number | Bareword | Variable | String | Function)
                if unary =>
            {
                self.pull(2, 1)
            }
            (Comma, _, Number | Bareword | Variable | String) if unary => self.pull(2, 3),
            (Expression, Dot, Bareword) => self.pull(2, 1),
            (Function, LeftParenthesis, third) => {
                if third != RightParenthesis && one.is("USER") {
                    self.become_kind(0, Bareword);
                }
                Outcome::Stays
            }
            _ => Outcome::Stays,
        }
    }
}

/// What a type can stand in front of.
const fn is_typed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bareword
            | Kind::Number
            | Kind::SqlType
            | Kind::LeftParenthesis
            | Kind::Function
            | Kind::Variable
            | Kind::String
    )
}

/// `IF` is a function, except in Transact-SQL after a semicolon.
fn begins_with_if(token: &Token) -> bool {
    matches!(token.text(), [b'i' | b'I', b'f' | b'F', ..])
}

/// Two words that are one phrase: `UNION ALL`.
fn merge(one: &Token, two: &Token) -> Option<Token> {
    let is_word = |kind: Kind| {
        matches!(
            kind,
            Kind::Keyword
                | Kind::Bareword
                | Kind::Operator
                | Kind::Union
                | Kind::Function
                | Kind::Expression
                | Kind::Tsql
                | Kind::SqlType
        )
    };
    let len = one.text().len() + 1 + two.text().len();
    if len > LONGEST || !is_word(one.kind) || !(is_word(two.kind) || two.kind == Kind::Logic) {
        return None;
    }
    let mut phrase = [b' '; LONGEST];
    let bytes = one.text().iter().chain(b" ").chain(two.text());
    for (held, byte) in phrase.iter_mut().zip(bytes) {
        *held = *byte;
    }
    let phrase = phrase.get(..len)?;
    words::kind(phrase).map(|kind| Token {
        opened: one.opened,
        closed: one.closed,
        ..Token::new(kind, phrase)
    })
}
