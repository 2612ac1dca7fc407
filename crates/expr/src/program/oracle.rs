//! A naive evaluator that walks the syntax tree, and what the compiled form must agree with it on.

use proptest::prelude::*;

use crate::path::{Path, Step};
use crate::sample::{RULES, Sample};
use crate::syntax::{Arithmetic, Comparison, Kind, Literal, Syntax, parse};
use crate::value::{Facts, Value};
use crate::vocabulary::vocabulary;

/// Names bound by loops, innermost last.
type Bound<'s> = Vec<(&'s str, Value<'s>)>;

fn walk<'s>(node: &'s Syntax, facts: &'s Sample, bound: &Bound<'s>) -> Value<'s> {
    let at = |node: &'s Syntax| walk(node, facts, bound);
    match &node.kind {
        Kind::Literal(Literal::Null) => Value::Null,
        Kind::Literal(Literal::Bool(value)) => Value::Bool(*value),
        Kind::Literal(Literal::Int(number)) => Value::Int(*number),
        Kind::Literal(Literal::Double(number)) => Value::Float(*number),
        Kind::Literal(Literal::Text(text)) => Value::text(text),
        Kind::List(items) => Value::List(items.iter().map(at).collect()),
        Kind::Name(name) => match bound.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => value.clone(),
            None => variable(name, facts),
        },
        Kind::Field(..) | Kind::Index(..) => member(node, facts),
        Kind::Not(inner) => Value::Bool(at(inner) != Value::Bool(true)),
        Kind::Negate(inner) => match at(inner) {
            Value::Int(number) => number.checked_neg().map_or(Value::Null, Value::Int),
            _ => Value::Null,
        },
        Kind::And(left, right) => Value::Bool(is(&at(left)) && is(&at(right))),
        Kind::Or(left, right) => Value::Bool(is(&at(left)) || is(&at(right))),
        Kind::If(condition, yes, no) => {
            if is(&at(condition)) {
                at(yes)
            } else {
                at(no)
            }
        }
        Kind::In(item, list) => Value::Bool(held(&at(item), &at(list))),
        Kind::Compare(comparison, left, right) => compare(*comparison, left, right, &at(left), &at(right)),
        Kind::Arithmetic(operator, left, right) => arithmetic(*operator, &at(left), &at(right)),
        Kind::Call { name, target, args } => call(name, target.as_deref(), args, facts, bound),
    }
}

fn is(value: &Value<'_>) -> bool {
    *value == Value::Bool(true)
}

fn variable<'s>(name: &str, facts: &'s Sample) -> Value<'s> {
    vocabulary().iter().find(|known| known.name == name).map_or(Value::Null, |known| facts.value(known.var))
}

fn member<'s>(node: &'s Syntax, facts: &'s Sample) -> Value<'s> {
    let (mut node, mut steps) = (node, Vec::new());
    let name = loop {
        match &node.kind {
            Kind::Field(operand, key) => {
                steps.insert(0, Step::Key(key.into()));
                node = operand;
            }
            Kind::Index(operand, key) => {
                steps.insert(
                    0,
                    match &key.kind {
                        Kind::Literal(Literal::Int(index)) => Step::Index(usize::try_from(*index).unwrap()),
                        Kind::Literal(Literal::Text(key)) => Step::Key(key.into()),
                        other => panic!("{other:?}"),
                    },
                );
                node = operand;
            }
            Kind::Name(name) => break name.clone(),
            other => panic!("{other:?}"),
        }
    };
    let mut full = name;
    while !vocabulary().iter().any(|known| known.name == full && known.ty != crate::Type::Group) {
        let Step::Key(key) = steps.remove(0) else { panic!("{full}") };
        full = format!("{full}.{key}");
    }
    let var = vocabulary().iter().find(|known| known.name == full).unwrap().var;
    Path::new(steps).map_or_else(|| facts.value(var), |path| facts.member(var, &path))
}

