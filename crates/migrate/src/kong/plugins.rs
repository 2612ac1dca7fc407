//! Plugins as rules and limits.
//!
//! Invariants: of plugins of one name the one nearest to the route holds, as in Kong; one that is not known refuses.
//! Does not know consumers.

use portcullis_document::Node;

use super::{Kong, listed, literal, refers, text, texts, told};
use crate::report::Report;
use crate::tree::Tree;

/// Plugins that refuse nobody: what they do is lost.
const HARMLESS: [&str; 19] = [
    "correlation-id",
    "cors",
    "datadog",
    "file-log",
    "grpc-gateway",
    "grpc-web",
    "http-log",
    "kafka-log",
    "loggly",
    "opentelemetry",
    "prometheus",
    "proxy-cache",
    "request-transformer",
    "response-transformer",
    "statsd",
    "syslog",
    "tcp-log",
    "udp-log",
    "zipkin",
];

/// Plugins that prove who calls, or go by it.
const CALLERS: [&str; 9] =
    ["acl", "basic-auth", "hmac-auth", "jwt", "key-auth", "ldap-auth", "oauth2", "openid-connect", "session"];

/// The rules and limits of one site being gathered.
#[derive(Debug, Default)]
pub(super) struct Scope {
    rules: Vec<Tree>,
    limits: Vec<Tree>,
}

impl Scope {
    /// A rule that refuses.
    pub(super) fn refuse(&mut self, name: &str, when: &str, status: u64, comment: &str) {
        let block = Tree::map().with("block", Tree::map().with("status", Tree::number(status)));
        self.rule(name, when, block, comment);
    }

    fn rule(&mut self, name: &str, when: &str, action: Tree, comment: &str) {
        let name = Tree::text(&format!("{name}-{}", self.rules.len() + 1));
        let rule = Tree::map().with("name", name).with("when", Tree::text(when)).with("action", action);
        self.rules.push(rule.about(comment));
    }

    /// The site with them.
    pub(super) fn finish(self, mut site: Tree) -> Tree {
        if !self.limits.is_empty() {
            site.set("limits", Tree::list(self.limits));
        }
        site.with("rules", Tree::list(self.rules))
    }
}

/// The plugins that hold on a route.
pub(super) fn effective<'a>(kong: &Kong<'a>, service: &'a Node, route: &'a Node) -> Vec<&'a Node> {
    let refers_to =
        |plugin: &Node, key: &str, to: &Node| plugin.get(key).is_some_and(|name| refers(name, to));
    let is_about = |plugin: &Node, key: &str| plugin.get(key).is_some_and(|value| !value.is_null());
    let top = || kong.all("plugins");
    let of_routes = top().filter(|plugin| refers_to(plugin, "route", route));
    let of_services =
        top().filter(|plugin| !is_about(plugin, "route") && refers_to(plugin, "service", service));
    let of_all = top().filter(|plugin| !is_about(plugin, "route") && !is_about(plugin, "service"));
    let nearest = listed(route, "plugins").iter().chain(of_routes);
    let all = nearest.chain(listed(service, "plugins")).chain(of_services).chain(of_all);
    let mut found: Vec<&Node> = Vec::new();
    let is_on = |plugin: &Node| plugin.get("enabled").and_then(Node::as_bool) != Some(false);
    for plugin in all.filter(|one| is_on(one) && !is_personal(one)) {
        if !found.iter().any(|one| text(one, "name") == text(plugin, "name")) {
            found.push(plugin);
        }
    }
    found
}

/// Whether a plugin is about some consumers alone.
pub(super) fn is_personal(plugin: &Node) -> bool {
    ["consumer", "consumer_group"]
        .into_iter()
        .any(|key| plugin.get(key).is_some_and(|value| !value.is_null()))
}

/// Whether this holds for requests in clear alone, or over TLS alone.
pub(super) fn is_some_protocols(node: &Node) -> bool {
    let both = |one: &str, other: &str| {
        let names = texts(node, "protocols");
        names.contains(&one) && names.contains(&other)
    };
    let is_said = node.get("protocols").is_some_and(|value| !value.is_null());
    is_said && !both("http", "https") && !both("grpc", "grpcs")
}

