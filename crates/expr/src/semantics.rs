//! What values mean to operators and functions.
//!
//! Invariants: nothing here fails. An operation on what is absent or has the wrong type gives null, and a test
//! of it does not hold; null equals nothing, not even another null (the literal `null` is asked for apart).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::Duration;

use portcullis_model::Timestamp;

use crate::syntax::{Arithmetic, Comparison};
use crate::typed::Conversion;
use crate::value::Value;

/// Whether a text passes, or for a repeated one, any of its values.
pub(crate) fn any_text(value: &Value<'_>, passes: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Str(text) => passes(text),
        Value::Many(texts) => texts.iter().any(|text| passes(text)),
        Value::Several(values) => values.iter().any(|one| matches!(one, Value::Str(text) if passes(text))),
        _ => false,
    }
}

/// Whether it is true, or one of several values is.
pub(crate) fn is_true(value: &Value<'_>) -> bool {
    match value {
        Value::Bool(is) => *is,
        Value::Several(values) => values.contains(&Value::Bool(true)),
        _ => false,
    }
}

/// Whether the comparison holds. `!=` is the opposite of `==`, also for what is absent.
pub(crate) fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    match comparison {
        Comparison::Equal => any_pair(left, right, Ordering::is_eq),
        Comparison::NotEqual => !any_pair(left, right, Ordering::is_eq),
        Comparison::Less => any_pair(left, right, Ordering::is_lt),
        Comparison::LessOrEqual => any_pair(left, right, Ordering::is_le),
        Comparison::Greater => any_pair(left, right, Ordering::is_gt),
        Comparison::GreaterOrEqual => any_pair(left, right, Ordering::is_ge),
    }
}

fn any_pair(left: &Value<'_>, right: &Value<'_>, wanted: fn(Ordering) -> bool) -> bool {
    match (left, right) {
        (Value::Many(texts), other) => texts.iter().any(|text| any_pair(&Value::text(text), other, wanted)),
        (_, Value::Many(texts)) => texts.iter().any(|text| any_pair(left, &Value::text(text), wanted)),
        (Value::Several(values), other) => values.iter().any(|value| any_pair(value, other, wanted)),
        (_, Value::Several(values)) => values.iter().any(|value| any_pair(left, value, wanted)),
        _ => order(left, right).is_some_and(wanted),
    }
}

/// How two values of comparable types stand to each other.
fn order(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Ip(left), Value::Ip(right)) => Some(left.to_canonical().cmp(&right.to_canonical())),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        (Value::Span(left), Value::Span(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Whether a list includes an item; a repeated text counts as the list of its values.
pub(crate) fn includes(list: &Value<'_>, item: &Value<'_>) -> bool {
    let same = |held: &Value<'_>| compare(Comparison::Equal, held, item);
    match list {
        Value::Strings(words) => any_text(item, |text| words.iter().any(|word| word == text)),
        Value::Many(texts) => texts.iter().any(|text| same(&Value::text(text))),
        Value::List(items) => items.iter().any(same),
        Value::Several(lists) => lists.iter().any(|list| includes(list, item)),
        _ => false,
    }
}

/// The items of a list; none of what is no list.
pub(crate) fn items(list: Value<'_>) -> Option<Vec<Value<'_>>> {
    match list {
        Value::Strings(words) => Some(words.iter().map(|word| Value::text(word)).collect()),
        Value::Many(texts) => Some(texts.into_iter().map(Value::Str).collect()),
        Value::List(items) => Some(items),
        Value::Several(lists) => Some(lists.into_iter().filter_map(items).flatten().collect()),
        _ => None,
    }
}

/// Computes; null where that overflows, divides by zero or makes no sense.
pub(crate) fn arithmetic<'f>(operator: Arithmetic, left: &Value<'f>, right: &Value<'f>) -> Value<'f> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            let result = match operator {
                Arithmetic::Add => left.checked_add(*right),
                Arithmetic::Subtract => left.checked_sub(*right),
                Arithmetic::Multiply => left.checked_mul(*right),
                Arithmetic::Divide => left.checked_div(*right),
                Arithmetic::Remainder => left.checked_rem(*right),
            };
            result.map_or(Value::Null, Value::Int)
        }
        (Value::Float(left), Value::Float(right)) => floats(operator, *left, *right),
        (Value::Int(left), Value::Float(right)) => floats(operator, *left as f64, *right),
        (Value::Float(left), Value::Int(right)) => floats(operator, *left, *right as f64),
        (Value::Str(left), Value::Str(right)) if operator == Arithmetic::Add => {
            Value::Str(Cow::Owned([&**left, &**right].concat()))
        }
        _ => Value::Null,
    }
}

