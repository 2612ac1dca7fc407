//! Every function and operator, as the reference shows them.

/// One function, operator or macro.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name it is called by.
    pub name: &'static str,
    /// How it is written, with types: `TEXT.startsWith(TEXT) → bool`.
    pub signature: &'static str,
    /// What it does, as a sentence.
    pub doc: &'static str,
}

impl Function {
    /// How it is written, without the type of its result.
    pub fn usage(&self) -> &'static str {
        self.signature.split(" → ").next().unwrap_or(self.signature)
    }
}

const TABLE: &[Function] = &[
    Function {
        name: "tag",
        signature: "tag(\"namespace:value\") → bool",
        doc: "Whether the exchange carries that tag.",
    },
    Function {
        name: "tagged",
        signature: "tagged(\"namespace:\") → bool",
        doc: "Whether it carries any tag that begins so.",
    },
    Function {
        name: "cidr",
        signature: "cidr(ip, \"10.0.0.0/8\", …) → bool",
        doc: "Whether an address lies in one of the networks; the same as `ip in [\"10.0.0.0/8\", …]`.",
    },
    Function {
        name: "has",
        signature: "has(body.customer) → bool",
        doc: "Whether it is there; the same as `!= null`.",
    },
    Function {
        name: "size",
        signature: "size(x), x.size() → int",
        doc: "Characters of a text, items of a list.",
    },
    Function {
        name: "startsWith",
        signature: "text.startsWith(\"/admin/\") → bool",
        doc: "Whether a text begins so.",
    },
    Function {
        name: "endsWith",
        signature: "text.endsWith(\".php\") → bool",
        doc: "Whether a text ends so.",
    },
    Function {
        name: "contains",
        signature: "text.contains(\"..\"), list.contains(\"email\") → bool",
        doc: "Whether a text contains that text, or a list of strings that string.",
    },
    Function {
        name: "matches",
        signature: "text.matches(\"^/v[0-9]+/\"), matches(text, \"…\") → bool",
        doc: "Whether a regular expression (RE2's language, compiled once, linear time) matches anywhere in a text.",
    },
    Function {
        name: "lowerAscii",
        signature: "text.lowerAscii() → string",
        doc: "ASCII letters in lower case.",
    },
    Function {
        name: "upperAscii",
        signature: "text.upperAscii() → string",
        doc: "ASCII letters in upper case.",
    },
    Function {
        name: "exists",
        signature: "list.exists(x, condition) → bool",
        doc: "Whether the condition holds for any item.",
    },
    Function {
        name: "all",
        signature: "list.all(x, condition) → bool",
        doc: "Whether it holds for every item; true of an empty list, false of null.",
    },
    Function {
        name: "int",
        signature: "int(x) → int",
        doc: "A whole number from text or a double (towards zero); null where it is none.",
    },
    Function {
        name: "double",
        signature: "double(x) → double",
        doc: "A floating point number from text or an int; null where it is none.",
    },
    Function {
        name: "string",
        signature: "string(x) → string",
        doc: "The text of a bool, number, address, time or duration.",
    },
    Function {
        name: "duration",
        signature: "duration(\"1h30m\") → duration",
        doc: "A length of time from a literal; units `h`, `m`, `s`, `ms`, `us`.",
    },
    Function {
        name: "timestamp",
        signature: "timestamp(\"2026-01-31T08:00:00Z\") → timestamp",
        doc: "A point in time from an RFC 3339 literal.",
    },
    Function {
        name: "getHours",
        signature: "time.getHours() → int",
        doc: "The hour of the day, 0 to 23, in UTC.",
    },
    Function {
        name: "getMinutes",
        signature: "time.getMinutes() → int",
        doc: "The minute of the hour, 0 to 59.",
    },
    Function {
        name: "getDayOfWeek",
        signature: "time.getDayOfWeek() → int",
        doc: "The day of the week in UTC, Sunday 0 to Saturday 6.",
    },
];

/// Every function, in the order people read them.
pub const fn functions() -> &'static [Function] {
    TABLE
}