fn singles<'v>(value: &Value<'v>) -> Vec<Value<'v>> {
    match value {
        Value::Many(texts) => texts.iter().cloned().map(Value::Str).collect(),
        one => vec![one.clone()],
    }
}

fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, _) => false,
        (left, right) => left == right,
    }
}

fn any_same(left: &Value<'_>, right: &Value<'_>) -> bool {
    singles(left).iter().any(|left| singles(right).iter().any(|right| same(left, right)))
}

fn compare<'s>(
    comparison: Comparison,
    left_node: &Syntax,
    right_node: &Syntax,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Value<'s> {
    let null = |node: &Syntax| matches!(node.kind, Kind::Literal(Literal::Null));
    let equal = if null(left_node) || null(right_node) {
        left.is_null() && right.is_null()
    } else {
        any_same(left, right)
    };
    let ordered = |wanted: fn(&f64, &f64) -> bool| match (left, right) {
        (Value::Int(left), Value::Int(right)) => wanted(&(*left as f64), &(*right as f64)),
        _ => false,
    };
    Value::Bool(match comparison {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        Comparison::Less => ordered(f64::lt),
        Comparison::LessOrEqual => ordered(f64::le),
        Comparison::Greater => ordered(f64::gt),
        Comparison::GreaterOrEqual => ordered(f64::ge),
    })
}

fn arithmetic<'s>(operator: Arithmetic, left: &Value<'_>, right: &Value<'_>) -> Value<'s> {
    let (Value::Int(left), Value::Int(right)) = (left, right) else { return Value::Null };
    let (left, right) = (i128::from(*left), i128::from(*right));
    let result = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => return Value::Null,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    };
    i64::try_from(result).map_or(Value::Null, Value::Int)
}

fn held(item: &Value<'_>, list: &Value<'_>) -> bool {
    match (item, list) {
        (Value::Ip(ip), Value::List(nets)) => nets.iter().any(|net| match net {
            Value::Str(net) => net.parse::<ipnet::IpNet>().unwrap().contains(ip),
            _ => false,
        }),
        (item, Value::List(items)) => items.iter().any(|held| any_same(item, held)),
        (item, Value::Strings(words)) => words.iter().any(|word| any_same(item, &Value::text(word))),
        _ => false,
    }
}

fn call<'s>(
    name: &str,
    target: Option<&'s Syntax>,
    args: &'s [Syntax],
    facts: &'s Sample,
    bound: &Bound<'s>,
) -> Value<'s> {
    let first = || walk(&args[0], facts, bound);
    let texts = |passes: fn(&str, &str) -> bool| {
        let (text, part) = (walk(target.unwrap(), facts, bound), first());
        singles(&text).iter().any(|text| match (text, &part) {
            (Value::Str(text), Value::Str(part)) => passes(text, part),
            _ => false,
        })
    };
    Value::Bool(match name {
        "tag" => matches!(first(), Value::Str(tag) if facts.has_tag(&tag)),
        "tagged" => matches!(first(), Value::Str(tag) if facts.has_tag_with(&tag)),
        "has" => !first().is_null(),
        "startsWith" => texts(|text, part| text.starts_with(part)),
        "endsWith" => texts(|text, part| text.ends_with(part)),
        "contains" => texts(|text, part| text.contains(part)),
        "matches" => texts(|text, part| regex_automata::meta::Regex::new(part).unwrap().is_match(text)),
        "exists" | "all" => {
            let Kind::Name(item) = &args[0].kind else { panic!() };
            let items: Vec<Value<'s>> = match walk(target.unwrap(), facts, bound) {
                Value::List(items) => items,
                Value::Strings(words) => words.iter().map(|word| Value::text(word)).collect(),
                _ => return Value::Bool(false),
            };
            let passes = |value: Value<'s>| {
                let mut bound = bound.clone();
                bound.push((item, value));
                is(&walk(&args[1], facts, &bound))
            };
            if name == "all" { items.into_iter().all(passes) } else { items.into_iter().any(passes) }
        }
        other => panic!("{other}"),
    })
}

