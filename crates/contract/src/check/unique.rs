//! `uniqueItems`, in time that grows with the text of the list alone.
//!
//! The library compares items pairwise where their hashes are equal, and lists that hold nothing but empty lists all hash
//! alike. Here every item is written in one way only, and the writings are sorted. Invariant: two items have one writing
//! exactly where JSON Schema calls them equal: `1` and `1.0` are, and so are objects whose members stand in another order.

use jsonschema::Keyword;
use jsonschema::error::ValidationError;
use serde_json::Value;

/// See the module; `false` asks for nothing.
pub(super) struct UniqueItems {
    pub(super) asked: bool,
}

impl<'i> Keyword<'i> for UniqueItems {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::<'i>::is_valid(self, instance) {
            Ok(())
        } else {
            Err(ValidationError::custom("must not repeat an item"))
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        !self.asked || instance.as_array().is_none_or(|items| is_unique(items))
    }
}

fn is_unique(items: &[Value]) -> bool {
    let mut writings: Vec<Vec<u8>> = items
        .iter()
        .map(|item| {
            let mut out = Vec::new();
            write(item, &mut out);
            out
        })
        .collect();
    writings.sort_unstable();
    writings.windows(2).all(|pair| pair.first() != pair.last())
}

/// Values are as deep as the budget lets bodies be.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(true) => out.push(b't'),
        Value::Bool(false) => out.push(b'f'),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, value) in members {
                write_text(name, out);
                write(value, out);
            }
            out.push(b'}');
        }
    }
}

/// Its length first, so that no text looks like two.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// A whole number however it was written, else the bits of a float; that zero has a sign does not matter.
fn write_number(number: &serde_json::Number, out: &mut Vec<u8>) {
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let float = number.as_f64().unwrap_or_default();
    // Every float below 2^64 that is whole is one of these exactly.
    let whole =
        whole.or_else(|| (float.fract() == 0.0 && float.abs() < 2_f64.powi(64)).then_some(float as i128));
    if let Some(whole) = whole {
        out.push(b'i');
        out.extend_from_slice(&whole.to_be_bytes());
    } else {
        out.push(b'd');
        out.extend_from_slice(&float.to_bits().to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: &str, unique: bool) {
        let items: Vec<Value> = serde_json::from_str(items).unwrap();
        assert_eq!(is_unique(&items), unique, "{items:?}");
    }

    #[test]
    fn items_are_equal_as_json_schema_means_it() {
        check("[]", true);
        check("[1, 2, \"1\", true, null, [1], {\"a\": 1}]", true);
        check("[1, 1.0]", false);
        check("[0, -0.0]", false);
        check("[0.5, 5e-1]", false);
        check("[18446744073709551615, 1.8446744073709552e19]", true);
        check("[{\"a\": 1, \"b\": 2}, {\"b\": 2.0, \"a\": 1}]", false);
        check("[[[]], [[], []], [[[]]], []]", true);
        check("[[1, [2]], [[1], 2], [1, 2], [12], [\"12\"], [\"1\", \"2\"]]", true);
        check("[{\"a\": \"b\"}, {\"a\\\"b\": \"\"}, {\"a\": {\"b\": 1}}]", true);
    }
}
