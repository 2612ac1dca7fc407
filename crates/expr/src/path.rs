//! Paths below a variable: `identity.claims.roles[0]` is `identity.claims` and the path `roles[0]`.
//!
//! Invariants: a path has at least one step, and its steps are literals. A key computed at run time is refused
//! when the expression is checked, so hosts can prepare for every path they will be asked for.

use std::fmt;

use smol_str::SmolStr;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into an object's field of that name.
    Key(SmolStr),
    /// Into a list's item, counted from 0.
    Index(usize),
}

/// Steps down from a variable that has members, and their dotted text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    text: SmolStr,
    steps: Vec<Step>,
}

impl Path {
    /// A path of one key, as header, cookie and parameter names are.
    pub fn key(name: impl Into<SmolStr>) -> Self {
        let name = name.into();
        Self { text: name.clone(), steps: vec![Step::Key(name)] }
    }

    /// A path of these steps; `None` without any.
    pub fn new(steps: Vec<Step>) -> Option<Self> {
        let mut text = String::new();
        for step in &steps {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
            }
        }
        (!steps.is_empty()).then(|| Self { text: text.into(), steps })
    }

    /// The dotted text, `a.b[0].c`; for a path of one key, that key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_with_dots_and_brackets() {
        let path = Path::new(vec![
            Step::Key("a".into()),
            Step::Key("b".into()),
            Step::Index(0),
            Step::Key("c".into()),
        ]);
        assert_eq!(path.map(|path| path.to_string()).as_deref(), Some("a.b[0].c"));
        assert_eq!(Path::new(Vec::new()), None);
        assert_eq!(Path::key("x-api-key").steps(), [Step::Key("x-api-key".into())]);
    }
}
