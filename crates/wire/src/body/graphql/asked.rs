//! What the operations of a document ask their root types for, by name.
//!
//! Invariants: one pass over the tokens, and one over what is kept of them; a fragment is put in its place once; more
//! than [`MOST`] operations, or fields of one, are never kept. Reading stops at the first syntax error and keeps what was
//! read.
//! Deliberately absent: anything below the root fields.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::cursor::Cursor;
use super::lexer::What;

/// Operations of a document, and fields of one, that are kept.
pub(super) const MOST: usize = 64;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// It reads.
    Query,
    /// It changes something.
    Mutation,
    /// It waits for what happens.
    Subscription,
}

impl OperationKind {
    /// As documents write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
        }
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it does.
    pub kind: OperationKind,
    /// The name its client gave it.
    pub name: Option<SmolStr>,
    /// The fields of the root type it asks for, fragments put in their places.
    pub fields: Vec<RootField>,
}

/// A field of a root type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootField {
    /// Its name in the schema.
    pub name: SmolStr,
    /// Its name in the answer, which an alias may change.
    pub key: SmolStr,
}

/// What each operation of a document asks for.
pub fn asked(document: &str) -> Vec<Asked> {
    let mut reader = Reader { cursor: Cursor::new(document) };
    let (mut operations, mut fragments) = (Vec::new(), BTreeMap::new());
    while let Some(definition) = reader.definition() {
        match definition {
            Definition::Operation(operation, roots) if operations.len() < MOST => {
                operations.push((operation, roots));
            }
            Definition::Operation(..) => {}
            Definition::Fragment(name, roots) => {
                fragments.entry(name).or_insert(roots);
            }
        }
    }
    let resolved = operations.into_iter().map(|(operation, roots)| {
        let fields = resolve(roots, &fragments);
        Asked { fields, ..operation }
    });
    resolved.collect()
}

/// What stands at the root of a selection set.
#[derive(Clone, Debug, Default)]
struct Roots {
    fields: Vec<RootField>,
    spreads: Vec<SmolStr>,
}

enum Definition {
    Operation(Asked, Roots),
    Fragment(SmolStr, Roots),
}

/// The fields at the root, those of fragments behind them; each fragment once.
fn resolve(roots: Roots, fragments: &BTreeMap<SmolStr, Roots>) -> Vec<RootField> {
    let Roots { mut fields, spreads: mut open } = roots;
    let mut done: BTreeSet<SmolStr> = BTreeSet::new();
    while let Some(name) = open.pop().filter(|_| fields.len() < MOST) {
        if let Some(found) = fragments.get(&name).filter(|_| done.insert(name.clone())) {
            fields.extend(found.fields.iter().cloned());
            open.extend(found.spreads.iter().filter(|name| !done.contains(*name)).cloned());
        }
    }
    fields.truncate(MOST);
    fields
}

struct Reader<'a> {
    cursor: Cursor<'a>,
}

impl Reader<'_> {
    fn definition(&mut self) -> Option<Definition> {
        let operation = |kind, name| Asked { kind, name, fields: Vec::new() };
        if self.cursor.is_mark(b'{') {
            let roots = self.roots()?;
            return Some(Definition::Operation(operation(OperationKind::Query, None), roots));
        }
        let kind = match self.cursor.name()?.as_str() {
            "query" => OperationKind::Query,
            "mutation" => OperationKind::Mutation,
            "subscription" => OperationKind::Subscription,
            "fragment" => {
                let name = self.cursor.name()?;
                // `on Type`
                self.cursor.name()?;
                self.cursor.name()?;
                self.cursor.directives(|_| {})?;
                return Some(Definition::Fragment(name, self.roots()?));
            }
            _ => return None,
        };
        let name = if self.cursor.is(What::Name) { self.cursor.name() } else { None };
        self.cursor.brackets(b'(')?;
        self.cursor.directives(|_| {})?;
        Some(Definition::Operation(operation(kind, name), self.roots()?))
    }

    /// `{ … }`; braces of inline fragments stand for nothing. What breaks off is kept as far as it goes.
    fn roots(&mut self) -> Option<Roots> {
        if !self.cursor.is_mark(b'{') {
            return None;
        }
        let mut roots = Roots::default();
        let mut open = 0_usize;
        loop {
            if self.cursor.is_mark(b'{') {
                open += 1;
                self.cursor.advance();
            } else if self.cursor.is_mark(b'}') {
                open = open.saturating_sub(1);
                self.cursor.advance();
            } else if self.root(&mut roots).is_none() {
                // What follows is read as nothing, and so ends the document.
                return Some(roots);
            }
            if open == 0 {
                return Some(roots);
            }
        }
    }

    /// One field, spread or the beginning of an inline fragment.
    fn root(&mut self, roots: &mut Roots) -> Option<()> {
        if self.cursor.is(What::Spread) {
            self.cursor.advance();
            if self.cursor.is(What::Name) {
                let name = self.cursor.name()?;
                if name == "on" {
                    self.cursor.name()?;
                } else if roots.spreads.last() != Some(&name) {
                    roots.spreads.push(name);
                }
            }
            return self.cursor.directives(|_| {});
        }
        let key = self.cursor.name()?;
        let name = if self.cursor.is_mark(b':') {
            self.cursor.advance();
            self.cursor.name()?
        } else {
            key.clone()
        };
        if roots.fields.len() < MOST {
            roots.fields.push(RootField { name, key });
        }
        self.cursor.brackets(b'(')?;
        self.cursor.directives(|_| {})?;
        self.cursor.brackets(b'{')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `kind name: key=field …`
    fn check(document: &str, wanted: &[&str]) {
        let told: Vec<String> = asked(document)
            .iter()
            .map(|one| {
                let fields = one.fields.iter().map(|field| {
                    if field.key == field.name {
                        field.name.to_string()
                    } else {
                        format!("{}={}", field.key, field.name)
                    }
                });
                let fields = fields.collect::<Vec<_>>().join(" ");
                format!("{} {}: {fields}", one.kind.as_str(), one.name.as_deref().unwrap_or("-"))
            })
            .collect();
        assert_eq!(told, wanted, "{document}");
    }

    #[test]
    fn operations_ask_for_fields() {
        check("{ me { id } }", &["query -: me"]);
        check(
            "query Q($n: Int = 3, $in: I = {a: [1]}) @live { me { id } all: orders(first: $n, by: {x: \"}\"}) { id } }",
            &["query Q: me all=orders"],
        );
        check(
            "mutation M { drop(id: 1) } subscription { news }",
            &["mutation M: drop", "subscription -: news"],
        );
        check(
            "query { ... on Query { me } ... @include(if: true) { you { id } } we }",
            &["query -: me you we"],
        );
        check(
            "query A { ...F x } fragment F on Query { me ...G } fragment G on Query { you ...F }",
            &["query A: x me you"],
        );
        check("type Query { me: User }", &[]);
        check("query Broken { me { id } you(", &["query Broken: me you"]);
        check("", &[]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let fields: String = (0..1_000).map(|at| format!("f{at}")).collect::<Vec<_>>().join(" ");
        let one = asked(&format!("{{ {fields} }}"));
        assert_eq!(one[0].fields.len(), MOST);
        assert_eq!(asked(&"{ a }".repeat(1_000)).len(), MOST);
    }

    proptest! {
        #[test]
        fn anything_is_read_to_its_end(document in "[a-c{}()@.: $\"]{0,60}") {
            prop_assert!(asked(&document).len() <= MOST);
        }
    }
}
