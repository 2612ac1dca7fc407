//! `security` and the schemes it names.
//!
//! A requirement that cannot be read is a mistake, never "no requirement": guessing here would open a door.

use portcullis_document::{Node, Problem, nearest};
use smol_str::{SmolStr, format_smolstr};

use crate::operation::{Requirement, Scheme, Security};

/// Reads a `security` key; `None` if there is no such key.
pub(super) fn read_security(
    node: Option<&Node>,
    schemes: &[Scheme],
    problems: &mut Vec<Problem>,
) -> Option<Security> {
    let node = node?;
    let Some(items) = node.items() else {
        problems.push(not_a_list(node));
        return Some(Security::Unstated);
    };
    let alternatives =
        items.iter().filter_map(|item| read_alternative(item, schemes, problems)).collect::<Vec<_>>();
    if alternatives.iter().all(Vec::is_empty) {
        return Some(Security::Public);
    }
    Some(Security::AnyOf(alternatives))
}

fn read_alternative(
    item: &Node,
    schemes: &[Scheme],
    problems: &mut Vec<Problem>,
) -> Option<Vec<Requirement>> {
    let Some(entries) = item.entries() else {
        let message = format!("a security requirement is a map, not {}", item.value.describe());
        let remedy = match item.as_str() {
            Some(name) => format!("write `- {name}: []`"),
            None => "write `- schemeName: []`".to_owned(),
        };
        problems.push(Problem::error("contract.security", message).at(&item.place).remedy(remedy));
        return None;
    };
    let mut requirements = Vec::with_capacity(entries.len());
    for entry in entries {
        let name = entry.key.text.as_str();
        if schemes.iter().all(|scheme| scheme.name != name) {
            let unknown = Problem::warning(
                "contract.unknown_scheme",
                format!("no security scheme `{name}` is declared"),
            )
            .at(&entry.key.place)
            .label("not declared");
            problems.push(match nearest(name, schemes.iter().map(|scheme| scheme.name.as_str())) {
                Some(meant) => unknown.remedy(format!("did you mean `{meant}`?")),
                None => unknown.remedy("declare it under `components.securitySchemes`"),
            });
        }
        requirements.push(Requirement { scheme: name.into(), scopes: read_scopes(&entry.value, problems) });
    }
    Some(requirements)
}

fn read_scopes(node: &Node, problems: &mut Vec<Problem>) -> Vec<SmolStr> {
    let texts = node.items().map(|items| items.iter().map(|item| item.as_str().map(SmolStr::from)).collect());
    if let Some(Some(scopes)) = texts {
        return scopes;
    }
    let message = format!("the scopes of a requirement are a list of names, not {}", node.value.describe());
    problems.push(Problem::error("contract.security", message).at(&node.place).remedy("write `[]` for none"));
    Vec::new()
}

/// Reads a map of security schemes (`components.securitySchemes`, or Swagger's `securityDefinitions`), with the
/// `$ref`s in it followed by `resolve`.
pub(super) fn read_scheme(name: &str, node: &Node) -> Scheme {
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
    let kind = match text("type") {
        "http" => format_smolstr!("http {}", text("scheme").to_ascii_lowercase()),
        "apiKey" => format_smolstr!("apiKey {} {}", text("in"), text("name")),
        other => other.into(),
    };
    Scheme { name: name.into(), kind, place: node.place.clone() }
}

fn not_a_list(node: &Node) -> Problem {
    let message = format!("`security` is a list of requirements, not {}", node.value.describe());
    let remedy = if node.is_null() {
        "write `security: []` for an operation anyone may call, or leave the key out".to_owned()
    } else {
        "write `security: [{ schemeName: [] }]`".to_owned()
    };
    Problem::error("contract.security", message).at(&node.place).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use portcullis_document::{SourceFile, parse};

    use super::*;

    fn read(yaml: &str) -> (Option<Security>, Vec<String>) {
        let root = parse(&SourceFile::new("api.yaml", yaml)).unwrap();
        let schemes = [read_scheme("bearer", &root), read_scheme("key", &root)];
        let mut problems = Vec::new();
        let security = read_security(root.get("security"), &schemes, &mut problems);
        (security, problems.iter().map(ToString::to_string).collect())
    }

    fn requirement(scheme: &str, scopes: &[&str]) -> Requirement {
        Requirement { scheme: scheme.into(), scopes: scopes.iter().map(SmolStr::new).collect() }
    }

    #[test]
    fn alternatives_and_combinations() {
        assert_eq!(read("a: 1"), (None, vec![]));
        assert_eq!(read("security: []"), (Some(Security::Public), vec![]));
        assert_eq!(read("security: [{}]"), (Some(Security::Public), vec![]));
        let both = vec![requirement("bearer", &["read"]), requirement("key", &[])];
        let expected = Security::AnyOf(vec![both, vec![]]);
        assert_eq!(read("security: [{bearer: [read], key: []}, {}]"), (Some(expected), vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_a_mistake() {
        for (yaml, message) in [
            ("security:", "api.yaml:1:9: error: `security` is a list of requirements, not nothing"),
            (
                "security: {bearer: []}",
                "api.yaml:1:11: error: `security` is a list of requirements, not a map",
            ),
            (
                "security: [bearer]",
                "api.yaml:1:12: error: a security requirement is a map, not the text `bearer`",
            ),
            (
                "security: [{bearer: read}]",
                "api.yaml:1:21: error: the scopes of a requirement are a list of names, not the text `read`",
            ),
            ("security: [{baerer: []}]", "api.yaml:1:13: warning: no security scheme `baerer` is declared"),
        ] {
            assert_eq!(read(yaml).1, [message]);
        }
    }
}
