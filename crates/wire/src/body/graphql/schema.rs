//! Schemas in GraphQL's own language (October 2021 specification §3): which types are its roots, and the fields of types.
//!
//! Invariants: reading stops at the first mistake, which is told with its place, and keeps what was read before it.
//! Deliberately absent: arguments, types of fields, and whether names that are used are defined.

use std::ops::Range;

use smol_str::SmolStr;

use super::OperationKind;
use super::cursor::Cursor;
use super::lexer::What;

/// What a document defines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaDocument {
    /// Which types answer which operations, where it says so; else they are called `Query`, `Mutation`, `Subscription`.
    pub roots: Vec<(OperationKind, SmolStr)>,
    /// Object types and what extends them, in order: the name, and its fields.
    pub types: Vec<(SmolStr, Vec<SchemaField>)>,
    /// What reading stopped at.
    pub mistake: Option<SchemaMistake>,
}

/// A field of an object type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaField {
    /// Its name.
    pub name: SmolStr,
    /// Whether it says `@deprecated`.
    pub deprecated: bool,
    /// Where its name stands, in bytes.
    pub range: Range<usize>,
}

/// Where a document is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaMistake {
    /// What stands there, in bytes.
    pub range: Range<usize>,
    /// What should.
    pub wanted: &'static str,
}

/// Reads a document.
pub fn read_schema(document: &str) -> SchemaDocument {
    let mut reader = Reader { cursor: Cursor::new(document), wanted: "", read: SchemaDocument::default() };
    while !reader.cursor.is(What::End) {
        if reader.definition().is_none() {
            let token = reader.cursor.token();
            reader.read.mistake =
                Some(SchemaMistake { range: token.start..token.end, wanted: reader.wanted });
            break;
        }
    }
    reader.read
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    /// What is looked for here.
    wanted: &'static str,
    read: SchemaDocument,
}

impl Reader<'_> {
    fn definition(&mut self) -> Option<()> {
        self.description();
        self.wanted =
            "a definition: `type`, `schema`, `input`, `enum`, `interface`, `union`, `scalar`, `directive`";
        if self.cursor.peek_name() == Some("extend") {
            self.cursor.advance();
        }
        match self.cursor.peek_name()? {
            "schema" => self.schema(),
            "type" => self.object(),
            "interface" => self.braced(Body::Interface),
            "input" | "enum" => self.braced(Body::Plain),
            "union" => self.union(),
            "scalar" => {
                self.defined()?;
                self.directives()
            }
            "directive" => self.directive(),
            _ => None,
        }
    }

    /// A keyword, and the name behind it.
    fn defined(&mut self) -> Option<SmolStr> {
        self.cursor.advance();
        self.name()
    }

    fn name(&mut self) -> Option<SmolStr> {
        self.wanted = "a name";
        self.cursor.name()
    }

    fn mark(&mut self, mark: u8, wanted: &'static str) -> Option<()> {
        self.wanted = wanted;
        self.cursor.skip_mark(mark).then_some(())
    }

    fn brackets(&mut self, opening: u8) -> Option<()> {
        self.wanted = "the other bracket, before the end of the document";
        self.cursor.brackets(opening)
    }

    fn directives(&mut self) -> Option<()> {
        self.wanted = "a directive's name and arguments";
        self.cursor.directives(|_| {})
    }

    fn description(&mut self) {
        if self.cursor.is(What::String) || self.cursor.is(What::Block) {
            self.cursor.advance();
        }
    }

    /// `schema @… { query: Query }`
    fn schema(&mut self) -> Option<()> {
        self.cursor.advance();
        self.directives()?;
        if !self.cursor.skip_mark(b'{') {
            return Some(());
        }
        while !self.cursor.skip_mark(b'}') {
            self.description();
            self.wanted = "`query`, `mutation` or `subscription`";
            let kind = match self.cursor.peek_name()? {
                "query" => OperationKind::Query,
                "mutation" => OperationKind::Mutation,
                "subscription" => OperationKind::Subscription,
                _ => return None,
            };
            self.cursor.advance();
            self.mark(b':', "`:` and a type's name")?;
            let name = self.name()?;
            self.read.roots.push((kind, name));
        }
        Some(())
    }

    /// `type Name implements A & B @… { … }`
    fn object(&mut self) -> Option<()> {
        let name = self.defined()?;
        self.implements()?;
        self.directives()?;
        let mut fields = Vec::new();
        let whole = self.fields(&mut fields);
        self.read.types.push((name, fields));
        whole
    }

    fn implements(&mut self) -> Option<()> {
        if self.cursor.peek_name() == Some("implements") {
            self.cursor.advance();
            self.names(b'&')?;
        }
        Some(())
    }

    /// `| A | B`
    fn names(&mut self, between: u8) -> Option<()> {
        self.cursor.skip_mark(between);
        self.name()?;
        while self.cursor.skip_mark(between) {
            self.name()?;
        }
        Some(())
    }

    fn fields(&mut self, fields: &mut Vec<SchemaField>) -> Option<()> {
        if !self.cursor.skip_mark(b'{') {
            return Some(());
        }
        while !self.cursor.skip_mark(b'}') {
            self.description();
            self.wanted = "a field, or `}`";
            let token = self.cursor.token();
            let name = self.cursor.name()?;
            self.brackets(b'(')?;
            self.mark(b':', "`:` and the field's type")?;
            self.type_of_field()?;
            let mut deprecated = false;
            self.wanted = "a directive's name and arguments";
            self.cursor.directives(|directive| deprecated |= directive == "deprecated")?;
            fields.push(SchemaField { name, deprecated, range: token.start..token.end });
        }
        Some(())
    }

    /// `[Name!]!`
    fn type_of_field(&mut self) -> Option<()> {
        let mut open = 0_usize;
        while self.cursor.skip_mark(b'[') {
            open += 1;
        }
        self.wanted = "a type";
        self.cursor.name()?;
        self.cursor.skip_mark(b'!');
        while open > 0 {
            self.mark(b']', "`]`")?;
            self.cursor.skip_mark(b'!');
            open -= 1;
        }
        Some(())
    }

    fn braced(&mut self, body: Body) -> Option<()> {
        self.defined()?;
        if body == Body::Interface {
            self.implements()?;
        }
        self.directives()?;
        self.brackets(b'{')
    }

    fn union(&mut self) -> Option<()> {
        self.defined()?;
        self.directives()?;
        if self.cursor.skip_mark(b'=') { self.names(b'|') } else { Some(()) }
    }

    /// `directive @name(…) repeatable on A | B`
    fn directive(&mut self) -> Option<()> {
        self.cursor.advance();
        self.mark(b'@', "`@` and a name")?;
        self.name()?;
        self.brackets(b'(')?;
        if self.cursor.peek_name() == Some("repeatable") {
            self.cursor.advance();
        }
        self.wanted = "`on` and what it may stand at";
        self.cursor.peek_name().filter(|word| *word == "on")?;
        self.cursor.advance();
        self.names(b'|')
    }
}