fn floats<'f>(operator: Arithmetic, left: f64, right: f64) -> Value<'f> {
    Value::Float(match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    })
}

/// A function of one value; null where it has no result.
pub(crate) fn convert(conversion: Conversion, value: Value<'_>) -> Value<'_> {
    match conversion {
        Conversion::Int => each_number(&value, |one| int(one).map(Value::Int)),
        Conversion::Double => each_number(&value, |one| double(one).map(Value::Float)),
        Conversion::Text => text(value).map_or(Value::Null, Value::Str),
        Conversion::Lower => change_case(value, u8::is_ascii_uppercase, str::to_ascii_lowercase),
        Conversion::Upper => change_case(value, u8::is_ascii_lowercase, str::to_ascii_uppercase),
        Conversion::Size => {
            size(&value).and_then(|size| i64::try_from(size).ok()).map_or(Value::Null, Value::Int)
        }
        Conversion::Hours => of_day(&value, |seconds| seconds.rem_euclid(86_400) / 3600),
        Conversion::Minutes => of_day(&value, |seconds| seconds.rem_euclid(3600) / 60),
        // 1970-01-01 was a Thursday, the fourth day after Sunday.
        Conversion::Weekday => of_day(&value, |seconds| (seconds.div_euclid(86_400) + 4).rem_euclid(7)),
    }
}

/// 2⁶³: the first floating point number past every `i64`, and exact.
const LARGEST: f64 = 9_223_372_036_854_775_808.0;

/// A number, or of several values the number of each that is one.
fn each_number<'f>(value: &Value<'_>, number: impl Fn(&Value<'_>) -> Option<Value<'f>>) -> Value<'f> {
    let several =
        |numbers: Vec<Value<'f>>| if numbers.is_empty() { Value::Null } else { Value::Several(numbers) };
    match value {
        Value::Many(texts) => several(texts.iter().filter_map(|text| number(&Value::text(text))).collect()),
        Value::Several(values) => several(values.iter().filter_map(number).collect()),
        one => number(one).unwrap_or(Value::Null),
    }
}

fn int(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Float(number) if number.abs() < LARGEST => Some(number.trunc() as i64),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

fn size(value: &Value<'_>) -> Option<usize> {
    match value {
        Value::Str(text) => Some(text.chars().count()),
        Value::Strings(words) => Some(words.len()),
        Value::Many(texts) => Some(texts.len()),
        Value::Several(values) => Some(values.len()),
        Value::List(items) => Some(items.len()),
        _ => None,
    }
}

fn change_case<'f>(value: Value<'f>, changes: fn(&u8) -> bool, change: fn(&str) -> String) -> Value<'f> {
    let one = |text: Cow<'f, str>| {
        if text.bytes().any(|byte| changes(&byte)) { Cow::Owned(change(&text)) } else { text }
    };
    match value {
        Value::Str(text) => Value::Str(one(text)),
        Value::Many(texts) => Value::Many(texts.into_iter().map(one).collect()),
        _ => Value::Null,
    }
}

fn of_day<'f>(value: &Value<'_>, part: fn(i64) -> i64) -> Value<'f> {
    match value {
        Value::Time(time) => Value::Int(part(Timestamp::as_secs(*time))),
        _ => Value::Null,
    }
}

/// A value as text; lists are joined with commas.
pub(crate) fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    let owned = |text: String| Some(Cow::Owned(text));
    match value {
        Value::Null | Value::Object => None,
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Int(number) => owned(number.to_string()),
        Value::Float(number) => owned(number.to_string()),
        Value::Str(text) => Some(text),
        Value::Ip(ip) => owned(ip.to_canonical().to_string()),
        Value::Time(time) => owned(time.to_string()),
        Value::Span(span) => owned(span_text(span)),
        Value::Strings(words) => owned(words.join(",")),
        Value::Many(texts) => owned(texts.join(", ")),
        Value::List(items) | Value::Several(items) => {
            let texts: Option<Vec<_>> = items.into_iter().map(text).collect();
            owned(texts?.join(","))
        }
    }
}

/// Seconds with as many decimals as it has, as `duration("…")` reads them.
fn span_text(span: Duration) -> String {
    format!("{}s", span.as_secs_f64())
}
