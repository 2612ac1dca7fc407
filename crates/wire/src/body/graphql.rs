//! GraphQL documents (October 2021 specification): what they ask for, and the values they carry.
//!
//! Operations and fields become objects by their names, arguments and directives their members. Invariants: depth and
//! number of values are bounded by the budget before they are built; fragments are weighed, never expanded; reading
//! stops at the first syntax error and keeps what was read. Deliberately absent: validation against schemas, of which
//! only the fields of object types are read.

mod asked;
mod cursor;
mod fragments;
mod lexer;
mod schema;
#[cfg(test)]
mod tests;
mod types;

use bytes::Bytes;

pub use self::asked::{Asked, OperationKind, RootField, asked};
pub use self::schema::{SchemaDocument, SchemaField, SchemaMistake, read_schema};
pub use self::types::types;
use crate::body::builder::{Builder, Spent};
use crate::body::graphql::fragments::{Selections, weigh};
use crate::body::graphql::lexer::{Token, What};
use crate::body::tree::{Kind, Text, Value};
use crate::body::{Body, Budget, Format};
use crate::defect::Defect;

/// What documents ask for, fragments put in their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Documents in one request; more than one is a batch.
    pub documents: u32,
    /// Queries, mutations and subscriptions.
    pub operations: u32,
    /// Fields asked for.
    pub fields: u32,
    /// Fields that are given another name.
    pub aliases: u32,
    /// Selection sets within each other.
    pub depth: u32,
    /// Directives on anything.
    pub directives: u32,
    /// What it costs to answer: its fields, those below a field with `first`, `last` or `limit` so many times.
    pub cost: u64,
    /// Whether the schema is asked for: `__schema` or `__type`.
    pub introspects: bool,
    /// Whether a fragment spreads itself.
    pub cyclic: bool,
}

/// How many items a field is taken to ask for whose number is a variable.
const ITEMS_OF_VARIABLE: u64 = 100;

/// Reads one document, such as the `query` of a GET request.
pub fn parse(text: &Bytes, budget: &Budget) -> Body {
    let mut builder = Builder::new(text, budget);
    if !text.is_empty() {
        read(&mut builder);
    }
    builder.finish()
}

/// What a body asks for if it is a GraphQL request: a document, an object with a `query` as clients send it, or a list
/// of such objects. `None` if no document in it has an operation.
pub fn facts(body: &Body, budget: &Budget) -> Option<Facts> {
    if let Some(facts) = &body.graphql {
        return Some(**facts).filter(|facts| facts.operations > 0);
    }
    let root = body.tree.root().filter(|_| body.format == Format::Json)?;
    let mut sum = Facts::default();
    let mut add = |request: Value<'_>| {
        let Some(query) = request.member("query").filter(|query| query.kind() == Kind::String) else {
            return;
        };
        let document = parse(&Bytes::copy_from_slice(query.bytes()), budget);
        if let Some(facts) = document.graphql.filter(|facts| facts.operations > 0) {
            sum.add(&facts);
        }
    };
    match root.kind() {
        Kind::Object => add(root),
        Kind::Array => root.children().filter(|item| item.kind() == Kind::Object).for_each(add),
        _ => {}
    }
    Some(sum).filter(|sum| sum.operations > 0)
}

impl Facts {
    const fn add(&mut self, other: &Self) {
        self.documents = self.documents.saturating_add(other.documents);
        self.operations = self.operations.saturating_add(other.operations);
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.depth = if self.depth > other.depth { self.depth } else { other.depth };
        self.directives = self.directives.saturating_add(other.directives);
        self.cost = self.cost.saturating_add(other.cost);
        self.introspects |= other.introspects;
        self.cyclic |= other.cyclic;
    }
}

/// Reads a document into the builder.
pub(super) fn read(builder: &mut Builder) {
    builder.read_as(Format::GraphQl);
    let text = builder.sent();
    if std::str::from_utf8(&text).is_err() {
        builder.note(Defect::BodyEncoding);
    }
    if builder.open(Kind::Object, 0, Text::None).is_err() {
        return;
    }
    let mut reader = Reader {
        text: &text,
        token: lexer::next(&text, 0),
        builder,
        facts: Facts { documents: 1, ..Facts::default() },
        here: Selections::default(),
        level: 0,
        times: 1,
    };
    let (mut operations, mut fragments) = (Vec::new(), Vec::new());
    let outcome = reader.document(&mut operations, &mut fragments);
    let at = reader.token.start;
    let mut facts = reader.facts;
    let weight = weigh(&text, &operations, &fragments);
    (facts.fields, facts.aliases, facts.cost) = (weight.fields, weight.aliases, weight.cost);
    (facts.depth, facts.cyclic) = (weight.depth, weight.cyclic);
    builder.graphql(facts);
    match outcome {
        Err(Stop::Syntax) => builder.note_syntax(Defect::BodySyntax, at),
        Err(Stop::Spent) | Ok(()) => {}
    }
}

