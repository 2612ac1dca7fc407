//! No match is ever lost: generated expressions on generated and sampled values, and CRS on the corpora.

use proptest::prelude::*;
use regex_automata::meta::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{Bits, Necessary, Scanner, Scratch, Shape};

fn parse(pattern: &str) -> Hir {
    regex_syntax::ParserBuilder::new()
        .utf8(false)
        .unicode(false)
        .dot_matches_new_line(true)
        .build()
        .parse(pattern)
        .unwrap()
}

fn matcher(hir: &Hir) -> Regex {
    Regex::builder().build_from_hir(hir).unwrap()
}

/// A value that `hir` is likely to match: choices are drawn from `seed`.
fn sample(hir: &Hir, seed: &mut u64, out: &mut Vec<u8>) {
    let mut draw = |bound: usize| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as usize % bound.max(1)
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(Class::Bytes(class)) => {
            let range = class.ranges()[draw(class.ranges().len())];
            out.push(range.start() + draw(usize::from(range.end() - range.start()) + 1) as u8);
        }
        HirKind::Class(Class::Unicode(class)) => {
            let range = class.ranges()[draw(class.ranges().len())];
            out.extend_from_slice(range.start().encode_utf8(&mut [0; 4]).as_bytes());
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + 3).min(repetition.min + 3);
            let times = repetition.min + draw((most - repetition.min) as usize + 1) as u32;
            (0..times).for_each(|_| sample(&repetition.sub, seed, out));
        }
        HirKind::Capture(capture) => sample(&capture.sub, seed, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| sample(part, seed, out)),
        HirKind::Alternation(parts) => sample(&parts[draw(parts.len())], seed, out),
    }
}

/// Every expression that matches `value` must be among the candidates.
fn check(patterns: &[(String, Regex, Necessary)], scanner: &Scanner, value: &[u8], scratch: &mut Scratch) {
    let mut found = Bits::new();
    scanner.candidates(value, &mut found, scratch);
    // With all of CRS that would take long.
    for step in (1..4).filter(|_| patterns.len() < 50) {
        check_some(scanner, value, &(0..patterns.len()).step_by(step).collect(), &found, scratch);
    }
    if patterns.len() < 50 {
        let needs: Vec<Necessary> = patterns.iter().map(|(_, _, needs)| needs.clone()).collect();
        let some: Bits = (0..patterns.len()).step_by(2).collect();
        let (mut expected, mut alone) = (found.clone(), Bits::new());
        expected.intersect_with(&some);
        Scanner::build_some(&needs, &some).candidates(value, &mut alone, scratch);
        assert_eq!(alone, expected, "{:?}", value.escape_ascii().to_string());
    }
    for (index, (pattern, regex, needs)) in patterns.iter().enumerate() {
        if found.contains(index) {
            continue;
        }
        assert!(!regex.is_match(value), "lost: {pattern} on {:?}", value.escape_ascii().to_string());
        assert!(
            !needs.holds(value),
            "the scanner says more than {pattern} on {:?}",
            value.escape_ascii().to_string()
        );
    }
}

/// What is asked of some items is answered as it is of all.
fn check_some(scanner: &Scanner, value: &[u8], items: &Bits, found: &Bits, scratch: &mut Scratch) {
    let shape = Shape::of(value);
    let sorted = scanner.sort_out(shape, items);
    let mut some = Bits::new();
    if sorted.wait {
        scanner.find_texts(value, shape, &mut some, scratch);
        some.intersect_with(items);
    }
    some.union_with(&sorted.open.iter().map(|item| *item as usize).collect());
    let mut expected = found.clone();
    expected.intersect_with(items);
    assert_eq!(some, expected, "{:?}", value.escape_ascii().to_string());
    // What a value with fewer kinds of bytes is let through to, one with more may be.
    let more = shape.with(Shape::of(b"({<'/ 07"));
    assert!(scanner.may_open(items, more) || some.is_empty());
}

