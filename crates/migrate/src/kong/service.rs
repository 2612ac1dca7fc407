//! A service, and the upstream that it names, as the servers of an upstream.
//!
//! Invariant: only services that speak HTTP. Does not know routes' plugins.

use portcullis_document::Node;

use super::{Entry, Kong, listed, text};
use crate::report::Report;
use crate::tree::Tree;

/// Where a service is.
pub(super) struct Service<'a> {
    kong: &'a Kong<'a>,
    node: &'a Node,
}

/// An upstream, and what stands before the rest of the path instead of the prefix.
pub(super) struct Upstream {
    pub(super) tree: Tree,
    pub(super) rewrite: Option<String>,
}

/// Scheme, host, port and path.
fn address(service: &Node) -> Option<(&str, String, u16, &str)> {
    let default = |scheme: &str| if matches!(scheme, "https" | "grpcs") { 443 } else { 80 };
    let plain = |host: &str| {
        !host.is_empty() && host.bytes().all(|one| one.is_ascii_alphanumeric() || b".-_".contains(&one))
    };
    let (scheme, host, port, path) = if let Some(url) = service.get("url").and_then(Node::as_str) {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, default(scheme)),
        };
        (scheme, host, port, path)
    } else {
        let scheme = Some(text(service, "protocol")).filter(|one| !one.is_empty()).unwrap_or("http");
        let port = service.get("port").map_or(Some(80), |port| u16::try_from(port.as_int()?).ok())?;
        (scheme, text(service, "host"), port, text(service, "path"))
    };
    let known = matches!(scheme, "http" | "https" | "grpc" | "grpcs");
    let path_is_plain = path.bytes().all(|one| one.is_ascii_alphanumeric() || b"/-_.~".contains(&one))
        && !path.contains("//");
    (known && plain(host) && path_is_plain).then(|| (scheme, host.to_owned(), port, path))
}

impl<'a> Service<'a> {
    pub(super) fn new(kong: &'a Kong<'a>, node: &'a Node) -> Self {
        Self { kong, node }
    }

    /// Whether all of it can be said here.
    pub(super) fn can_say(service: &Node) -> bool {
        address(service).is_some()
    }

    pub(super) fn tree(&self, entry: &Entry<'_>, report: &mut Report) -> Upstream {
        let mut tree = Tree::map();
        let Some((scheme, host, port, path)) = address(self.node) else {
            return Upstream { tree, rewrite: None };
        };
        let clear = if matches!(scheme, "https" | "grpcs") { "https" } else { "http" };
        let block = self.kong.all("upstreams").find(|one| text(one, "name") == host);
        match block {
            Some(block) => self.targets(block, clear, &mut tree, report),
            None => tree.set("servers", Tree::texts([format!("{clear}://{host}:{port}")])),
        }
        if scheme.starts_with("grpc") {
            tree.set("protocol", Tree::text("http2"));
        }
        let mut timeouts = Tree::map();
        for (name, key) in [("connect_timeout", "connect"), ("read_timeout", "head")] {
            if let Some(time) = self.node.get(name).and_then(Node::as_int).filter(|time| *time > 0) {
                timeouts.set(key, Tree::text(&format!("{time}ms")));
            }
        }
        if !timeouts.is_empty() {
            tree.set("timeouts", timeouts);
        }
        self.told(clear, entry, report);
        let strips = entry.route.get("strip_path").and_then(Node::as_bool).unwrap_or(true);
        let base = path.trim_end_matches('/');
        let rewrite = if strips { base.to_owned() } else { format!("{base}{}", entry.path) };
        let rewrite =
            (rewrite != entry.path).then(|| if rewrite.is_empty() { "/".to_owned() } else { rewrite });
        Upstream { tree, rewrite }
    }

