//! Kong's declarative configuration: hosts become sites, paths of routes upstreams by prefix, plugins rules and limits.
//!
//! Invariants: a path whose route, or a plugin on it, has no equivalent is refused, a plugin that is not known among
//! them; no key, password or token of a consumer is written. Does not know Kong's database or its expressions.

mod plugins;
mod read;
mod service;

use std::collections::BTreeMap;

use portcullis_document::{Node, Place, Problem, Sources};

use crate::Options;
use crate::report::{Note, Report};
use crate::tree::Tree;
use plugins::{Scope, effective};
use read::read;
use service::Service;

/// Reads the files and writes the policy.
pub(crate) fn migrate(
    files: &[String],
    options: &Options,
    sources: &dyn Sources,
) -> Result<(Tree, Vec<Note>), Vec<Problem>> {
    let roots = read(files, sources)?;
    let kong = Kong { roots: &roots };
    let mut report = Report::default();
    let mut sites: BTreeMap<String, Site> = BTreeMap::new();
    for service in kong.all("services") {
        for route in listed(service, "routes") {
            place_route(service, route, &mut sites, &mut report);
        }
    }
    for route in kong.all("routes") {
        match kong.named("services", route.get("service")) {
            Some(service) => place_route(service, route, &mut sites, &mut report),
            None => report.lost(
                &route.place,
                "route",
                "it leads to no service: nothing of it is written",
                "write the site by hand if it answers anything",
            ),
        }
    }
    kong.told_of_the_rest(&mut report);
    if sites.is_empty() {
        let problem = Problem::error("migrate.empty", "there is no route that could become a site");
        return Err(vec![match roots.first() {
            Some(root) => problem.at(&root.place),
            None => problem,
        }]);
    }
    let mut trees = Tree::map();
    for (host, site) in sites {
        // Hosts are in small letters, so that no other site has this name.
        let name = host.replace('*', "ANY");
        trees.set(&name, site.tree(&host, &kong, options, &mut report));
    }
    let listen =
        Tree::texts([&options.listen]).about("todo: Kong's configuration does not say where it listens.");
    Ok((Tree::map().with("listen", listen).with("sites", trees), report.notes))
}

/// The files together.
struct Kong<'a> {
    roots: &'a [Node],
}

impl<'a> Kong<'a> {
    fn all(&self, key: &'a str) -> impl Iterator<Item = &'a Node> {
        self.roots.iter().flat_map(move |root| listed(root, key))
    }

    /// What a reference (`name`, or `{ name }`, `{ id }`) leads to.
    fn named(&self, key: &'a str, reference: Option<&Node>) -> Option<&'a Node> {
        self.all(key).find(|one| reference.is_some_and(|reference| refers(reference, one)))
    }

    /// What no part of a site is made of.
    fn told_of_the_rest(&self, report: &mut Report) {
        for consumer in self.all("consumers") {
            let became = "consumers are not carried over: their keys and passwords are in clear or in hashes that are not read here";
            report.lost(&consumer.place, &format!("consumer {}", text(consumer, "username")), became, "make it a key with `portcullis key new --subject NAME`, or a line of a password file (docs/callers.md)");
        }
        for entry in self.roots.iter().filter_map(Node::entries).flatten() {
            let known = ["services", "routes", "upstreams", "plugins", "consumers"];
            let name = entry.key.text.as_str();
            if !name.starts_with('_') && !known.contains(&name) {
                report.lost(
                    &entry.key.place,
                    name,
                    "no part of a policy is made of it",
                    "carry over by hand what clients or servers count on",
                );
            }
        }
        let services = || self.all("services");
        let routes = || services().flat_map(|one| listed(one, "routes")).chain(self.all("routes"));
        let inner = services().chain(routes()).flat_map(|one| listed(one, "plugins"));
        for plugin in inner.chain(self.all("plugins")).filter(|plugin| plugins::is_personal(plugin)) {
            let became = "it is about some consumers, and consumers are not carried over";
            let todo = "write a limit or rule with `when: 'identity.subject == …'` once the consumer has a credential";
            report.lost(&plugin.place, &format!("plugin {}", text(plugin, "name")), became, todo);
        }
        services().for_each(|one| untold(one, &read::SERVICE, report));
        routes().for_each(|one| untold(one, &read::ROUTE, report));
        self.all("upstreams").for_each(|one| untold(one, &read::UPSTREAM, report));
    }
}

/// Tells of keys that nothing is made of.
fn untold(node: &Node, known: &[&str], report: &mut Report) {
    for entry in node.entries().unwrap_or_default() {
        let name = entry.key.text.as_str();
        if !known.contains(&name) && !entry.value.is_null() {
            report.lost(
                &entry.key.place,
                name,
                "no part of a policy is made of it",
                "carry over by hand what clients or servers count on",
            );
        }
    }
}

/// Whether a reference is to this.
fn refers(reference: &Node, one: &Node) -> bool {
    let names = [Some(reference), reference.get("name"), reference.get("id")];
    let mut names = names.into_iter().flatten().filter_map(Node::as_str);
    names.any(|name| [text(one, "name"), text(one, "id")].contains(&name))
}

/// The items of a list under a key.
fn listed<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::items).unwrap_or_default()
}

