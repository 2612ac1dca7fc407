//! What SQL tokens amount to: unions, conditions over constants, second statements, telling functions.

use crate::builtin::detector::words::is_one_of;
use crate::builtin::signal::{Hits, Signal, note};

use super::token::{Kind, Token};
use super::vocabulary::{ARTICLES, CLAUSES, COMMON, COMPARE, CONSTANTS, LOGIC, SCHEMA, TELLING, VARIABLES};

/// What stands before the tokens in the query they are put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing known: the value is read where a number or a name stood.
    Start,
    /// More of the same value: only what needs no beginning counts.
    Middle,
    /// A string that a quote just closed.
    Quote {
        /// Whether the value has anything before that quote.
        value_before: bool,
    },
}

/// Whether a text begins with a word that can follow a string in a query.
pub(super) fn begins_clause(text: &[u8]) -> bool {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = text.get(..length).unwrap_or_default();
    is_one_of(word, CLAUSES)
}

/// Reads one sequence of tokens.
pub(super) struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    behind: Behind,
}

impl<'t, 'a> Reader<'t, 'a> {
    pub(super) const fn new(tokens: &'t [Token<'a>], behind: Behind) -> Self {
        Self { tokens, behind }
    }

    fn get(&self, index: usize) -> Option<&Token<'a>> {
        self.tokens.get(index)
    }

    fn kind(&self, index: usize) -> Option<Kind> {
        self.get(index).map(|token| token.kind)
    }

    fn is(&self, index: usize, words: &[&str]) -> bool {
        self.get(index).is_some_and(|token| token.is(words))
    }

    fn broke(&self) -> bool {
        matches!(self.behind, Behind::Quote { .. })
    }

    /// Whether a token stands close enough behind what was broken out of to belong to the query.
    fn is_near(&self, index: usize) -> bool {
        let begins = !matches!(self.kind(0), Some(Kind::Number | Kind::Text | Kind::Dot | Kind::Other));
        index <= 10 && (begins || !self.broke())
    }

    /// Whether the value begins as a number that a query would hold: `1`, `-1)`, `1))`.
    fn is_numeric(&self) -> bool {
        if self.behind == Behind::Middle {
            return false;
        }
        let first = usize::from(self.kind(0) == Some(Kind::Operator));
        matches!(self.kind(first), Some(Kind::Number | Kind::Close | Kind::Variable))
            || self.is(first, &["null"])
    }

    pub(super) fn read(&self, hits: &mut Hits) {
        let in_query = self.broke() || self.is_numeric();
        for index in 0..self.tokens.len() {
            let Some(token) = self.get(index) else { return };
            let signal = match token.kind {
                Kind::Word => self.word(index, in_query),
                Kind::Logic => self.first_operator(index).or_else(|| {
                    (in_query && self.is_near(index) && self.condition(index + 1))
                        .then_some(Signal::SqlCondition)
                }),
                Kind::Semicolon => self.statement(index + 1, in_query),
                Kind::Variable => is_one_of(token.text, VARIABLES).then_some(Signal::SqlSchema),
                Kind::Open => self.subquery(index + 1).or_else(|| self.compared_argument(index)),
                Kind::Operator | Kind::Compare => self.first_operator(index),
                _ => None,
            };
            if let Some(signal) = signal {
                let end = self.get(index + 3).or_else(|| self.tokens.last()).map_or(token.end(), Token::end);
                note(hits, signal, token.start..end);
            }
        }
    }

    fn word(&self, index: usize, in_query: bool) -> Option<Signal> {
        let token = self.get(index)?;
        let initial = token.text.first()?.to_ascii_lowercase();
        match initial {
            b'u' if token.is(&["union"]) => self.union(index + 1).then_some(Signal::SqlUnion),
            b'o' if token.is(&["order"]) => self.order(index, in_query),
            b'i' if token.is(&["into"]) && self.is(index + 1, &["outfile", "dumpfile"]) => {
                Some(Signal::SqlClause)
            }
            b'p' if token.is(&["procedure"]) && self.is(index + 1, &["analyse"]) => Some(Signal::SqlClause),
            b'w' if token.is(&["waitfor"]) && self.is(index + 1, &["delay", "time"]) => {
                Some(Signal::SqlFunction)
            }
            b'g' if token.is(&["group"]) && in_query && self.is(index + 1, &["by"]) => {
                let counted = self.kind(index + 2) == Some(Kind::Number)
                    || matches!(self.kind(index + 3), None | Some(Kind::Comment))
                    || self.is(index + 3, &["having"]);
                (index < 4 && counted && self.kind(index + 3) != Some(Kind::Comma))
                    .then_some(Signal::SqlClause)
            }
            b'l' if token.is(&["limit"]) && in_query && index < 4 => self.limit(index),
            b'c' if token.is(&["case"]) && self.is(index + 1, &["when"]) => {
                (in_query || self.operator_before(index)).then_some(Signal::SqlSubquery)
            }
            b's' if token.is(&["select"]) => self.select(index, in_query),
            _ if token.is(LOGIC) && self.logic(index, in_query) => Some(Signal::SqlCondition),
            _ => self.name(index, in_query),
        }
    }

    /// `ORDER BY 3` at the end of a value.
    fn order(&self, index: usize, in_query: bool) -> Option<Signal> {
        let counts = in_query
            && index < 5
            && self.is(index + 1, &["by"])
            && self.kind(index + 2) == Some(Kind::Number)
            && self.tail(index + 3);
        counts.then_some(Signal::SqlClause)
    }

    fn limit(&self, index: usize) -> Option<Signal> {
        let number = self.kind(index + 1) == Some(Kind::Number);
        (number && (self.kind(index + 2) == Some(Kind::Comma) || self.tail(index + 2)))
            .then_some(Signal::SqlClause)
    }

    /// Whether nothing but a list's rest, a comment or the end follows.
    fn tail(&self, index: usize) -> bool {
        matches!(self.kind(index), None | Some(Kind::Comment | Kind::Comma | Kind::Semicolon | Kind::Close))
            || self.is(index, &["having", "asc", "desc"])
    }

    /// Whether what follows `UNION` selects something.
    fn union(&self, index: usize) -> bool {
        let index = if self.is(index, &["all", "distinct", "distinctrow"]) { index + 1 } else { index };
        let mut index = index;
        while self.kind(index) == Some(Kind::Open) {
            index += 1;
        }
        if self.is(index, &["values", "table"]) {
            return matches!(self.kind(index + 1), Some(Kind::Open))
                || self.broke() && self.kind(index + 1) == Some(Kind::Word);
        }
        self.is(index, &["select"]) && self.expression(index + 1)
    }

    /// Whether an expression or a list of columns begins here, rather than prose.
    fn expression(&self, index: usize) -> bool {
        let index =
            if self.is(index, &["distinct", "distinctrow", "top", "all"]) { index + 1 } else { index };
        match self.kind(index) {
            Some(Kind::Word) => {
                self.is(index, &["null", "case"])
                    || matches!(self.kind(index + 1), Some(Kind::Comma | Kind::Open | Kind::Logic))
                    || self
                        .get(index + 1)
                        .is_some_and(|next| next.kind == Kind::Comment && next.text.len() <= 12)
                    || self.kind(index + 1) == Some(Kind::Dot)
                        && self.kind(index + 2) == Some(Kind::Word)
                        && self.glued(index + 1)
                    || self.is(index + 1, &["from", "into", "as"]) && !self.is(index + 2, ARTICLES)
            }
            // A word in parentheses is an aside.
            Some(Kind::Open) => {
                self.kind(index + 1) != Some(Kind::Word) || self.kind(index + 2) != Some(Kind::Close)
            }
            Some(Kind::Number | Kind::Text | Kind::Variable) => true,
            Some(Kind::Operator) => {
                let star = self.get(index).is_some_and(|token| token.text == b"*");
                let sign =
                    self.get(index).is_some_and(|token| matches!(token.text, b"+" | b"-" | b"~" | b"!"));
                star && matches!(self.kind(index + 1), None | Some(Kind::Word | Kind::Comma | Kind::Comment))
                    || sign
                        && matches!(
                            self.kind(index + 1),
                            Some(Kind::Number | Kind::Open | Kind::Text | Kind::Variable)
                        )
            }
            _ => false,
        }
    }

    /// Whether a token follows the one before it without space, and the next follows it so.
    fn glued(&self, index: usize) -> bool {
        let ends = |index: usize| self.get(index).map(Token::end);
        let starts = |index: usize| self.get(index).map(|token| token.start);
        index > 0 && ends(index - 1) == starts(index) && ends(index) == starts(index + 1)
    }

    /// `OR`, `AND`, `WHERE` and so on, and a condition that makes sense behind them.
    fn logic(&self, index: usize, in_query: bool) -> bool {
        if self.is(index, &["having", "where", "when"]) {
            return self.constants(self.operand_start(index + 1));
        }
        if self.is(index, &["like", "rlike", "regexp", "div", "mod", "on", "not"]) {
            return index == 0
                && self.broke()
                && matches!(self.kind(1), Some(Kind::Text | Kind::Open | Kind::Number));
        }
        in_query && self.is_near(index) && self.condition(index + 1)
    }

    fn operand_start(&self, mut index: usize) -> usize {
        while matches!(self.kind(index), Some(Kind::Open))
            || self.get(index).is_some_and(|token| token.kind == Kind::Operator)
            || self.is(index, &["not", "binary"])
        {
            index += 1;
        }
        index
    }

    /// Whether a condition begins here that an attacker would glue on.
    fn condition(&self, index: usize) -> bool {
        let opened = self.kind(index) == Some(Kind::Open);
        let index = self.operand_start(index);
        if self.constants(index) {
            return true;
        }
        let calls = self.kind(index + 1) == Some(Kind::Open) && self.is(index, COMMON)
            || self.is(index, &["exists", "case"])
                && matches!(self.kind(index + 1), Some(Kind::Open | Kind::Word))
            || self.is(index, &["select"]) && opened;
        if calls {
            return true;
        }
        let glued = self.broke() && index <= 4;
        glued
            && (self.relates(index + 1) && self.operand(index) && self.operand(index + 2)
                || self.lone_constant(index))
    }

    /// A constant alone behind `OR`, the rest commented away or at an end: `' or 1#`, `' or true--`, `' or 'a`.
    fn lone_constant(&self, index: usize) -> bool {
        self.constant(index) && matches!(self.kind(index + 1), None | Some(Kind::Comment | Kind::Semicolon))
    }

    /// Whether constants are compared here: `1=1`, `'a' like 'a`, `2>1`, `1 in (1`.
    fn constants(&self, index: usize) -> bool {
        let mut next = index + 1;
        if self.is(next, &["not"]) {
            next += 1;
        }
        let second = self.operand_start(next + 1);
        let compared = self.compares(next) && self.constant(second) && self.ends_clause(second + 1);
        let same = self.compares(index + 1)
            && self.kind(index) == Some(Kind::Word)
            && self.broke()
            && self.get(index).map(|token| token.text) == self.get(index + 2).map(|token| token.text);
        self.constant(index)
            && (compared
                || self.compares(next) && self.kind(next + 1) == Some(Kind::Open)
                || self.compares(next) && self.is(next + 1, TELLING)
                || self.compares(next)
                    && self.is(next + 1, COMMON)
                    && self.kind(next + 2) == Some(Kind::Open))
            || same
    }

    /// Whether a clause can end here, or go on as a query would; in prose other words follow.
    fn ends_clause(&self, index: usize) -> bool {
        const FOLLOWING: &[&str] = &[
            "and",
            "or",
            "xor",
            "union",
            "order",
            "group",
            "limit",
            "having",
            "like",
            "between",
            "as",
            "then",
            "else",
            "end",
            "in",
            "is",
            "into",
            "procedure",
            "for",
            "rlike",
        ];
        matches!(
            self.kind(index),
            None | Some(
                Kind::Comment
                    | Kind::Close
                    | Kind::Logic
                    | Kind::Semicolon
                    | Kind::Operator
                    | Kind::Comma
                    | Kind::Open
                    | Kind::Text
                    | Kind::Compare
            )
        ) || self.is(index, FOLLOWING)
            || self.broke()
    }

    fn constant(&self, index: usize) -> bool {
        const LONGEST: usize = 40;
        let short = self.get(index).is_some_and(|token| token.text.len() <= LONGEST);
        short && matches!(self.kind(index), Some(Kind::Number | Kind::Text | Kind::Variable))
            || self.is(index, CONSTANTS)
    }

    fn operand(&self, index: usize) -> bool {
        self.constant(index) || matches!(self.kind(index), Some(Kind::Word | Kind::Open | Kind::Operator))
    }

    /// Whether a comparison of a name stands here: with a sign, or with a word and what that word demands.
    fn relates(&self, index: usize) -> bool {
        let next = self.kind(index + 1);
        self.kind(index) == Some(Kind::Compare)
            || self.is(index, &["like", "rlike", "regexp", "ilike"])
                && matches!(next, Some(Kind::Text | Kind::Open | Kind::Number))
            || self.is(index, &["in"]) && next == Some(Kind::Open)
            || self.is(index, &["is"]) && self.is(index + 1, &["null", "not"])
            || self.is(index, &["between"]) && matches!(next, Some(Kind::Number | Kind::Text))
    }

    fn compares(&self, index: usize) -> bool {
        self.kind(index) == Some(Kind::Compare) || self.is(index, COMPARE)
    }

    /// A second statement: `; DROP TABLE x`, `; SELECT …`, `; EXEC …`.
    fn statement(&self, index: usize, in_query: bool) -> Option<Signal> {
        let index = index + usize::from(self.kind(index) == Some(Kind::Semicolon));
        self.begins_statement(index, in_query).then_some(Signal::SqlStacked)
    }

    fn begins_statement(&self, index: usize, in_query: bool) -> bool {
        const OBJECTS: &[&str] = &[
            "table",
            "database",
            "schema",
            "view",
            "index",
            "user",
            "function",
            "procedure",
            "trigger",
            "login",
            "role",
            "or",
            "temp",
            "temporary",
            "column",
            "system",
        ];
        let Some(verb) = self.get(index).filter(|token| token.kind == Kind::Word) else { return false };
        let follows = |words: &[&str]| self.is(index + 1, words);
        let followed_by = |kind| self.kind(index + 1) == Some(kind);
        if verb.is(&["drop", "create", "alter", "truncate"]) {
            return follows(OBJECTS);
        }
        if verb.is(&["insert", "replace", "merge"]) {
            return follows(&["into"]);
        }
        if verb.is(&["waitfor"]) {
            return follows(&["delay", "time"]);
        }
        in_query
            && (verb.is(&["select"]) && self.expression(index + 1)
                || verb.is(&["delete"]) && follows(&["from"])
                || verb.is(&["update"]) && self.is(index + 2, &["set"])
                || verb.is(&["exec", "execute", "call", "declare", "begin", "grant", "copy"])
                    && (followed_by(Kind::Word) || followed_by(Kind::Variable) || followed_by(Kind::Open))
                || verb.is(&["if", "iif"]) && followed_by(Kind::Open)
                || verb.is(&["shutdown"]))
    }

    /// `(SELECT …` with something to select.
    fn subquery(&self, index: usize) -> Option<Signal> {
        (self.is(index, &["select"]) && self.expression(index + 1)).then_some(Signal::SqlSubquery)
    }

    /// `elt(1=1,2)`, `iif(1=2,…)`, `(1=1)*2`: constants compared where only a query would.
    fn compared_argument(&self, index: usize) -> Option<Signal> {
        let equal = self.get(index + 2).is_some_and(|token| token.text == b"=");
        let compared =
            equal && self.kind(index + 1) == Some(Kind::Number) && self.kind(index + 3) == Some(Kind::Number);
        let argument = index > 0
            && self.kind(index - 1) == Some(Kind::Word)
            && self.kind(index + 4) == Some(Kind::Comma);
        let product = index == 0 && self.kind(4) == Some(Kind::Close) && self.kind(5) == Some(Kind::Operator);
        if compared && argument {
            return Some(Signal::SqlFunction);
        }
        (compared && product).then_some(Signal::SqlCondition)
    }

    /// `SELECT` at the beginning of a value or behind an operator.
    fn select(&self, index: usize, in_query: bool) -> Option<Signal> {
        if index == 0 && !self.broke() && self.expression(index + 1) {
            return Some(Signal::SqlQuery);
        }
        (in_query && index > 0 && self.operator_before(index) && self.expression(index + 1))
            .then_some(Signal::SqlSubquery)
    }

    fn operator_before(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1).and_then(|index| self.get(index)) else { return false };
        matches!(before.kind, Kind::Compare | Kind::Logic | Kind::Operator | Kind::Open | Kind::Comma)
            || before.is(&[
                "or", "and", "xor", "select", "then", "else", "when", "where", "by", "having", "like", "in",
                "rlike", "not", "div", "union", "all", "exec", "call",
            ])
    }

    /// A name: telling by itself, or behind an operator of a query.
    fn name(&self, index: usize, in_query: bool) -> Option<Signal> {
        let token = self.get(index)?;
        let called = self.kind(index + 1) == Some(Kind::Open);
        let dotted = self.kind(index + 1) == Some(Kind::Dot);
        if (called || dotted) && token.is(TELLING) {
            let telling =
                in_query || self.sql_before(index) || self.operator_before(index) && token.text.len() > 8;
            return telling.then_some(Signal::SqlFunction);
        }
        if called && token.is(&["char", "chr", "nchar", "if"]) && self.sql_before(index)
            || called && token.is(&["sleep"]) && self.sql_before(index) && self.waits(index + 2)
        {
            return Some(Signal::SqlFunction);
        }
        if called && token.is(&["sleep"]) && !self.waits(index + 2) {
            return None;
        }
        if called && token.is(&["sleep"]) && in_query && index > 0 && self.kind(index - 1) != Some(Kind::Dot)
        {
            return Some(Signal::SqlFunction);
        }
        if called && in_query && self.broke() && index == 1 && self.operator_before(index) && token.is(COMMON)
        {
            return Some(Signal::SqlConcat);
        }
        let schema = token.is(SCHEMA) && self.sql_before(index) && (dotted || token.text.len() > 6);
        schema.then_some(Signal::SqlSchema)
    }

    /// Whether the arguments of `sleep` are a number or computed, rather than words.
    fn waits(&self, index: usize) -> bool {
        let constant =
            matches!(self.kind(index), Some(Kind::Number | Kind::Text | Kind::Variable | Kind::Operator));
        let sign = self.get(index + 1).is_some_and(|token| matches!(token.text, b"+" | b"-" | b"*" | b"/"));
        let closed = self.kind(index + 1) == Some(Kind::Close) && self.kind(index + 2) != Some(Kind::Dot);
        constant
            && (self.kind(index + 1).is_none() || closed || sign || self.kind(index) == Some(Kind::Operator))
            || self.kind(index) == Some(Kind::Open)
            || self.is(index, &["select", "if"])
    }

    /// Whether a word of SQL stands before.
    fn sql_before(&self, index: usize) -> bool {
        const KEYWORDS: &[&str] = &[
            "select", "from", "or", "and", "xor", "where", "union", "then", "else", "exec", "join", "by",
            "call", "when", "like",
        ];
        let from = index.saturating_sub(4);
        (from..index)
            .any(|before| self.is(before, KEYWORDS) && (before + 1 >= index || self.operator_before(index)))
    }

    /// An operator right behind the quote that was closed, and something computed: `'||(`, `'+'`, `'='`.
    fn first_operator(&self, index: usize) -> Option<Signal> {
        let Behind::Quote { value_before } = self.behind else { return None };
        if index != 0 {
            return None;
        }
        let next = self.kind(1)?;
        let text_follows =
            next == Kind::Text && value_before && self.get(1).is_some_and(|token| token.text.len() <= 24);
        let computed = next == Kind::Open && self.is(2, &["select", "case"])
            || next == Kind::Word
                && self.kind(2) == Some(Kind::Open)
                && (self.is(1, COMMON) || self.is(1, TELLING));
        let glued =
            self.get(0).is_some_and(|operator| operator.start > 0) && text_follows && self.tokens.len() <= 4;
        (computed || glued).then_some(Signal::SqlConcat)
    }
}