/// What stands between a definition's braces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Fields of what may implement other interfaces.
    Interface,
    /// Anything else.
    Plain,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHOP: &str = r#"
"A shop."
schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"]) { query: Shop, mutation: Changes }
directive @auth(role: Role = ADMIN) repeatable on FIELD_DEFINITION | OBJECT
scalar Date @specifiedBy(url: "x")
enum Role { "boss" ADMIN, USER @deprecated }
union Found = | Order | Item
interface Node { id: ID! }
interface Named implements Node { id: ID! }
input NewOrder { item: ID! = "x", amount: [Int!]! = [1, 2] }
type Order implements Node & Named @key(fields: "id") { id: ID!, type: Role }
type Empty
"""
The root.
"""
type Shop {
  """ One: `{` """
  order(id: ID! = "}", deep: NewOrder = { item: 1 }): Order @auth
  orders: [[Order!]!]! # all { of them
  old(a: Int): Int @auth(role: USER) @deprecated(reason: "go")
}
extend type Shop { more: Date }
type Changes { drop: Boolean }
extend schema { subscription: News }
"#;

    #[test]
    fn root_types_and_their_fields_are_read() {
        let read = read_schema(SHOP);
        assert_eq!(read.mistake, None);
        let roots: Vec<String> =
            read.roots.iter().map(|(kind, name)| format!("{} {name}", kind.as_str())).collect();
        assert_eq!(roots, ["query Shop", "mutation Changes", "subscription News"]);
        let fields = |name: &str| -> Vec<String> {
            let parts = read.types.iter().filter(|(known, _)| known == name).flat_map(|(_, fields)| fields);
            parts.map(|one| format!("{}{}", one.name, if one.deprecated { " †" } else { "" })).collect()
        };
        assert_eq!(fields("Shop"), ["order", "orders", "old †", "more"]);
        assert_eq!(fields("Order"), ["id", "type"]);
        assert_eq!(fields("Changes"), ["drop"]);
        let order = &read.types.iter().find(|(name, _)| name == "Shop").unwrap().1[0];
        assert_eq!(&SHOP[order.range.clone()], "order");
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_stands_before_it_is_kept() {
        let check = |text: &str, at: &str, wanted: &str| {
            let mistake = read_schema(text).mistake.expect(text);
            assert_eq!((&text[mistake.range.clone()], mistake.wanted), (at, wanted), "{text}");
        };
        let definition =
            "a definition: `type`, `schema`, `input`, `enum`, `interface`, `union`, `scalar`, `directive`";
        check("query { me }", "query", definition);
        check("type Query { me: User } }", "}", definition);
        check("type Query { me User }", "User", "`:` and the field's type");
        check("type Query { me: [User }", "}", "`]`");
        check("type Query { me: }", "}", "a type");
        check("type { me: User }", "{", "a name");
        check("type Query { me: User", "", "a field, or `}`");
        check("type Query { me(a: Int : User", "", "the other bracket, before the end of the document");
        check("schema { query: Q, read: R }", "read", "`query`, `mutation` or `subscription`");
        check("directive @a FIELD", "FIELD", "`on` and what it may stand at");
        check("openapi: 3.1.0", "openapi", definition);
        let read = read_schema("type Query { me: User, you }");
        assert_eq!(read.types[0].1[0].name, "me");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in r##"(type |schema |Query|extend |union |directive |[{}()\[\]:!@=|&"#a ])*"##) {
            let read = read_schema(&text);
            if let Some(mistake) = read.mistake {
                prop_assert!(text.get(mistake.range).is_some());
            }
        }
    }
}