/// The texts of a list under a key.
fn texts<'a>(node: &'a Node, key: &str) -> Vec<&'a str> {
    listed(node, key).iter().filter_map(Node::as_str).collect()
}

/// The text under a key, or none.
fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

/// A text as conditions write it.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn told(place: &Place) -> String {
    format!("{}:{}", place.file().name(), place.line())
}

/// One path of one route on one host.
struct Entry<'a> {
    /// Without a slash at the end; empty for all paths.
    path: String,
    service: &'a Node,
    route: &'a Node,
}

/// What one host answers.
#[derive(Default)]
struct Site<'a> {
    entries: Vec<Entry<'a>>,
    /// Paths that are refused: of which route, the condition, and why.
    refused: Vec<(&'a Node, String)>,
}

/// Puts a route on the sites of its hosts.
fn place_route<'a>(
    service: &'a Node,
    route: &'a Node,
    sites: &mut BTreeMap<String, Site<'a>>,
    report: &mut Report,
) {
    let off = |node: &Node| node.get("enabled").and_then(Node::as_bool) == Some(false);
    if off(service) {
        report.carried(&service.place, "enabled: false", "nothing: it is off");
        return;
    }
    let what = format!("route {}", text(route, "name"));
    if plugins::is_some_protocols(route) {
        report.lost(
            &route.place,
            &format!("{what}: protocols"),
            "whether it is asked in clear or over TLS is not looked at",
            "let `listen` offer TLS alone, or write a rule over `scheme`",
        );
    }
    let mut hosts = texts(route, "hosts");
    if hosts.is_empty() {
        hosts.push("*");
        report.approximated(&route.place, &what, "it has no hosts: it answers those that no other site has, and not the paths that other sites leave");
    }
    let mut paths = texts(route, "paths");
    if paths.is_empty() {
        paths.push("/");
    }
    for host in hosts {
        let is_plain = |host: &str| {
            !host.is_empty() && host.bytes().all(|one| one.is_ascii_alphanumeric() || b".-_".contains(&one))
        };
        if host != "*" && !is_plain(host.strip_prefix("*.").unwrap_or(host)) {
            report.refused(
                &route.place,
                &what,
                &format!("the host `{host}` cannot be said here: it is not answered"),
                "name the hosts one by one",
            );
            continue;
        }
        let site = sites.entry(host.to_ascii_lowercase()).or_default();
        for path in &paths {
            site.add(path, service, route, &what, report);
        }
    }
}

impl<'a> Site<'a> {
    fn add(&mut self, path: &str, service: &'a Node, route: &'a Node, what: &str, report: &mut Report) {
        let by_hand = "write it as a route of the site (docs/policy-reference.md), then delete the rule";
        if let Some(pattern) = path.strip_prefix('~') {
            let is_plain = !pattern.contains("(?")
                && !pattern.contains(|one: char| one.is_control())
                && !pattern
                    .as_bytes()
                    .windows(2)
                    .any(|two| matches!(two, [b'\\', digit] if digit.is_ascii_digit()));
            let condition = if is_plain {
                format!("path.matches({})", literal(&format!("^(?:{pattern})")))
            } else {
                "true".to_owned()
            };
            report.refused(
                &route.place,
                what,
                "its path is a pattern, by which no upstream is chosen: what it matches is refused",
                by_hand,
            );
            self.refused.push((route, condition));
            return;
        }
        let plain = path.starts_with('/')
            && !path.contains("//")
            && path.bytes().all(|one| one.is_ascii_alphanumeric() || b"/-_.~".contains(&one))
            && !path.split('/').any(|part| matches!(part, "." | ".."));
        let trimmed = path.trim_end_matches('/').to_owned();
        let is_said = |key: &str| route.get(key).is_some_and(|value| !value.is_null());
        let other_paths = route.get("path_handling").is_some_and(|value| value.as_str() != Some("v0"));
        let chosen_by = ["headers", "snis", "sources", "destinations"].into_iter().find(|key| is_said(key));
        let odd = chosen_by.or(other_paths.then_some("path_handling"));
        if !plain || odd.is_some() || !Service::can_say(service) {
            let why = match odd {
                _ if !plain => {
                    "its path has characters that are not compared here: its whole host is refused".to_owned()
                }
                Some(odd) => format!("routes are not chosen by `{odd}` here: its path is refused"),
                None => "its service speaks no HTTP, or is not said whole: its path is refused".to_owned(),
            };
            report.refused(&route.place, what, &why, by_hand);
            self.refused.push((route, if plain { begins(&trimmed) } else { "true".to_owned() }));
            return;
        }
        if let Some(other) = self.entries.iter().find(|one| one.path == trimmed) {
            let became = format!(
                "the route at {} has the same host and path: both are refused there",
                told(&other.route.place)
            );
            report.refused(&route.place, what, &became, "choose one of them, then delete the rule");
            self.refused.push((route, begins(&trimmed)));
            return;
        }
        report.carried(&route.place, what, "an upstream by path");
        self.entries.push(Entry { path: trimmed, service, route });
    }

