//! Targets: which values of which variable a rule looks at, counts, or leaves out.

use regex_automata::meta::Regex;
use smol_str::SmolStr;

use super::variable::Variable;

/// One entry of a rule's list of variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The variable.
    pub variable: Variable,
    /// Which of its values.
    pub selector: Selector,
    /// What is done with them.
    pub kind: Kind,
}

/// What a target does with the values it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each is tested.
    Values,
    /// Their number is tested: `&ARGS`.
    Count,
    /// They are left out of what other targets select: `!ARGS:note`.
    Except,
}

/// Which values of a keyed variable.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// All of them.
    All,
    /// Those under this key, without regard to ASCII case; for `XML`, this path.
    Key(SmolStr),
    /// Those whose key the pattern matches somewhere.
    Pattern(KeyPattern),
}

/// A pattern over keys, read without regard to case.
#[derive(Clone, Debug)]
pub struct KeyPattern {
    text: SmolStr,
    /// What keys begin with, if that is all the pattern says.
    prefix: Option<SmolStr>,
    regex: Regex,
}

impl KeyPattern {
    /// The pattern, or why it is none.
    pub fn compile(text: &str) -> Result<Self, String> {
        let syntax = regex_automata::util::syntax::Config::new()
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .unicode(false)
            .utf8(false);
        let config = Regex::config().utf8_empty(false).nfa_size_limit(Some(1 << 20));
        let regex = Regex::builder().syntax(syntax).configure(config).build(text);
        let plain = |prefix: &&str| prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let prefix = text.strip_prefix('^').filter(plain).map(SmolStr::from);
        regex.map(|regex| Self { text: text.into(), prefix, regex }).map_err(|error| error.to_string())
    }

    /// Whether it matches somewhere in the key.
    pub fn matches(&self, key: &[u8]) -> bool {
        match &self.prefix {
            Some(prefix) => {
                key.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix.as_bytes()))
            }
            None => self.regex.is_match(key),
        }
    }

    /// What keys begin with, if that is all the pattern says.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// A text that every key has, in whatever case, which the pattern matches; none if the pattern does not begin with
    /// one.
    pub fn required_text(&self) -> Option<&str> {
        let text = self.text.strip_prefix('^').unwrap_or(&self.text);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let end = text.bytes().position(|byte| !plain(byte)).unwrap_or(text.len());
        let (begin, rest) = text.split_at(end);
        // What may be left out, or stand in place of something else, says nothing.
        let optional = rest.starts_with(['*', '?', '{']);
        let required = begin.get(..begin.len().saturating_sub(usize::from(optional)))?;
        (!text.contains('|') && !required.is_empty()).then_some(required)
    }

    /// The pattern as written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for KeyPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Selector {
    /// Whether it selects what stands under that key.
    pub fn selects(&self, key: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Key(wanted) => wanted.as_bytes().eq_ignore_ascii_case(key),
            Self::Pattern(pattern) => pattern.matches(key),
        }
    }
}

/// As it is written in a rule.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.kind {
            Kind::Values => "",
            Kind::Count => "&",
            Kind::Except => "!",
        })?;
        f.write_str(self.variable.name())?;
        match &self.selector {
            Selector::All => Ok(()),
            Selector::Key(key) => write!(f, ":{key}"),
            Selector::Pattern(pattern) => write!(f, ":/{}/", pattern.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_required_only_if_no_key_without_it_matches() {
        for (pattern, required) in [
            ("counter_.*", Some("counter_")),
            ("^counter_[0-9]", Some("counter_")),
            ("counters*", Some("counter")),
            ("counters?x", Some("counter")),
            ("counters{0,2}", Some("counter")),
            ("counters+", Some("counters")),
            ("counter", Some("counter")),
            ("counter|x", None),
            ("a*", None),
            (".*x", None),
            ("(?:counter)?", None),
        ] {
            assert_eq!(KeyPattern::compile(pattern).unwrap().required_text(), required, "{pattern}");
        }
    }
}
