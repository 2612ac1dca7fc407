//! Kong's files read, and held to the shape that the rest counts on.
//!
//! Invariant: what would be looked for in vain, because it is no list or depends on what is not read, is a mistake, so that
//! no plugin is overlooked. Does not know what anything means.

use portcullis_document::{Node, Problem, Sources};

use super::listed;

/// Keys of services that are read or told of.
pub(super) const SERVICE: [&str; 20] = [
    "ca_certificates",
    "client_certificate",
    "connect_timeout",
    "created_at",
    "enabled",
    "host",
    "id",
    "name",
    "path",
    "plugins",
    "port",
    "protocol",
    "read_timeout",
    "retries",
    "routes",
    "tags",
    "tls_verify",
    "tls_verify_depth",
    "updated_at",
    "url",
];

/// Keys of routes that are read or told of.
pub(super) const ROUTE: [&str; 19] = [
    "created_at",
    "destinations",
    "headers",
    "hosts",
    "id",
    "methods",
    "name",
    "path_handling",
    "paths",
    "plugins",
    "preserve_host",
    "protocols",
    "regex_priority",
    "service",
    "snis",
    "sources",
    "strip_path",
    "tags",
    "updated_at",
];

/// Keys of upstreams that are read or told of.
pub(super) const UPSTREAM: [&str; 9] =
    ["algorithm", "created_at", "hash_on", "healthchecks", "id", "name", "tags", "targets", "updated_at"];

/// The files' documents; or everything that is wrong with them.
pub(super) fn read(files: &[String], sources: &dyn Sources) -> Result<Vec<Node>, Vec<Problem>> {
    let (mut roots, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        let parsed = portcullis_document::load(file, sources);
        problems.extend(parsed.problems);
        if let Some(root) = parsed.root {
            shape(&root, &mut problems);
            roots.push(root);
        }
    }
    if problems.is_empty() { Ok(roots) } else { Err(problems) }
}

fn shape(root: &Node, problems: &mut Vec<Problem>) {
    if root.get("_format_version").is_none() {
        let message = "this is no declarative configuration of Kong: there is no `_format_version`";
        let remedy = "write one with `deck gateway dump` or `kong config db_export`";
        problems.push(Problem::error("migrate.format", message).at(&root.place).remedy(remedy));
        return;
    }
    if let Some(defaults) = root.get("_info").and_then(|info| info.entry("defaults")) {
        let message = "`_info.defaults` is not read, and what services and routes mean depends on it";
        let problem = Problem::error("migrate.format", message).at(&defaults.key.place);
        problems.push(problem.remedy("write the values where they hold, then take it out"));
    }
    lists(root, &["services", "routes", "upstreams", "targets", "plugins", "consumers"], problems);
    for service in listed(root, "services") {
        lists(service, &["routes", "plugins"], problems);
    }
    for route in
        listed(root, "services").iter().flat_map(|one| listed(one, "routes")).chain(listed(root, "routes"))
    {
        lists(route, &["plugins"], problems);
        for key in ["hosts", "paths", "methods"] {
            texts(route, key, problems);
        }
        if let Some(expression) = route.entry("expression") {
            let message = "routes by expressions cannot be read: what they protect is not known";
            problems.push(Problem::error("migrate.format", message).at(&expression.key.place));
        }
    }
    for upstream in listed(root, "upstreams") {
        lists(upstream, &["targets"], problems);
    }
}

/// These keys, where they are given, are lists of maps.
fn lists(node: &Node, keys: &[&str], problems: &mut Vec<Problem>) {
    for value in keys.iter().filter_map(|key| node.get(key)).filter(|value| !value.is_null()) {
        let wrong = match value.items() {
            Some(items) => items.iter().find(|item| item.entries().is_none()),
            None => Some(value),
        };
        if let Some(wrong) = wrong {
            let message = format!("this is {}, where Kong has a list of maps", wrong.value.describe());
            problems.push(Problem::error("migrate.format", message).at(&wrong.place));
        }
    }
}

/// This key, where it is given, is a list of texts.
fn texts(node: &Node, key: &str, problems: &mut Vec<Problem>) {
    let Some(value) = node.get(key).filter(|value| !value.is_null()) else { return };
    let is_well = value.items().is_some_and(|items| items.iter().all(|item| item.as_str().is_some()));
    if !is_well {
        let message = format!("`{key}` is no list of texts");
        problems.push(Problem::error("migrate.format", message).at(&value.place));
    }
}