fn prepare(patterns: impl IntoIterator<Item = String>) -> (Vec<(String, Regex, Necessary)>, Scanner) {
    let patterns: Vec<_> = patterns
        .into_iter()
        .map(|pattern| {
            let hir = parse(&pattern);
            (pattern, matcher(&hir), Necessary::of_regex(&hir))
        })
        .collect();
    let needs: Vec<Necessary> = patterns.iter().map(|(_, _, needs)| needs.clone()).collect();
    (patterns, Scanner::build(&needs))
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[abAB1_ ]{1,4}",
        1 => prop::sample::select(vec![
            "\\$", "'", "<", ";", "\\x5c", "\\xe9", "[ab]", "[^a]", "[a-f0-9]", "\\s", "\\w", "\\W", "\\d", ".", "\\b",
            "\\B", "^", "$", "[\"'\\)]", "\\n", "(?m:^)", "(?-u:\\xff)", "(?u:\\pL)", "(?u:\\b)", "(?iu:k)",
        ]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            1 => (inner.clone(), prop::sample::select(vec!["?", "*", "+", "*?", "{2}", "{1,3}", "{6,}"]))
                .prop_map(|(part, times)| format!("(?:{part}){times}")),
            1 => inner.prop_map(|part| format!("(?i:{part})")),
        ]
    })
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[abAB1_ $'<;\\\\\n\"\\)ék]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..24),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_match_is_lost(patterns in prop::collection::vec(expression(), 1..6), values in prop::collection::vec(value(), 1..8), seed: u64) {
        let (patterns, scanner) = prepare(patterns);
        let mut scratch = Scratch::new();
        let mut seed = seed;
        for value in &values {
            check(&patterns, &scanner, value, &mut scratch);
            for (pattern, _, _) in &patterns {
                let mut around = value.clone();
                sample(&parse(pattern), &mut seed, &mut around);
                check(&patterns, &scanner, &around, &mut scratch);
                let mut alone = Vec::new();
                sample(&parse(pattern), &mut seed, &mut alone);
                check(&patterns, &scanner, &alone, &mut scratch);
                alone.extend_from_slice(value);
                check(&patterns, &scanner, &alone, &mut scratch);
            }
        }
    }

    #[test]
    fn combined_conditions_mean_what_they_say(literals in prop::collection::vec("[a-cA-C<]{1,3}", 1..4), other in "[a-c<]{1,3}", value in "[a-cA-C<]{0,8}") {
        let value = value.as_bytes();
        let folded = value.to_ascii_lowercase();
        let occurs = |text: &str| folded.windows(text.len()).any(|part| part == text.to_ascii_lowercase().as_bytes());
        let one = Necessary::of_literals(&literals);
        let begins = Necessary::of_prefixes([&other]);
        let (holds, starts) = (literals.iter().any(|text| occurs(text)), folded.starts_with(other.as_bytes()));
        for (needs, must) in [
            (one.clone(), holds),
            (one.clone().and(begins.clone()), holds && starts),
            (one.clone().or(begins.clone()), holds || starts),
            (Necessary::never().or(one.clone()), holds),
            (Necessary::of_suffixes(&literals), literals.iter().any(|text| folded.ends_with(text.to_ascii_lowercase().as_bytes()))),
            (Necessary::of_whole([&other]), folded == other.as_bytes()),
        ] {
            let mut found = Bits::new();
            Scanner::build(std::slice::from_ref(&needs)).candidates(value, &mut found, &mut Scratch::new());
            prop_assert!(!must || (needs.holds(value) && found.contains(0)), "{needs:?}");
        }
    }
}

#[test]
fn what_cannot_match_is_ruled_out() {
    let (_, scanner) = prepare(
        [
            r"(?i)union.*?select.*?from",
            r"<script[^>]*>",
            r"^(?:json\.)?(?:sid|token)$",
            r#"(?i)c["')\[\x5c]*(?:\$[a-z]*)?a["')\[\x5c]*(?:\$[a-z]*)?t\s"#,
            r"\b(?:eval|exec)\b\s*\(",
            r"[0-9]{5,}",
        ]
        .map(str::to_owned),
    );
    let mut scratch = Scratch::new();
    for (value, candidates) in [
        ("hello world", &[][..]),
        ("a union of members", &[]),
        ("UNION all SELECT x FROM y", &[0]),
        ("<b>script</b>", &[]),
        ("<SCRIPT>", &[1]),
        ("a token", &[]),
        ("token", &[2]),
        ("the cab is here", &[]),
        ("the cat is here", &[3]),
        ("it's c$x'a\"t ", &[3]),
        ("medieval (times)", &[]),
        ("eval (x)", &[4]),
        ("123", &[]),
    ] {
        let mut found = Bits::new();
        scanner.candidates(value.as_bytes(), &mut found, &mut scratch);
        assert_eq!(found.iter().collect::<Vec<_>>(), candidates, "{value}");
    }
}

#[test]
fn one_scratch_serves_many_scanners() {
    let mut scratch = Scratch::new();
    let scanners: Vec<Scanner> = (0..20)
        .map(|n| Scanner::build(&[Necessary::of_literals([format!("word{n:02}")]), Necessary::any()]))
        .collect();
    for round in 0..3 {
        for (n, scanner) in scanners.iter().enumerate() {
            let mut found = Bits::new();
            scanner.candidates(format!("a word{:02}", (n + round) % 20).as_bytes(), &mut found, &mut scratch);
            assert_eq!(found.contains(0), round == 0, "{n}");
            assert!(found.contains(1));
        }
    }
}
