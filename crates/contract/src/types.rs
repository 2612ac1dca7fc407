//! Kinds of values a schema allows, as a set.
//!
//! Invariants: whatever takes numbers takes integers; a schema that names no kind it is known by takes any.

use std::fmt;

use portcullis_document::{Node, Value};

use crate::load::outline::is_true;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Types(u8);

impl Types {
    /// Nothing at all: what contradicts itself.
    pub(crate) const NONE: Self = Self(0);
    /// `null`.
    pub const NULL: Self = Self(1);
    /// `true` and `false`.
    pub const BOOLEAN: Self = Self(1 << 1);
    /// Numbers without a fraction.
    pub const INTEGER: Self = Self(1 << 2);
    /// Numbers, integers among them.
    pub const NUMBER: Self = Self(1 << 3 | Self::INTEGER.0);
    /// Texts.
    pub const STRING: Self = Self(1 << 4);
    /// Arrays.
    pub const ARRAY: Self = Self(1 << 5);
    /// Objects.
    pub const OBJECT: Self = Self(1 << 6);
    /// All of them.
    pub const ANY: Self = Self((1 << 7) - 1);

    /// By the names JSON Schema has for them, in their order.
    const NAMED: [(&'static str, Self); 7] = [
        ("array", Self::ARRAY),
        ("boolean", Self::BOOLEAN),
        ("integer", Self::INTEGER),
        ("null", Self::NULL),
        ("number", Self::NUMBER),
        ("object", Self::OBJECT),
        ("string", Self::STRING),
    ];

    /// Whether all of the others are among these.
    pub const fn allow(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// These and the others.
    #[must_use]
    pub const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those that are among both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that a schema itself names in `type`; `nullable` is `null`.
    pub(crate) fn written(schema: &Node) -> Self {
        let Some(named) = schema.get("type") else { return Self::ANY };
        let named = named.items().unwrap_or_else(|| std::slice::from_ref(named));
        let mut types = named.iter().map(Self::of_name).fold(Self::NONE, Self::or);
        if is_nullable(schema) {
            types = types.or(Self::NULL);
        }
        types
    }

    /// What `type` names; what JSON does not have (2.0's `file`) may be anything.
    fn of_name(name: &Node) -> Self {
        let known = Self::NAMED.iter().find(|(known, _)| name.as_str() == Some(known));
        known.map_or(Self::ANY, |(_, types)| *types)
    }

    /// What a value is.
    pub(crate) const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Int(_) => Self::INTEGER,
            Value::Float(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::List(_) => Self::ARRAY,
            Value::Map(_) => Self::OBJECT,
        }
    }
}

/// Whether `null` will do, as 3.0 says it, and 2.0's documents do.
pub(crate) fn is_nullable(schema: &Node) -> bool {
    is_true(schema, "nullable") || is_true(schema, "x-nullable")
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            return f.write_str("any");
        }
        let named = Self::NAMED.iter().filter(|(_, one)| self.allow(*one));
        let is_implied = |name: &str| name == "integer" && self.allow(Self::NUMBER);
        for (at, (name, _)) in named.filter(|(name, _)| !is_implied(name)).enumerate() {
            f.write_str(if at == 0 { "" } else { " or " })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_name() {
        for (types, text) in [
            (Types::ANY, "any"),
            (Types::NUMBER, "number"),
            (Types::INTEGER.or(Types::NULL), "integer or null"),
            (Types::STRING.or(Types::NUMBER), "number or string"),
            (Types::NUMBER.and(Types::INTEGER), "integer"),
        ] {
            assert_eq!(types.to_string(), text);
        }
        assert!(Types::NUMBER.allow(Types::INTEGER) && !Types::INTEGER.allow(Types::NUMBER));
    }
}
