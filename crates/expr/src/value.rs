//! What expressions read: values lent by a host through [`Facts`].
//!
//! Invariants: a value borrows from the host wherever it can; what does not exist or is not known is
//! [`Value::Null`], never an error. Where values come from is the host's business.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use portcullis_model::Timestamp;
use smol_str::SmolStr;

use crate::path::Path;
use crate::vocabulary::Var;

/// One value at run time.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Absent, or not known.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Str(Cow<'a, str>),
    /// An address; IPv4 mapped into IPv6 counts as IPv4.
    Ip(IpAddr),
    /// A point in time.
    Time(Timestamp),
    /// A length of time.
    Span(Duration),
    /// A list of words, such as an identity's groups.
    Strings(&'a [SmolStr]),
    /// All values of a repeated header, cookie or parameter: a test of text holds if it holds for any of them,
    /// so that saying a thing twice hides nothing.
    Many(Vec<Cow<'a, str>>),
    /// The same for values that are not all text, such as those of a key that a JSON object repeats.
    Several(Vec<Value<'a>>),
    /// A list of anything, such as a JSON array.
    List(Vec<Value<'a>>),
    /// Something that has members and can only be asked for them, such as a JSON object.
    Object,
}

impl<'a> Value<'a> {
    /// Borrowed text.
    pub const fn text(text: &'a str) -> Self {
        Self::Str(Cow::Borrowed(text))
    }

    /// Borrowed text, or null.
    pub fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// Whether this is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// Which of the environment's lists, counted from 0 in the order [`crate::Env::lists`] gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId(pub usize);

/// What is known of one exchange or event; implemented by whoever evaluates.
///
/// Without words of its own, an implementation has no members, no tags and no lists: what does not judge a request.
pub trait Facts {
    /// The value of a variable that has one; for a variable with members, [`Value::Object`] if it is there at all.
    fn value(&self, var: Var) -> Value<'_>;

    /// The value at `path` below a variable that has members.
    ///
    /// Below `headers` and `response.headers` the path is one key in lower case. A name given several times is
    /// [`Value::Many`].
    fn member(&self, var: Var, path: &Path) -> Value<'_> {
        let _ = (var, path);
        Value::Null
    }

    /// Whether the tag is set.
    fn has_tag(&self, tag: &str) -> bool {
        let _ = tag;
        false
    }

    /// Whether any tag that begins so is set.
    fn has_tag_with(&self, prefix: &str) -> bool {
        let _ = prefix;
        false
    }

    /// Whether the list has this address ([`Value::Ip`]) or word ([`Value::Str`]).
    fn in_list(&self, list: ListId, value: &Value<'_>) -> bool {
        let _ = (list, value);
        false
    }
}
