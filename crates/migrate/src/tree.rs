//! A policy being written: maps and lists with comments, as block YAML.
//!
//! Invariant: what is text stays text, whatever it looks like: anything but a plain word is quoted as JSON quotes it,
//! which YAML reads alike, and a comment cannot end its line.

/// A value, with what is said above it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    comment: String,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Word(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self { comment: String::new(), value: Value::Word(quoted(text)) }
    }

    /// A number.
    pub(crate) fn number(number: u64) -> Self {
        Self { comment: String::new(), value: Value::Word(number.to_string()) }
    }

    /// A list.
    pub(crate) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self { comment: String::new(), value: Value::List(items.into_iter().collect()) }
    }

    /// A list of texts.
    pub(crate) fn texts<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::list(items.into_iter().map(|item| Self::text(item.as_ref())))
    }

    /// An empty map.
    pub(crate) fn map() -> Self {
        Self { comment: String::new(), value: Value::Map(Vec::new()) }
    }

    /// The map with one more entry; an entry of that key is replaced.
    pub(crate) fn with(mut self, key: &str, value: Self) -> Self {
        self.set(key, value);
        self
    }

    /// Sets an entry of a map.
    pub(crate) fn set(&mut self, key: &str, value: Self) {
        if let Value::Map(entries) = &mut self.value {
            match entries.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = value,
                None => entries.push((key.to_owned(), value)),
            }
        }
    }

    /// The map with the entries of another, and its comment.
    pub(crate) fn merged(mut self, other: Self) -> Self {
        if let (Value::Map(entries), Value::Map(more)) = (&mut self.value, other.value) {
            entries.extend(more);
        }
        self.comment = other.comment;
        self
    }

    /// Whether a map or list has nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Map(entries) => entries.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Word(_) => false,
        }
    }

    /// The same, with a comment above.
    pub(crate) fn about(mut self, comment: &str) -> Self {
        comment.clone_into(&mut self.comment);
        self
    }

    /// The document, under a heading.
    pub(crate) fn render(&self, heading: &str) -> String {
        let mut out = String::new();
        comment(&mut out, heading, 0);
        self.block(&mut out, 0);
        out
    }

    fn block(&self, out: &mut String, depth: usize) {
        match &self.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    comment(out, &value.comment, depth);
                    indent(out, depth);
                    out.push_str(&quoted(key));
                    out.push(':');
                    value.below(out, depth);
                }
            }
            Value::List(items) => {
                for item in items {
                    comment(out, &item.comment, depth);
                    indent(out, depth);
                    out.push('-');
                    match &item.value {
                        Value::Map(entries) if !entries.is_empty() && !item.is_short() => {
                            item.dashed(out, depth);
                        }
                        _ => item.below(out, depth),
                    }
                }
            }
            Value::Word(word) => {
                out.push_str(word);
                out.push('\n');
            }
        }
    }

    /// A map behind the dash of a list: its first entry on the dash's line.
    fn dashed(&self, out: &mut String, depth: usize) {
        let mut rest = String::new();
        self.block(&mut rest, depth + 1);
        out.push(' ');
        out.push_str(rest.trim_start());
    }

    fn below(&self, out: &mut String, depth: usize) {
        if self.is_short() {
            out.push(' ');
            self.in_line(out);
            out.push('\n');
        } else {
            out.push('\n');
            self.block(out, depth + 1);
        }
    }

    /// Whether it fits on the line it begins on.
    fn is_short(&self) -> bool {
        let plain = |tree: &Self| tree.comment.is_empty() && tree.is_short();
        let mut line = String::new();
        match &self.value {
            Value::Word(_) => return true,
            Value::List(items) if !items.iter().all(plain) => return false,
            Value::Map(entries) if !entries.iter().all(|(_, value)| plain(value)) => return false,
            _ => self.in_line(&mut line),
        }
        line.len() <= 60
    }

    fn in_line(&self, out: &mut String) {
        let separate = |out: &mut String, at: usize| out.push_str(if at > 0 { ", " } else { "" });
        match &self.value {
            Value::Word(word) => out.push_str(word),
            Value::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    separate(out, at);
                    item.in_line(out);
                }
                out.push(']');
            }
            Value::Map(entries) => {
                out.push_str("{ ");
                for (at, (key, value)) in entries.iter().enumerate() {
                    separate(out, at);
                    out.push_str(&quoted(key));
                    out.push_str(": ");
                    value.in_line(out);
                }
                out.push_str(" }");
            }
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("  "));
}

fn comment(out: &mut String, text: &str, depth: usize) {
    for line in text.lines() {
        indent(out, depth);
        out.push_str("# ");
        out.extend(line.chars().map(|one| if one.is_control() { ' ' } else { one }));
        out.push('\n');
    }
}

/// Text as YAML reads it back.
fn quoted(text: &str) -> String {
    let safe = |one: u8| one.is_ascii_alphanumeric() || matches!(one, b'_' | b'-' | b'.' | b'/');
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.bytes().all(safe)
        && !reserved.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use portcullis_document::{MemorySources, load};

    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let hostile = ["no", "1e3", "a: b", "x # y", "${x}", "\n- z", "\"", "é\u{2028}", "- a", "*x"];
        let tree = Tree::map().with("all", Tree::texts(hostile).about("one\nsites: x\r y"));
        let sources = MemorySources::new().file("a.yaml", tree.render("heading\u{7}"));
        let root = load("a.yaml", &sources).root.expect("reads");
        let read: Vec<_> = root.get("all").and_then(|all| all.items()).expect("a list").to_vec();
        assert_eq!(read.iter().map(|item| item.as_str().expect("text")).collect::<Vec<_>>(), hostile);
        assert_eq!(root.entries().expect("a map").len(), 1);
    }
}