fn leaf() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["/", "/a", "/ab", "/b", "/ba"]);
    let text = prop::sample::select(vec!["path", "headers.x"]);
    let comparison = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let number = -2_i64..3;
    prop_oneof![
        (text.clone(), word.clone()).prop_map(|(text, word)| format!("{text} == '{word}'")),
        (text.clone(), word.clone()).prop_map(|(text, word)| format!("'{word}' != {text}")),
        (text.clone(), prop::collection::vec(word.clone(), 1..9))
            .prop_map(|(text, words)| format!("{text} in ['{}']", words.join("', '"))),
        (
            text.clone(),
            prop::sample::select(vec!["startsWith", "endsWith", "contains", "matches"]),
            word.clone()
        )
            .prop_map(|(text, test, word)| format!("{text}.{test}('{word}')")),
        (text, prop::collection::vec(word, 0..4))
            .prop_map(|(text, words)| format!("{words:?}.exists(w, {text}.startsWith(w))")),
        (comparison.clone(), number.clone()).prop_map(|(op, number)| format!("status {op} {number}")),
        (comparison, number.clone(), number.clone())
            .prop_map(|(op, left, right)| format!("status % {left} {op} 3 * {right} - 1")),
        prop::collection::vec(number, 1..4).prop_map(|numbers| format!("status in {numbers:?}")),
        prop::sample::select(vec![
            "tag('a:b')",
            "tagged('a:')",
            "has(headers.x)",
            "headers.x == null",
            "body.flag",
            "body.flag == 1",
            "body.flag != '/a'",
            "body.flag in [1, '/a', true]",
            "ip in ['10.0.0.0/8', '192.0.2.1/32']",
            "'/a' in identity.groups",
            "identity.groups.exists(g, g == path)",
            "identity.groups.all(g, g.startsWith('/a') || g == headers.x)",
            "identity.groups.exists(g, identity.groups.all(h, h.startsWith(g)))",
            "headers.x == path",
            "method == 'GET'",
            "(status == 1 ? path : method) == '/a'",
            "true",
            "false",
        ])
        .prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} && {right})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(x, y, z)| format!("({x} || {y} || {z})")),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(x, y, z)| format!("({x} ? {y} : {z})")),
        ]
    })
}

fn sample() -> impl Strategy<Value = Sample> {
    let paths = prop::sample::select(vec!["/", "/a", "/ab", "/b", "/ba"]);
    let loose = prop::sample::select(vec![
        Value::Null,
        Value::text("/a"),
        Value::Many(vec!["/b".into(), "/ab".into()]),
        Value::Int(1),
        Value::Bool(true),
    ]);
    let texts = prop::sample::select(vec![
        Value::Null,
        Value::text("/a"),
        Value::Many(vec!["/b".into(), "/ab".into()]),
    ]);
    let ips = prop::sample::select(vec!["10.9.8.7", "192.0.2.1", "2001:db8::1"]);
    let groups = prop::collection::vec(paths.clone(), 0..3);
    (paths, -2_i64..3, texts, loose, ips, groups, any::<bool>()).prop_map(
        |(path, status, x, flag, ip, groups, tagged)| Sample {
            path,
            status,
            x,
            flag,
            ip: ip.parse().unwrap(),
            groups: groups.into_iter().map(Into::into).collect(),
            tags: if tagged { vec!["a:b"] } else { vec!["b:c"] },
            ..Sample::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_compiled_form_agrees_with_walking_the_tree(source in condition(), facts in prop::collection::vec(sample(), 4)) {
        let program = crate::check(&source, &RULES).map_err(|problems| TestCaseError::fail(format!("{source}: {problems:?}")))?.compile();
        let tree = parse(&source).unwrap();
        for facts in &facts {
            prop_assert_eq!(program.holds(facts), is(&walk(&tree, facts, &Vec::new())), "{} with {:?}", source, facts);
        }
    }
}
