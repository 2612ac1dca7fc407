//! Every node's bytes, and the parser's errors as people see them.

use proptest::prelude::*;

use super::{Kind, Syntax, parse};

/// Every node's source text with what it marks, outermost first.
fn outline(source: &str) -> Vec<(String, String)> {
    fn walk(node: &Syntax, source: &str, into: &mut Vec<(String, String)>) {
        into.push((source[node.span.clone()].to_owned(), source[node.mark.clone()].to_owned()));
        let mut children: Vec<&Syntax> = Vec::new();
        match &node.kind {
            Kind::Literal(_) | Kind::Name(_) => {}
            Kind::Field(x, _) | Kind::Not(x) | Kind::Negate(x) => children.push(x),
            Kind::Index(x, y)
            | Kind::And(x, y)
            | Kind::Or(x, y)
            | Kind::In(x, y)
            | Kind::Compare(_, x, y)
            | Kind::Arithmetic(_, x, y) => children.extend([&**x, y]),
            Kind::If(x, y, z) => children.extend([&**x, y, z]),
            Kind::List(items) => children.extend(items),
            Kind::Call { target, args, .. } => {
                children.extend(target.as_deref());
                children.extend(args);
            }
        }
        for child in children {
            walk(child, source, into);
        }
    }
    let tree = parse(source).unwrap();
    let mut found = Vec::new();
    walk(&tree, source, &mut found);
    found
}

fn spans(source: &str) -> Vec<String> {
    outline(source).into_iter().map(|(span, _)| span).collect()
}

#[test]
fn spans_are_exact_bytes_also_after_text_beyond_ascii() {
    assert_eq!(
        spans("path == \"/größe\" && method"),
        ["path == \"/größe\" && method", "path == \"/größe\"", "path", "\"/größe\"", "method"]
    );
    assert_eq!(
        spans("x . startsWith ( f((\")\")) )"),
        ["x . startsWith ( f((\")\")) )", "x", "f((\")\"))", "\")\""]
    );
    assert_eq!(
        spans("headers[ 'a]' ].b in [1, 2]"),
        [
            "headers[ 'a]' ].b in [1, 2]",
            "headers[ 'a]' ].b",
            "headers[ 'a]' ]",
            "headers",
            "'a]'",
            "[1, 2]",
            "1",
            "2"
        ]
    );
}

#[test]
fn marks_are_what_to_point_at() {
    let marks = |source| outline(source).into_iter().map(|(_, mark)| mark).collect::<Vec<_>>();
    assert_eq!(marks("a . b.matches(r\"\\.(\")"), ["matches", "b", "a", "r\"\\.(\""]);
    assert_eq!(marks("h.`x-key` // h.q(\n >= -1"), [">=", "`x-key`", "h", "1"]);
    assert_eq!(marks("!(a ? b : c)"), ["!", "?", "a", "b", "c"]);
}

fn mistake(source: &str) -> (String, String, Option<String>) {
    let problems = parse(source).expect_err(source);
    let first = &problems[0];
    (source[first.span.clone()].to_owned(), first.message.clone(), first.remedy.clone())
}

#[test]
fn syntax_errors_say_what_would_be_right() {
    insta::assert_debug_snapshot!(
        [
            "path == \"/a\" and method == \"GET\"",
            "not tag(\"x\")",
            "path = \"/a\"",
            "tag(\"a\") & tag(\"b\")",
            "path == \"/ä\" |",
            "path ==",
            "path == \"/a",
            "path.matches(\"\\d+\")",
            "path == 'a' ~ 'b'",
            "(path == \"/a\"",
            "path == “/a”",
            "size(path) > 5u",
            "path == b\"x\"",
            "body == {\"a\": 1}",
            "Thing{a: 1}",
            "if == 1",
            "body.?a == 1",
            "body[?0] == 1",
            "99999999999999999999 == 1",
            "",
        ]
        .map(|source| (source, mistake(source)))
    );
}

/// A chain or nest of `n` links.
fn deep(n: usize) -> Vec<String> {
    let nest = |open: &str, inner: &str, close: &str| [&open.repeat(n), inner, &close.repeat(n)].concat();
    let brackets = [
        nest("(", "1", ")"),
        nest("!(", "1", ")"),
        nest("f(", "1", ")"),
        nest("[", "1", "]"),
        nest("a[", "1", "]"),
        nest("a < (b || ", "1", ")"),
        nest("a || (b && ", "1", ")"),
    ];
    brackets.into_iter().collect()
}

#[test]
fn depth_and_length_are_bounded() {
    let links = [" + 1", ".a", ".f()", "[0]", " < 1", " in x", " ? 1 : a && b"];
    let chains = |n: usize| links.map(|link| format!("a{}", link.repeat(n)));
    for source in deep(500).iter().chain(&chains(3_000)).chain([&"a".repeat(70_000)]) {
        let said = parse(source).unwrap_err();
        assert!(
            said.iter()
                .any(|problem| problem.message.contains("too deeply") || problem.message.contains("longer")),
            "{said:?}"
        );
    }
    for source in deep(7).iter().chain(&chains(60)) {
        assert!(parse(source).is_ok(), "{source}");
    }
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer_with_spans_inside_it(
        tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..12),
        loose in "\\PC{0,6}",
    ) {
        let source = format!("{}{loose}", tokens.concat());
        match crate::check(&source, &crate::sample::RULES) {
            Ok(checked) => prop_assert_eq!(checked.source(), source),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(source.get(problem.span.clone()).is_some(), "{source:?}: {problem:?}");
                }
            }
        }
    }
}

/// What expressions are made of, and what they are not.
const TOKENS: &[&str] = &[
    "path",
    " ",
    "headers",
    ".",
    "x",
    "[",
    "]",
    "(",
    ")",
    "\"a\"",
    "'ö'",
    "`k-y`",
    "r\"\\d\"",
    "==",
    "!=",
    "&&",
    "||",
    "!",
    "-",
    "1",
    "2.5",
    "in",
    ",",
    "?",
    ":",
    "tag",
    "exists",
    "body",
    "{",
    "}",
    "\"",
    "'",
    "\\",
    "//",
    "\n",
    "ß",
    "#",
    "null",
    "true",
    "b\"x\"",
    "1u",
    "@",
    "\0",
    "if",
    "identity",
    "groups",
    ".startsWith(",
    "lists.tor_exits",
    "\u{feff}",
];