/// Writes what a plugin does on the paths of `own`.
pub(super) fn carry(plugin: &Node, own: &str, scope: &mut Scope, report: &mut Report) {
    let name = text(plugin, "name");
    let what = format!("plugin {name}");
    let config = plugin.get("config").unwrap_or(plugin);
    let comment = format!("{name} ({})", told(&plugin.place));
    // What stands elsewhere (`_config`), or holds for some requests alone, is not read.
    let is_said = |key| plugin.get(key).is_some_and(|value: &Node| !value.is_null());
    let is_partial =
        ["_config", "condition", "partials"].into_iter().any(is_said) || is_some_protocols(plugin);
    let done = match name {
        _ if is_partial && !HARMLESS.contains(&name) => None,
        "ip-restriction" => addresses(config, own, scope, &comment),
        "rate-limiting" => rates(config, own, scope, &comment),
        "request-size-limiting" => size(config, own, scope, &comment),
        "request-termination" => termination(config, own, scope, &comment),
        _ if HARMLESS.contains(&name) => {
            report.lost(
                &plugin.place,
                &what,
                "no part of a policy does this",
                "nothing, unless clients or servers count on it",
            );
            return;
        }
        _ => None,
    };
    if let Some(became) = done {
        report.approximated(&plugin.place, &what, became);
        return;
    }
    let todo = if CALLERS.contains(&name) {
        "prove callers by an identity provider (docs/callers.md) and `require` it on a route with these paths, then delete the rule"
    } else {
        "write a rule, a limit or a requirement that does the same, then delete the rule"
    };
    report.refused(
        &plugin.place,
        &what,
        "has no equivalent, or not with this configuration: the paths it stands on are refused",
        todo,
    );
    let comment = format!("todo: plugin {comment} could not be carried over; refused until you decide.");
    scope.refuse("todo-plugin", own, 403, &comment);
}

type Done = Option<&'static str>;

fn addresses(config: &Node, own: &str, scope: &mut Scope, comment: &str) -> Done {
    let either = |new: &'static str, old: &'static str| -> Vec<String> {
        texts(config, new).into_iter().chain(texts(config, old)).map(literal).collect()
    };
    let (allow, deny) = (either("allow", "whitelist"), either("deny", "blacklist"));
    let is_whole = |key: &str| {
        let value = config.get(key).filter(|value| !value.is_null());
        value.is_none_or(|value| {
            value.items().is_some_and(|items| items.iter().all(|one| one.as_str().is_some()))
        })
    };
    let is_read = ["allow", "deny", "whitelist", "blacklist"].into_iter().all(is_whole);
    if !is_read || allow.is_empty() && deny.is_empty() {
        return None;
    }
    for (list, negated) in [(deny, ""), (allow, "!")] {
        if !list.is_empty() {
            let condition = format!("{own} && {negated}(ip in [{}])", list.join(", "));
            scope.refuse("ip-restriction", &condition, 403, comment);
        }
    }
    Some(
        "a rule that refuses with 403; where the address is read from behind proxies is for `client_ip` to say",
    )
}

fn rates(config: &Node, own: &str, scope: &mut Scope, comment: &str) -> Done {
    let header = format!("headers.{}", text(config, "header_name").to_ascii_lowercase());
    let key = match text(config, "limit_by") {
        "" | "consumer" | "credential" => "caller",
        "ip" => "ip",
        "header" if header.len() > 8 => &header,
        _ => return None,
    };
    if config.get("year").is_some_and(|year| !year.is_null()) {
        return None;
    }
    let before = scope.limits.len();
    let kinds = [
        ("second", "rate", "s"),
        ("minute", "rate", "min"),
        ("hour", "rate", "h"),
        ("day", "quota", "day"),
        ("month", "quota", "month"),
    ];
    for (name, measure, unit) in kinds {
        let Some(value) = config.get(name).filter(|value| !value.is_null()) else { continue };
        let count = value.as_int().filter(|count| *count > 0)?;
        let limit = Tree::map()
            .with("name", Tree::text(&format!("rate-limiting-{}", scope.limits.len() + 1)))
            .with("when", Tree::text(own))
            .with("key", Tree::text(key))
            .with(measure, Tree::text(&format!("{count}/{unit}")));
        scope.limits.push(limit.about(comment));
    }
    (scope.limits.len() > before).then_some("limits; those below a day refill steadily in the place of starting anew, each host counts by itself, IPv6 by /64")
}

fn size(config: &Node, own: &str, scope: &mut Scope, comment: &str) -> Done {
    let count = match config.get("allowed_payload_size") {
        Some(size) => size.as_int().filter(|size| *size > 0)?,
        None => 128,
    };
    let unit = match text(config, "size_unit") {
        "" | "megabytes" => 1_000_000,
        "kilobytes" => 1000,
        "bytes" => 1,
        _ => return None,
    };
    let condition = format!("{own} && content_length > {}", count.checked_mul(unit)?);
    scope.refuse("request-size-limiting", &condition, 413, comment);
    Some(
        "a rule over the declared length; bodies that declare none are bounded by `body.hold` where they are held",
    )
}

fn termination(config: &Node, own: &str, scope: &mut Scope, comment: &str) -> Done {
    let conditional = ["trigger", "echo"]
        .into_iter()
        .any(|key| config.get(key).is_some_and(|value| !value.is_null() && value.as_bool() != Some(false)));
    let status = config.get("status_code").map_or(Some(503), Node::as_int)?;
    let status = u64::try_from(status).ok().filter(|status| (400..600).contains(status))?;
    if conditional {
        return None;
    }
    scope.refuse("request-termination", own, status, comment);
    Some("a rule that refuses with that status; its body is the gateway's own")
}
