//! `$ref`: what a reference's text means, as a document and a place inside it.
//!
//! RFC 6901 pointers in URI fragments, and files relative to the document that refers to them. References to
//! the network are recognised and never followed.

use portcullis_document::{Node, join};

/// Where a reference points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// Into a document, by its path and the pointer's steps.
    Inside { path: String, steps: Vec<String> },
    /// To the network.
    Network,
    /// To an anchor or another form that is not a pointer.
    Anchor,
}

/// Reads the reference `text`, as written in the document at `base`.
pub(super) fn parse_target(base: &str, text: &str) -> Target {
    let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
    if file.contains("://") || file.starts_with("//") || file.starts_with("urn:") {
        return Target::Network;
    }
    let path = if file.is_empty() { base.to_owned() } else { join(base, &decode(file)) };
    let pointer = decode(fragment);
    let steps = match pointer.strip_prefix('/') {
        Some(rest) => rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
        None if pointer.is_empty() => Vec::new(),
        None => return Target::Anchor,
    };
    Target::Inside { path, steps }
}

/// The text of a node's `$ref`, and the node that holds it.
pub(crate) fn reference(node: &Node) -> Option<(&str, &Node)> {
    let value = node.get("$ref")?;
    value.as_str().map(|text| (text, value))
}

/// Walks into a document; the depth it reached if a step leads nowhere.
pub(super) fn walk<'n>(root: &'n Node, steps: &[String]) -> Result<&'n Node, usize> {
    let mut at = root;
    for (depth, step) in steps.iter().enumerate() {
        let inner = match at.items() {
            Some(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            None => at.get(step),
        };
        at = inner.ok_or(depth)?;
    }
    Ok(at)
}

/// Percent-decoding, leniently: what is no escape stays.
fn decode(text: &str) -> String {
    crate::template::decode(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, steps: &[&str]) {
        let steps = steps.iter().map(ToString::to_string).collect();
        assert_eq!(parse_target("api/root.yaml", text), Target::Inside { path: path.to_owned(), steps });
    }

    #[test]
    fn references_are_files_and_pointers() {
        check("#/components/schemas/A", "api/root.yaml", &["components", "schemas", "A"]);
        check("#/paths/~1users~1%7Bid%7D/get", "api/root.yaml", &["paths", "/users/{id}", "get"]);
        check("#/a~01/0", "api/root.yaml", &["a~1", "0"]);
        check("paths/users.yaml", "api/paths/users.yaml", &[]);
        check("../common.yaml#/x", "common.yaml", &["x"]);
        check("#", "api/root.yaml", &[]);
    }

    #[test]
    fn the_network_and_anchors_are_told_apart() {
        assert_eq!(parse_target("a", "https://example.com/a.yaml#/x"), Target::Network);
        assert_eq!(parse_target("a", "#node"), Target::Anchor);
    }
}
