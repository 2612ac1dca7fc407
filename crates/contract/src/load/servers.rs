//! Base paths: what OpenAPI's `servers` and Swagger's `basePath` put before every path.
//!
//! Only the path of a server's URL counts; which hosts are served is the policy's matter. A server that is one
//! of several adds its base path to the others: the same operations may be declared under each.

use portcullis_document::{Node, Problem};

/// Base paths one list of servers may stand for, alternatives of variables included.
const BASE_LIMIT: usize = 32;

/// The base paths of a `servers` list, each once, without a slash at the end; `None` if there is no such list.
pub(super) fn read_servers(servers: Option<&Node>, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
    let servers = servers?;
    let Some(items) = servers.items() else {
        problems.push(
            Problem::error(
                "contract.servers",
                format!("`servers` is a list, not {}", servers.value.describe()),
            )
            .at(&servers.place)
            .remedy("write `servers: [{ url: /v1 }]`"),
        );
        return None;
    };
    let mut bases = Vec::new();
    for server in items {
        for base in read_server(server, problems) {
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
    }
    (!bases.is_empty()).then_some(bases)
}

/// Swagger 2.0's `basePath`.
pub(super) fn read_base_path(root: &Node, problems: &mut Vec<Problem>) -> Vec<String> {
    match root.get("basePath") {
        None => vec![String::new()],
        Some(node) => {
            if let Some(text) = node.as_str() {
                vec![base_of(text)]
            } else {
                let message = format!("`basePath` is a path, not {}", node.value.describe());
                problems.push(Problem::error("contract.base_path", message).at(&node.place));
                Vec::new()
            }
        }
    }
}

fn read_server(server: &Node, problems: &mut Vec<Problem>) -> Vec<String> {
    let url = server.get("url");
    let Some((url, text)) = url.and_then(|url| Some((url, url.as_str()?))) else {
        let problem = Problem::error("contract.server_url", "a server needs a `url`").at(&server.place);
        problems.push(problem.remedy("write `- url: /v1`"));
        return Vec::new();
    };
    let mut texts = vec![text.to_owned()];
    for name in variables(text) {
        let values = variable_values(server, &name);
        if values.is_empty() {
            problems.push(no_default(url, &name));
            continue;
        }
        let pattern = format!("{{{name}}}");
        let filled = texts.iter().flat_map(|text| values.iter().map(|value| text.replace(&pattern, value)));
        texts = filled.take(BASE_LIMIT + 1).collect();
        if texts.len() > BASE_LIMIT {
            texts.truncate(BASE_LIMIT);
            problems.push(too_many(url));
        }
    }
    texts.iter().map(|text| base_of(text)).collect()
}

fn no_default(url: &Node, name: &str) -> Problem {
    Problem::warning("contract.server_variable", format!("the server variable `{name}` has no default"))
        .at(&url.place)
        .label("in a path it takes any value")
        .remedy(format!("declare it: `variables: {{ {name}: {{ default: v1 }} }}`"))
}

fn too_many(url: &Node) -> Problem {
    let message = format!("the variables of this server stand for more than {BASE_LIMIT} URLs");
    Problem::warning("contract.server_variable", message)
        .at(&url.place)
        .label(format!("only the first {BASE_LIMIT} are read"))
}

/// The names in braces of a URL, each once.
fn variables(url: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in url.split('{').skip(1) {
        if let Some((name, _)) = piece.split_once('}')
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// What a variable may be: its `enum`, and its `default` in any case.
fn variable_values(server: &Node, name: &str) -> Vec<String> {
    let Some(variable) = server.get("variables").and_then(|all| all.get(name)) else { return Vec::new() };
    let choices = variable.get("enum").and_then(Node::items).unwrap_or_default().iter();
    let mut values = Vec::new();
    for value in variable.get("default").into_iter().chain(choices).filter_map(scalar_text) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// The text of a scalar as written: `1.33` without quotes is a number to YAML and a version to its author.
fn scalar_text(node: &Node) -> Option<String> {
    match node.as_str() {
        Some(text) => Some(text.to_owned()),
        None if node.items().is_none() && node.entries().is_none() && !node.is_null() => {
            Some(node.place.text().to_owned())
        }
        None => None,
    }
}

/// The path of a URL or of a relative reference, with `/` first and none at the end; empty for the root.
fn base_of(url: &str) -> String {
    let url = url.trim();
    let after_scheme = url.split_once("://").map(|(_, rest)| rest).or_else(|| url.strip_prefix("//"));
    let path = match after_scheme {
        Some(rest) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default(),
        None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    match path {
        "" | "." => String::new(),
        path => format!("/{}", path.trim_start_matches("./")),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_document::{SourceFile, parse};

    use super::*;

    fn check(yaml: &str, bases: &[&str], messages: &[&str]) {
        let node = parse(&SourceFile::new("api.yaml", yaml)).unwrap();
        let mut problems = Vec::new();
        let read = read_servers(Some(&node), &mut problems).unwrap_or_default();
        assert_eq!(read, bases, "{yaml}");
        assert_eq!(
            problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(),
            messages,
            "{yaml}"
        );
    }

    #[test]
    fn only_the_paths_of_servers_count() {
        check("[{url: 'https://a.example/v1/'}, {url: 'https://b.example/v1'}]", &["/v1"], &[]);
        check("[{url: /}, {url: 'https://b.example'}, {url: ''}]", &[""], &[]);
        check("[{url: 'v2'}, {url: '//c.example/v3?x'}, {url: ./v4}]", &["/v2", "/v3", "/v4"], &[]);
        check("[]", &[], &[]);
    }

    #[test]
    fn variables_are_their_default_and_their_choices() {
        let server = "[{url: 'https://{host}/{v}', variables: {host: {default: a}, v: {default: 1.33, enum: [1.33, two]}}}]";
        check(server, &["/1.33", "/two"], &[]);
        check("[{url: '/{tenant}/v1'}]", &["/{tenant}/v1"], &["the server variable `tenant` has no default"]);
    }

    #[test]
    fn broken_servers_are_explained() {
        check("/v1", &[], &["`servers` is a list, not the text `/v1`"]);
        check("[{description: x}]", &[], &["a server needs a `url`"]);
    }
}
