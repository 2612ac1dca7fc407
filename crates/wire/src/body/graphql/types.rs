//! Which types of its schema a document names: those its fragments are of, and those of its variables.
//!
//! Invariants: one pass over the tokens, whether they make a document or not; no more than [`MOST`] names. Types that
//! every schema has are left out.

use smol_str::SmolStr;

use super::asked::MOST;
use super::cursor::Cursor;
use super::lexer::What;

/// Scalars of every schema (§3.5).
const BUILT_IN: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];

/// The names, in their order, once each.
pub fn types(document: &str) -> Vec<SmolStr> {
    let mut cursor = Cursor::new(document);
    let mut found: Vec<SmolStr> = Vec::new();
    while !cursor.is(What::End) && found.len() < MOST {
        if let Some(name) = named(&mut cursor).filter(|name| !BUILT_IN.contains(&name.as_str()))
            && let Err(place) = found.binary_search(&name)
        {
            found.insert(place, name);
        }
    }
    found
}

/// Moves on by one token at least; the type that is named there, if one is.
fn named(cursor: &mut Cursor<'_>) -> Option<SmolStr> {
    if cursor.skip_mark(b'$') {
        cursor.name()?;
        return if cursor.skip_mark(b':') { of_variable(cursor) } else { None };
    }
    if cursor.is(What::Spread) {
        cursor.advance();
        return of_fragment(cursor);
    }
    let word = cursor.peek_name();
    cursor.advance();
    if word == Some("fragment") && cursor.peek_name().is_some_and(|name| name != "on") {
        cursor.advance();
        return of_fragment(cursor);
    }
    None
}

/// `[Name!]!`
fn of_variable(cursor: &mut Cursor<'_>) -> Option<SmolStr> {
    while cursor.skip_mark(b'[') {}
    cursor.name()
}

/// `on Name`
fn of_fragment(cursor: &mut Cursor<'_>) -> Option<SmolStr> {
    if cursor.peek_name() != Some("on") {
        return None;
    }
    cursor.advance();
    cursor.name()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn types_of_fragments_and_variables_are_named() {
        for (document, expected) in [
            (
                "query($in: [OrderInput!]!, $id: ID!, $n: Int = 3) { order(in: $in, by: {a: $id b: 1}) { id } }",
                "OrderInput",
            ),
            (
                "{ search { ... on User { id } ... @skip(if: true) { x } ... on Order @x { on } ...F } }",
                "Order User",
            ),
            ("fragment F on Cart { id } fragment on on { fragment }", "Cart"),
            ("{ fragment on Cart user(of: \"... on Other\") }", ""),
            ("$ : ... on", ""),
        ] {
            assert_eq!(types(document).join(" "), expected, "{document}");
        }
        let many: String = (0..1_000).map(|at| format!("... on T{at}")).collect::<Vec<_>>().join(" ");
        assert_eq!(types(&many).len(), MOST);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in r"(fragment |on |\$a|: |\.\.\. |T |[{}()\[\]!])*") {
            prop_assert!(types(&text).len() <= MOST);
        }
    }
}
