//! Patterns as written, and what they match.

use proptest::prelude::*;

use super::*;

fn groups(pattern: &str, text: &str) -> Option<Vec<Option<String>>> {
    let compiled = Pattern::compile(pattern.as_bytes()).unwrap();
    let mut work = Work::default();
    let places = compiled.find_at(text.as_bytes(), 0, &mut work)?;
    let part = |place: &Option<std::ops::Range<usize>>| place.clone().map(|range| text[range].to_owned());
    Some(places.groups().iter().take(4).map(part).collect())
}

fn check(pattern: &str, text: &str, expected: Option<&str>) {
    let found = groups(pattern, text).map(|groups| groups[0].clone().unwrap());
    assert_eq!(found.as_deref(), expected, "{pattern} in {text:?}");
}

#[test]
fn patterns_mean_what_pcre_means() {
    check(r"[a[b]+", "x[[b", Some("[[b"));
    check(r"[a&&b]+", "&b", Some("&b"));
    check(r"[+--]+", "a+,-", Some("+,-"));
    check(r"[]a]+", "]a", Some("]a"));
    check(r"[^]a]", "]ab", Some("b"));
    check(r"\<a\>", "<a>", Some("<a>"));
    check(r"a{,3}", "a{,3}", Some("a{,3}"));
    check(r"a{2}", "aaa", Some("aa"));
    check(r"\x{41}\x42\103\e?", "ABC", Some("ABC"));
    check(r"[\b\-\x{7a}]", "z", Some("z"));
    check(r"[[:alpha:]_]+", "1a_b2", Some("a_b"));
    check(r"[[:^alpha:]]+", "a12b", Some("12"));
    check(r"a.b$", "a\nb", Some("a\nb"));
    check(r"a$", "a\n", None);
    check(r"a\Z", "a\n", Some("a"));
    check(r"(?i)sElEcT", "SELECT", Some("SELECT"));
    check(r"(?i:a)b", "AB", None);
    check(r"a(?i)b|c", "C", Some("C"));
    check(r"(?x) a b # and so on", "ab", Some("ab"));
    check(r"\Qa.b\E+", "a.bbb", Some("a.bbb"));
    check(r"\s\v", "\x0b\n", Some("\x0b\n"));
    check(r"(?-s)a.b", "a\nb", None);
    check(r"(?m)^b$", "a\nb\nc", Some("b"));
    check(r"\bcat\b", "a cat.", Some("cat"));
    check(r"[\w-]+", "a-b", Some("a-b"));
}

#[test]
fn what_no_linear_engine_matches_is_matched_under_the_budget() {
    check(r"<\?(?!xml)", "<?php", Some("<?"));
    check(r"<\?(?!xml)", "<?xml", None);
    check(r"(?<=a)b", "xab", Some("b"));
    check(r"(?<!a)b", "abb", Some("b"));
    check(r"(?<=ab|c)d", "xcd", Some("d"));
    check(r"(?<!ab|c)d", "cd abd xd", Some("d"));
    check(r"(['\x22]).*?\1", "a'b\"c'", Some("'b\"c'"));
    check(r"(?i)(a)\1", "xaA", Some("aA"));
    check(r"(?:a|ab)(?=c)", "abc", Some("ab"));
    check(r"(?>a+)ab", "aaab", None);
    check(r"a++b", "aaab", Some("aaab"));
    check(r"(?<q>x)\k<q>", "axx", Some("xx"));
    check(r"^(?:(a)|b)*\1$", "abaa", Some("abaa"));
    assert_eq!(groups(r"(?=(\w+))\1:", "abc:"), Some(vec![Some("abc:".into()), Some("abc".into())]));
}

#[test]
fn a_budget_that_runs_out_is_said() {
    let pattern = Pattern::compile(br"^(?:a+)+(?!bc)b").unwrap();
    let text = [b"a".repeat(60), b"bc".to_vec()].concat();
    let mut work = Work::default();
    assert!(pattern.is_bounded() && pattern.find_at(&text, 0, &mut work).is_none());
    assert!(work.exhausted && work.steps == 0);
    let mut work = Work::default();
    assert!(pattern.find_at(b"aaab", 0, &mut work).is_some() && !work.exhausted);
}