/// Why reading ends before the document does.
enum Stop {
    Syntax,
    /// The builder has noted why.
    Spent,
}

impl From<Spent> for Stop {
    fn from(Spent: Spent) -> Self {
        Self::Spent
    }
}

struct Reader<'a> {
    text: &'a Bytes,
    token: Token,
    builder: &'a mut Builder,
    facts: Facts,
    /// What the operation or fragment being read asks for.
    here: Selections,
    /// Selection sets that are open.
    level: u32,
    /// How many times what is read may be answered: the product of the items asked for above it.
    times: u64,
}

type Named = ((usize, usize), Selections);

impl Reader<'_> {
    fn document(&mut self, operations: &mut Vec<Selections>, fragments: &mut Vec<Named>) -> Result<(), Stop> {
        while self.token.what != What::End {
            let named = self.definition();
            // Also one that breaks off asked for what it asked for.
            let selections = std::mem::take(&mut self.here);
            (self.level, self.times) = (0, 1);
            match named {
                Ok(Some(name)) => fragments.push((name, selections)),
                Ok(None) => operations.push(selections),
                Err(stop) => {
                    operations.push(selections);
                    return Err(stop);
                }
            }
        }
        Ok(())
    }

    /// One operation, or a fragment and its name.
    fn definition(&mut self) -> Result<Option<(usize, usize)>, Stop> {
        let start = self.token.start;
        let kind = self.token;
        let mut fragment = None;
        if kind.what == What::Name {
            self.advance();
            match self.slice(kind) {
                b"query" | b"mutation" | b"subscription" => self.facts.operations += 1,
                b"fragment" => {
                    let name = self.name()?;
                    fragment = Some((name.start, name.end));
                    self.name()?;
                    self.name()?;
                }
                _ => return Err(Stop::Syntax),
            }
        } else {
            self.facts.operations += 1;
        }
        let name = if kind.what == What::Name { sent(kind) } else { self.written(b"query") };
        self.builder.open(Kind::Object, start, name)?;
        if fragment.is_none() && self.token.what == What::Name {
            self.advance();
        }
        if self.token.what == What::Mark(b'(') {
            self.variables()?;
        }
        self.directives()?;
        self.selections()?;
        self.close();
        Ok(fragment)
    }

    /// `( $name: Type = default @directive … )`
    fn variables(&mut self) -> Result<(), Stop> {
        self.advance();
        while !self.take(b')') {
            self.expect(b'$')?;
            let name = self.name()?;
            self.expect(b':')?;
            while matches!(self.token.what, What::Name | What::Mark(b'[' | b']' | b'!')) {
                self.advance();
            }
            if self.take(b'=') {
                let name = sent(name);
                self.value(name)?;
            }
            self.directives()?;
        }
        Ok(())
    }

    /// `{ field … }`
    fn selections(&mut self) -> Result<(), Stop> {
        self.expect(b'{')?;
        self.level += 1;
        self.here.depth = self.here.depth.max(self.level);
        while !self.take(b'}') {
            match self.token.what {
                What::Name => self.field()?,
                What::Spread => self.spread()?,
                _ => return Err(Stop::Syntax),
            }
        }
        self.level -= 1;
        Ok(())
    }

    fn field(&mut self) -> Result<(), Stop> {
        let start = self.token.start;
        let mut name = self.name()?;
        if self.take(b':') {
            self.here.aliases = self.here.aliases.saturating_add(1);
            name = self.name()?;
        }
        self.here.fields = self.here.fields.saturating_add(1);
        self.here.cost = self.here.cost.saturating_add(self.times);
        self.facts.introspects |= matches!(self.slice(name), b"__schema" | b"__type");
        let text = sent(name);
        if !matches!(self.token.what, What::Mark(b'(' | b'@' | b'{')) {
            self.builder.leaf(Kind::Null, (name.start, name.end), text, Text::None)?;
            return Ok(());
        }
        self.builder.open(Kind::Object, start, text)?;
        let items = self.arguments()?;
        self.directives()?;
        if self.token.what == What::Mark(b'{') {
            let times = self.times;
            self.times = times.saturating_mul(items);
            self.selections()?;
            self.times = times;
        }
        self.close();
        Ok(())
    }

    /// `...name`, or `... on Type { … }`, which is read as part of where it stands.
    fn spread(&mut self) -> Result<(), Stop> {
        self.advance();
        let token = self.token;
        if token.what == What::Name && self.slice(token) != b"on" {
            self.advance();
            self.here.spreads.push(((token.start, token.end), self.level, self.times));
            return self.directives();
        }
        if token.what == What::Name {
            self.advance();
            self.name()?;
        }
        self.builder.open(Kind::Object, token.start, Text::None)?;
        self.directives()?;
        self.level -= 1;
        let outcome = self.selections();
        self.level += 1;
        outcome?;
        self.close();
        Ok(())
    }

    /// How many items they ask for.
    fn arguments(&mut self) -> Result<u64, Stop> {
        let mut items = 1;
        if !self.take(b'(') {
            return Ok(items);
        }
        while !self.take(b')') {
            let name = self.name()?;
            self.expect(b':')?;
            items = items.max(self.items(name));
            let name = sent(name);
            self.value(name)?;
        }
        Ok(items)
    }

    /// How many items the argument of that name asks for, whose value is next.
    fn items(&self, name: Token) -> u64 {
        let number = || std::str::from_utf8(self.slice(self.token)).ok()?.parse::<u64>().ok();
        match (self.slice(name), self.token.what) {
            (b"first" | b"last" | b"limit", What::Integer) => number().unwrap_or(1),
            (b"first" | b"last" | b"limit", What::Mark(b'$')) => ITEMS_OF_VARIABLE,
            _ => 1,
        }
    }

    fn directives(&mut self) -> Result<(), Stop> {
        while self.token.what == What::Mark(b'@') {
            let start = self.token.start;
            self.advance();
            let name = self.name()?;
            self.facts.directives = self.facts.directives.saturating_add(1);
            let name = sent(name);
            self.builder.open(Kind::Object, start, name)?;
            self.arguments()?;
            self.close();
        }
        Ok(())
    }

    /// One value; lists and objects in it are bounded by the builder's depth.
    fn value(&mut self, name: Text) -> Result<(), Stop> {
        let token = self.token;
        self.advance();
        let span = (token.start, token.end);
        let (kind, text) = match token.what {
            What::Mark(b'$') => {
                let variable = self.name()?;
                let text = Text::Sent(token.start as u32, variable.end as u32);
                self.builder.leaf(Kind::String, (token.start, variable.end), name, text)?;
                return Ok(());
            }
            What::Mark(b'[') => {
                self.builder.open(Kind::Array, token.start, name)?;
                while !self.take(b']') {
                    self.value(Text::None)?;
                }
                self.close();
                return Ok(());
            }
            What::Mark(b'{') => {
                self.builder.open(Kind::Object, token.start, name)?;
                while !self.take(b'}') {
                    let name = self.name()?;
                    self.expect(b':')?;
                    let name = sent(name);
                    self.value(name)?;
                }
                self.close();
                return Ok(());
            }
            What::Name => match self.slice(token) {
                b"true" => (Kind::Bool(true), sent(token)),
                b"false" => (Kind::Bool(false), sent(token)),
                b"null" => (Kind::Null, sent(token)),
                _ => (Kind::String, sent(token)),
            },
            What::Integer => (Kind::Integer, sent(token)),
            What::Number => (Kind::Number, sent(token)),
            What::Block => (Kind::String, Text::Sent(token.start as u32 + 3, token.end as u32 - 3)),
            What::String => (Kind::String, self.string(token)),
            _ => return Err(Stop::Syntax),
        };
        self.builder.leaf(kind, span, name, text)?;
        Ok(())
    }

    /// A quoted string with its escapes undone.
    fn string(&mut self, token: Token) -> Text {
        let inside = (token.start + 1, token.end - 1);
        let text = self.text.get(inside.0..inside.1).unwrap_or_default();
        if memchr::memchr(b'\\', text).is_none() {
            return Text::Sent(inside.0 as u32, inside.1 as u32);
        }
        // The escapes are those of JSON.
        let start = self.builder.undone();
        let quoted = self.text.get(token.start..token.end).unwrap_or_default();
        match serde_json::from_slice::<String>(quoted) {
            Ok(undone) => self.builder.undo(undone.as_bytes()),
            Err(_) => self.builder.undo(text),
        }
        self.builder.kept(start).0
    }

    fn advance(&mut self) {
        self.token = lexer::next(self.text, self.token.end);
    }

    fn take(&mut self, mark: u8) -> bool {
        let found = self.token.what == What::Mark(mark);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, mark: u8) -> Result<(), Stop> {
        if self.take(mark) { Ok(()) } else { Err(Stop::Syntax) }
    }

    fn name(&mut self) -> Result<Token, Stop> {
        let token = self.token;
        if token.what != What::Name {
            return Err(Stop::Syntax);
        }
        self.advance();
        Ok(token)
    }

    fn slice(&self, token: Token) -> &[u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    fn written(&mut self, text: &[u8]) -> Text {
        let start = self.builder.undone();
        self.builder.undo(text);
        self.builder.kept(start).0
    }

    fn close(&mut self) {
        self.builder.close(self.token.start);
    }
}

/// A token as it was sent.
const fn sent(token: Token) -> Text {
    Text::Sent(token.start as u32, token.end as u32)
}