    /// The condition under which a path is this entry's and no longer one's.
    fn own(&self, entry: &Entry<'_>) -> String {
        let longer = self.entries.iter().filter(|one| one.path.starts_with(&format!("{}/", entry.path)));
        let parts =
            std::iter::once(below(&entry.path)).chain(longer.map(|one| format!("!{}", below(&one.path))));
        let parts: Vec<_> = parts.filter(|part| part != "true").collect();
        if parts.is_empty() { "true".to_owned() } else { parts.join(" && ") }
    }

    fn tree(&self, host: &str, kong: &Kong<'a>, options: &Options, report: &mut Report) -> Tree {
        let mut scope = Scope::default();
        scope.refuse(
            "ambiguous-path",
            "path.contains(\"//\")",
            400,
            "Servers read such paths differently; they are refused here.",
        );
        for (route, condition) in &self.refused {
            let comment = format!(
                "todo: route {} ({}) could not be carried over; refused until you decide.",
                text(route, "name"),
                told(&route.place)
            );
            scope.refuse("todo-route", condition, 404, &comment);
        }
        let mut tree = Tree::map().with("hosts", Tree::texts([host]));
        let mut upstreams = Tree::map();
        for (at, entry) in self.entries.iter().enumerate() {
            self.edges(entry, &mut scope);
            let own = self.own(entry);
            let methods: Vec<_> = texts(entry.route, "methods").into_iter().map(literal).collect();
            if !methods.is_empty() {
                let condition = format!("{own} && !(method in [{}])", methods.join(", "));
                scope.refuse("methods", &condition, 404, &format!("methods ({})", told(&entry.route.place)));
                report.approximated(
                    &entry.route.place,
                    "methods",
                    "others are answered with 404, also where a route of a shorter path took them",
                );
            }
            for plugin in effective(kong, entry.service, entry.route) {
                plugins::carry(plugin, &own, &mut scope, report);
            }
            let upstream = Service::new(kong, entry.service).tree(entry, report);
            let comment = format!("route {} ({})", text(entry.route, "name"), told(&entry.route.place));
            if entry.path.is_empty() && upstream.rewrite.is_none() {
                tree.set("upstream", upstream.tree.about(&comment));
            } else {
                let prefix = if entry.path.is_empty() { "/" } else { &entry.path };
                let mut by_path = Tree::map().with("prefix", Tree::text(prefix)).merged(upstream.tree);
                if let Some(rewrite) = upstream.rewrite {
                    by_path.set("rewrite", Tree::text(&rewrite));
                }
                upstreams.set(&format!("route-{}", at + 1), by_path.about(&comment));
            }
        }
        if self.entries.is_empty() {
            let nowhere = Tree::map().with("servers", Tree::texts([&options.upstream]));
            tree.set("upstream", nowhere.about("Nothing is sent there: rules refuse every path."));
            scope.refuse("nothing-left", "true", 404, "No route of this host could be carried over.");
        }
        if !upstreams.is_empty() {
            tree.set("upstreams", upstreams);
        }
        tree.set("encoded_slash", Tree::text("refuse"));
        let filter =
            Tree::map().with("action", Tree::text("monitor")).with("over_limit", Tree::text("inspect_part"));
        tree.set(
            "filter",
            filter.about("Kong has no content filter: here it watches. `action: block` lets it refuse."),
        );
        scope.finish(tree)
    }

    /// Kong compares text, upstreams by path whole segments: what lies between is refused.
    fn edges(&self, entry: &Entry<'_>, scope: &mut Scope) {
        if entry.path.is_empty() {
            return;
        }
        let others = self.entries.iter().filter(|one| one.path.starts_with(&entry.path));
        let not: Vec<_> = others.map(|one| format!("!{}", below(&one.path))).collect();
        let condition = format!("path.startsWith({}) && {}", literal(&entry.path), not.join(" && "));
        scope.refuse(
            "between-segments",
            &condition,
            404,
            &format!(
                "Kong gave what begins with this text to the route, too ({}).",
                told(&entry.route.place)
            ),
        );
    }
}

/// The condition that a path is this one or below it.
fn below(path: &str) -> String {
    if path.is_empty() {
        return "true".to_owned();
    }
    format!("(path == {} || path.startsWith({}))", literal(path), literal(&format!("{path}/")))
}

/// The condition that a path begins with this text, as Kong compares.
fn begins(path: &str) -> String {
    if path.is_empty() { "true".to_owned() } else { format!("path.startsWith({})", literal(path)) }
}