    fn told(&self, scheme: &str, entry: &Entry<'_>, report: &mut Report) {
        let place = &self.node.place;
        let what = format!("service {}", text(self.node, "name"));
        report.carried(place, &what, "servers of an upstream");
        if scheme == "https" && self.node.get("tls_verify").and_then(Node::as_bool) != Some(true) {
            report.approximated(
                place,
                &what,
                "the certificates of its servers are verified here (`tls.ca` names who signs them)",
            );
        }
        for key in ["retries", "client_certificate", "ca_certificates", "write_timeout", "tls_verify_depth"] {
            if let Some(one) = self.node.entry(key) {
                report.lost(
                    &one.key.place,
                    key,
                    "is left to the upstream's defaults",
                    "compare docs/upstreams.md",
                );
            }
        }
        if entry.route.get("preserve_host").and_then(Node::as_bool) != Some(true) {
            report.lost(
                &entry.route.place,
                "preserve_host: false",
                "the Host that the client asked for goes on, where Kong sent the server's own",
                "let the servers answer that host",
            );
        }
    }

    fn targets(&self, block: &Node, scheme: &str, tree: &mut Tree, report: &mut Report) {
        let inner = listed(block, "targets").iter();
        let outer = self
            .kong
            .all("targets")
            .filter(|one| one.get("upstream").is_some_and(|name| super::refers(name, block)));
        let targets: Vec<_> = inner.chain(outer).collect();
        let weight = |one: &Node| {
            one.get("weight").and_then(Node::as_int).and_then(|one| u64::try_from(one).ok()).unwrap_or(100)
        };
        let most = targets.iter().map(|one| weight(one)).max().unwrap_or(100).max(1);
        let mut servers = Vec::new();
        for target in targets {
            let address = text(target, "target");
            let weight = weight(target);
            if weight == 0 || address.is_empty() {
                report.carried(&target.place, "target", "nothing: its weight is 0");
                continue;
            }
            let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            let url = Tree::text(&format!("{scheme}://{address}{}", if has_port { "" } else { ":8000" }));
            let share = (weight.saturating_mul(100) / most).clamp(1, 100);
            servers.push(Tree::map().with("url", url).with("weight", Tree::number(share)));
        }
        tree.set("servers", Tree::list(servers).about(&format!("upstream {}", text(block, "name"))));
        match text(block, "algorithm") {
            "" | "round-robin" => {}
            "least-connections" => tree.set("balance", Tree::text("least_connections")),
            "consistent-hashing" if text(block, "hash_on") == "ip" => {
                tree.set("balance", Tree::text("hash"));
                tree.set("balance_key", Tree::text("ip"));
            }
            other => report.lost(
                &block.place,
                other,
                "this way to balance has no equivalent: one after the other",
                "compare `balance` in docs/upstreams.md",
            ),
        }
        health(block, tree, report);
        report.approximated(
            &block.place,
            &format!("upstream {}", text(block, "name")),
            "servers of an upstream; weights as shares of 100",
        );
    }
}

/// Active checks; passive ones are left to the upstream's own.
fn health(block: &Node, tree: &mut Tree, report: &mut Report) {
    let Some(checks) = block.get("healthchecks") else { return };
    let active = checks.get("active");
    let number = |part: &str, key: &str| {
        let value = active?.get(part)?.get(key)?.as_int()?;
        u64::try_from(value).ok().filter(|value| *value > 0)
    };
    if let (Some(every), Some(active)) = (number("healthy", "interval"), active) {
        let mut health = Tree::map();
        if text(active, "type") == "tcp" {
            health.set("check", Tree::text("tcp"));
        } else {
            let path = Some(text(active, "http_path")).filter(|path| path.starts_with('/'));
            health.set("path", Tree::text(path.unwrap_or("/")));
        }
        health.set("every", Tree::text(&format!("{every}s")));
        for (part, key, name) in
            [("unhealthy", "http_failures", "down_after"), ("healthy", "successes", "up_after")]
        {
            if let Some(value) = number(part, key) {
                health.set(name, Tree::number(value));
            }
        }
        tree.set("health", health);
    }
    report.approximated(&checks.place, "healthchecks", "checks at one interval, good from 200 to 299; exchanges that fail are judged by the upstream's own `health`");
}