#[test]
fn what_is_no_pattern_is_explained() {
    for pattern in [
        "(",
        ")",
        "[a",
        "*a",
        "a{3,2}",
        "(?z)",
        r"\2",
        "(?<=a*)b",
        r"\x{100}",
        "[z-a]",
        r"a\",
        "[[:nothing:]]",
    ] {
        assert!(Pattern::compile(pattern.as_bytes()).is_err(), "{pattern}");
    }
    let deep = "(".repeat(5000);
    assert!(Pattern::compile(deep.as_bytes()).is_err());
    assert!(Pattern::compile(b"(((a{1000}){1000}){1000})").is_err());
}

/// Nested, asking for nothing again and again took 65,535 × 65,535 × … rounds.
#[test]
fn nothing_is_repeated_once() {
    let pattern = format!("(?=a){}{}", "(?:".repeat(8), "){65535}".repeat(8));
    check(&pattern, "ba", Some(""));
}

fn patterns() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abc]",
        Just("[ab]".to_owned()),
        Just("[^a]".to_owned()),
        Just(".".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned()),
        Just(r"\b".to_owned()),
        Just(r"\w".to_owned()),
    ];
    leaf.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            inner.clone().prop_map(|part| format!("({part})")),
            (inner, prop_oneof!["[*+?]", Just("{1,2}".to_owned())], "\\??")
                .prop_map(|(part, how, lazy)| format!("(?:{part}){how}{lazy}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    /// The bounded engine and the linear one agree where both can match: on whether and where a match begins, and on its
    /// end unless a loop may prefer a round that takes nothing, which ends it in PCRE and not in the linear engine.
    #[test]
    fn both_engines_agree(pattern in patterns(), text in "[abc ]{0,8}") {
        let linear = Pattern::compile(pattern.as_bytes()).unwrap();
        let bounded = Pattern::compile(format!("{pattern}(?=)").as_bytes()).unwrap();
        prop_assert!(!linear.is_bounded() && bounded.is_bounded());
        let mut work = Work { steps: u64::MAX, ..Work::default() };
        let found = linear.find_at(text.as_bytes(), 0, &mut work).map(|places| places.whole());
        let other = bounded.find_at(text.as_bytes(), 0, &mut work).map(|places| places.whole());
        let begin = |place: &Option<std::ops::Range<usize>>| place.as_ref().map(|place| place.start);
        prop_assert_eq!(begin(&found), begin(&other));
        if !["|", "??", "*?", "+?", "}?"].iter().any(|choice| pattern.contains(choice)) {
            prop_assert_eq!(found, other);
        }
    }

    /// Looking ahead for what is matched next anyway changes nothing, whatever notes and ways it leaves open in loops.
    #[test]
    fn looking_ahead_changes_nothing(pattern in patterns(), text in "[abc ]{0,8}") {
        let plain = Pattern::compile(format!("(?:{pattern})*c(?=)").as_bytes()).unwrap();
        let ahead = Pattern::compile(format!("(?:(?=(?:{pattern}))(?:{pattern}))*c").as_bytes()).unwrap();
        let mut work = Work { steps: u64::MAX, ..Work::default() };
        let found = plain.find_at(text.as_bytes(), 0, &mut work).map(|places| places.whole());
        let other = ahead.find_at(text.as_bytes(), 0, &mut work).map(|places| places.whole());
        prop_assert_eq!(found, other);
    }

    /// Any bytes are a pattern or a problem, and what is a pattern can be run.
    #[test]
    fn no_pattern_panics(pattern in r"([ -~]|\\[a-zA-Z0-9]|\(\?[a-zA-Z<=!>:]|\[|\]|[*+?{}|]){0,16}", text in ".{0,12}") {
        if let Ok(pattern) = Pattern::compile(pattern.as_bytes()) {
            let mut work = Work { steps: 10_000, ..Work::default() };
            let _ = pattern.find_at(text.as_bytes(), 0, &mut work);
        }
    }
}
